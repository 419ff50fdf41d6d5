"""A language model behind the endpoint: any server of the chat completions API, tools included."""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import orjson

from .turns import Context, FunctionCall, Model, ModelError, Piece

log = logging.getLogger(__name__)
_PATH = "/chat/completions"
_TIMEOUT_S = 60.0
_SHOWN_LETTERS = 200
_NOT_UNDERSTOOD = "(The caller said something that was not understood.)"
_NOBODY_SPOKE = "(The caller is on the line and has not said anything yet.)"


class ChatError(ModelError):
    """The language model did not answer, or not with what it should."""

    code = "language_model_error"


class ChatModel(Model):
    """Asks the model for each response, with all of the conversation; keeps nothing, so that one serves all sessions.

    `url` is the API's base, such as `http://127.0.0.1:8080/v1`. `model` None: the first that the server lists.
    """

    def __init__(
        self,
        url: str,
        model: str | None = None,
        key: str | None = None,
        *,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._base = url.rstrip("/").removesuffix(_PATH)
        self._model = model
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._transport = transport
        self._client: httpx2.AsyncClient | None = None

    async def answer(self, context: Context) -> AsyncIterator[Piece]:
        return self._pieces(request(context))

    async def _pieces(self, body: dict[str, Any]) -> AsyncIterator[Piece]:
        if self._client is None:
            self._client = httpx2.AsyncClient(headers=self._headers, timeout=_TIMEOUT_S, transport=self._transport)
        calls: dict[int, dict[str, str]] = {}
        try:
            body["model"] = await self._model_of(self._client)
            async with self._client.stream("POST", self._base + _PATH, json=body) as response:
                if response.status_code != httpx2.codes.OK:
                    text = (await response.aread()).decode("utf-8", "replace")[:_SHOWN_LETTERS]
                    raise ChatError(f"the language model answered with HTTP {response.status_code}: {text}")
                async for event in _events(response):
                    for delta in _deltas(event):
                        if delta.get("content"):
                            yield delta["content"]
                        _gather(calls, delta.get("tool_calls") or ())
        except httpx2.HTTPError as error:
            raise ChatError(f"the language model can't be asked: {type(error).__name__}") from error
        for _, call in sorted(calls.items()):
            yield FunctionCall(call["name"], call["arguments"] or "{}")

    async def _model_of(self, client: httpx2.AsyncClient) -> str:
        if self._model is None:
            response = await client.get(f"{self._base}/models")
            try:
                self._model = str(response.json()["data"][0]["id"])
            except (ValueError, LookupError, TypeError):
                raise ChatError("the language model's server lists no model; name one with --llm-model") from None
            log.info("the language model is %s", self._model)
        return self._model


def request(context: Context) -> dict[str, Any]:
    """The body of the request, but for the model."""
    body: dict[str, Any] = {"messages": messages(context), "stream": True}
    tools = [_tool(tool) for tool in context.tools if tool["type"] == "function"]
    if tools:
        body["tools"] = tools
        choice = context.tool_choice
        if isinstance(choice, dict):
            choice = {"type": "function", "function": {"name": choice.get("name", "")}}
        body["tool_choice"] = choice
        if not context.parallel_tool_calls:
            body["parallel_tool_calls"] = False
    if not isinstance(context.max_output_tokens, str):
        body["max_tokens"] = context.max_output_tokens
    return body


def messages(context: Context) -> list[dict[str, Any]]:
    """The conversation as chat completions want it, without calls that have no result yet: they would be refused."""
    answered = {item["call_id"] for item in context.items if item["type"] == "function_call_output"}
    made: list[dict[str, Any]] = [{"role": "system", "content": context.instructions}]
    called: set[str] = set()
    for item in context.items:
        if item["type"] == "message":
            made.append({"role": item["role"], "content": _content(item["content"])})
        elif item["type"] == "function_call" and item["call_id"] in answered:
            called.add(item["call_id"])
            function = {"name": item["name"], "arguments": item["arguments"]}
            call = {"id": item["call_id"], "type": "function", "function": function}
            if "tool_calls" in made[-1]:
                made[-1]["tool_calls"].append(call)
            else:
                made.append({"role": "assistant", "content": None, "tool_calls": [call]})
        elif item["type"] == "function_call_output" and item["call_id"] in called:
            made.append({"role": "tool", "tool_call_id": item["call_id"], "content": item["output"]})
    if all(each["role"] == "system" for each in made):
        made.append({"role": "user", "content": _NOBODY_SPOKE})
    return made


def _content(parts: Sequence[dict[str, Any]]) -> Any:
    texts = [part.get("text") or part.get("transcript") or "" for part in parts if part["type"] != "input_image"]
    text = " ".join(filter(None, texts)) or _NOT_UNDERSTOOD
    images = [{"type": "image_url", "image_url": {"url": p["image_url"]}} for p in parts if p["type"] == "input_image"]
    return [{"type": "text", "text": text}, *images] if images else text


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    return {"type": "function", "function": {name: value for name, value in tool.items() if name != "type"}}


async def _events(response: httpx2.Response) -> AsyncIterator[dict[str, Any]]:
    """Of a stream of server-sent events, or of one body where the server does not stream."""
    if "json" in response.headers.get("content-type", ""):
        yield _json(await response.aread())
        return
    async for line in response.aiter_lines():
        data = line.removeprefix("data:").strip()
        if line.startswith("data:") and data and data != "[DONE]":
            yield _json(data)


def _json(text: str | bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ChatError("the language model's answer is no JSON") from None
    if not isinstance(value, dict) or "error" in value:
        shown = str(value.get("error") if isinstance(value, dict) else value)[:_SHOWN_LETTERS]
        raise ChatError(f"the language model answered with an error: {shown}")
    return value


def _deltas(event: dict[str, Any]) -> list[dict[str, Any]]:
    choices = event.get("choices") or ()
    return [choice.get("delta") or choice.get("message") or {} for choice in choices]


def _gather(calls: dict[int, dict[str, str]], parts: Sequence[dict[str, Any]]) -> None:
    """Puts together what comes of each call bit by bit."""
    for place, part in enumerate(parts):
        call = calls.setdefault(part.get("index", place), {"name": "", "arguments": ""})
        function = part.get("function") or {}
        call["name"] += function.get("name") or ""
        call["arguments"] += function.get("arguments") or ""
