"""A language model behind the endpoint, which is played here by a transport without a network."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.chat import ChatModel

MakeBench = Callable[..., Any]
ONE_PIECE = Behaviour(pacing=Pacing(speed=None))
HOURS = {"type": "function", "name": "hours", "parameters": {"type": "object"}}


class Model:
    """Answers one request after the other with these deltas; `asked` are the bodies."""

    def __init__(self, *answers: list[dict[str, Any]] | httpx2.Response) -> None:
        self.answers = list(answers)
        self.asked: list[dict[str, Any]] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []

    def agent(self, **options: Any) -> ChatModel:
        url = options.pop("url", "http://model.invalid/v1/")
        return ChatModel(url, transport=httpx2.MockTransport(self._answer), **options)

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.paths.append(request.url.path)
        self.keys.append(request.headers.get("authorization"))
        if request.url.path.endswith("/models"):
            return httpx2.Response(200, json={"data": [{"id": "small"}]})
        self.asked.append(json.loads(request.content))
        answer = self.answers.pop(0)
        if isinstance(answer, httpx2.Response):
            return answer
        lines = [f"data: {json.dumps({'choices': [{'delta': delta}]})}\n\n" for delta in answer]
        text = ": a comment\n\n" + "".join(lines) + "data: [DONE]\n\n"
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, text=text)


def says(*pieces: str) -> list[dict[str, Any]]:
    return [{"role": "assistant", "content": ""}, *({"content": piece} for piece in pieces)]


async def respond(bench: Any, **response: Any) -> dict[str, Any]:
    await bench.send("response.create", response=response)
    await bench.clock.move(1)
    done: dict[str, Any] = bench.of("response.done")[-1]["response"]
    return done


async def test_its_words_are_spoken(make_bench: MakeBench) -> None:
    model = Model(says("Good ", "morning. ", "Hello", "."))
    bench = make_bench(agent=model.agent(key="secret"), behaviour=ONE_PIECE)
    await bench.update(instructions="Be brief.")
    done = await respond(bench, max_output_tokens=99)
    assert done["output"][0]["content"][0]["transcript"] == "Good morning. Hello."
    (asked,) = model.asked
    assert (asked["model"], asked["stream"], asked["max_tokens"]) == ("small", True, 99)
    assert asked["messages"][0] == {"role": "system", "content": "Be brief."}
    assert asked["messages"][1]["role"] == "user"
    assert "tools" not in asked
    assert model.paths == ["/v1/models", "/v1/chat/completions"]
    assert model.keys == ["Bearer secret"] * 2


async def test_its_tools_are_called_and_it_is_told_the_result(make_bench: MakeBench) -> None:
    call = [
        {"tool_calls": [{"index": 0, "id": "x", "function": {"name": "hours", "arguments": ""}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": '{"day":'}}]},
        {"tool_calls": [{"index": 0, "function": {"arguments": ' "monday"}'}}]},
    ]
    model = Model(call, says("From seven."))
    bench = make_bench(agent=model.agent(model="large"), behaviour=ONE_PIECE)
    await bench.update(tools=[HOURS], parallel_tool_calls=False)
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "When on Monday?"}]}
    await bench.send("conversation.item.create", item=item)
    await respond(bench)
    made = bench.only("response.function_call_arguments.done")
    assert (made["name"], made["arguments"]) == ("hours", '{"day": "monday"}')
    output = {"type": "function_call_output", "call_id": made["call_id"], "output": "7"}
    await bench.send("conversation.item.create", item=output)
    await respond(bench, tool_choice="none")
    first, second = model.asked
    assert first["tools"] == [{"type": "function", "function": {"name": "hours", "parameters": {"type": "object"}}}]
    assert (first["tool_choice"], first["parallel_tool_calls"]) == ("auto", False)
    assert second["tool_choice"] == "none"
    asking, calling, result = second["messages"][1:]
    assert asking == {"role": "user", "content": "When on Monday?"}
    assert calling["tool_calls"][0]["function"] == {"name": "hours", "arguments": '{"day": "monday"}'}
    assert result == {"role": "tool", "tool_call_id": made["call_id"], "content": "7"}


async def test_a_call_without_a_result_is_not_told(make_bench: MakeBench) -> None:
    model = Model(says("Well."))
    bench = make_bench(agent=model.agent(), behaviour=ONE_PIECE)
    item = {"type": "function_call", "name": "hours", "arguments": "{}", "call_id": "c"}
    await bench.send("conversation.item.create", item=item)
    await respond(bench)
    assert [each["role"] for each in model.asked[0]["messages"]] == ["system", "user"]


async def test_what_the_caller_said_is_told_as_far_as_it_is_known(make_bench: MakeBench) -> None:
    async def transcriber(_samples: Any, _rate: int) -> str:
        return "Hello."

    model = Model(says("One."), says("Two."))
    for known in (transcriber, None):
        bench = make_bench(agent=model.agent(), behaviour=ONE_PIECE, transcriber=known)
        await bench.hear(500, 8000)
        await bench.hear(800)
        await bench.clock.move(1)
    told = [asked["messages"][-1]["content"] for asked in model.asked]
    assert told == ["Hello.", "(The caller said something that was not understood.)"]


async def test_a_server_that_does_not_stream_will_do(make_bench: MakeBench) -> None:
    whole = httpx2.Response(200, json={"choices": [{"message": {"content": "Hello."}}]})
    bench = make_bench(agent=Model(whole).agent(), behaviour=ONE_PIECE)
    assert (await respond(bench, output_modalities=["text"]))["output"][0]["content"][0]["text"] == "Hello."


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx2.Response(500, text="out of memory"), "HTTP 500: out of memory"),
        (httpx2.Response(200, json={"error": {"message": "no such model"}}), "no such model"),
        (httpx2.Response(200, headers={"content-type": "text/event-stream"}, text="data: {\n\n"), "is no JSON"),
    ],
)
async def test_what_goes_wrong_fails_the_response_and_says_so(
    make_bench: MakeBench, answer: httpx2.Response, said: str
) -> None:
    bench = make_bench(agent=Model(answer, says("Better.")).agent(), behaviour=ONE_PIECE)
    done = await respond(bench)
    assert (done["status"], done["status_details"]["error"]["code"]) == ("failed", "language_model_error")
    assert said in done["status_details"]["error"]["message"]
    assert (await respond(bench))["status"] == "completed"


async def test_a_model_that_is_not_there_is_said_to_be(make_bench: MakeBench) -> None:
    bench = make_bench(agent=ChatModel("http://127.0.0.1:9/v1", "small"))
    await bench.send("response.create")
    while not bench.of("response.done"):
        await bench.clock.move(1)
    error = bench.only("response.done")["response"]["status_details"]["error"]
    assert error["message"] == "the language model can't be asked: ConnectError"
