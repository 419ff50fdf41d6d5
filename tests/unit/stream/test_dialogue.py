"""The short way of an audio delta, from the WebSocket's buffer into the playout, comes to the same as the long one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pybase64
import pytest
from hypothesis import given
from hypothesis import strategies as st
from timers import Timers

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.agent_audio import AgentAudio
from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.audio.heard import Heard
from mod_openai_realtime.audio.playback import MAX_QUEUE_S, Playback
from mod_openai_realtime.audio.utterance import Speech
from mod_openai_realtime.conversation.barge_in import BargeIn, BargeInTerms
from mod_openai_realtime.conversation.interruption import Interruption
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session import Session
from mod_openai_realtime.conversation.turn import TurnFigures
from mod_openai_realtime.dialect.client_messages import client_message
from mod_openai_realtime.dialect.messages import MAX_VALUES
from mod_openai_realtime.observe.mask import Mask
from mod_openai_realtime.observe.summary import Summary
from mod_openai_realtime.observe.usage import Usage
from mod_openai_realtime.stream.dialogue import Dialogue
from mod_openai_realtime.stream.reports import Reports
from mod_openai_realtime.stream.settings import Settings

RATE = 24000
WRITE_RATE = 8000


@dataclass
class Sink:
    """What became of it: (name, arguments…), and what Speech was told of."""

    told: list[tuple[Any, ...]] = field(default_factory=list)
    look: Callable[[], None] = lambda: None

    def say(self, events: list[Speech]) -> None:
        self.told += [("say", event) for event in events]

    def forward(self, kind: str | None, payload: bytes) -> None:
        self.told.append(("event", kind, payload))

    def warn(self, text: str) -> None:
        self.told.append(("warn", text))

    def audio_file(self, pcm: bytes, rate: int, message: object) -> None:
        self.told.append(("audio_file", pcm, rate))

    def send(self, payload: bytes) -> None:
        self.told.append(("send", payload))


class Bench:
    """Messages in, and the switch's end of the playback ring."""

    def __init__(self, *, short_way: bool, audio_files: bool = False) -> None:
        settings, _ = Settings.read({}, raw_api=False)
        self.switch = SwitchSide()
        self.memory = StreamMemory(self.switch.fd)
        self.playback = Playback(self.memory, playback_rate=RATE, write_rate=WRITE_RATE)
        self.sink = Sink()
        wishes = {Side.PLAYBACK: Wish(Encoding.PCM, RATE)}
        later = Timers().later
        reports = Reports(settings, Mask([]), Summary(Usage(), 0, 0), later, lambda text: None)
        complaints, interruption = Complaints(lambda text: None), Interruption(True)

        def make_session(number: int, server: int) -> Session:
            negotiation = Negotiation(wishes, complaints, session=True)
            return Session(number, negotiation, interruption, plays=True, raw=False)

        file = self.sink.audio_file if audio_files else None
        audio = AgentAudio(self.playback, TurnFigures(), self.sink.warn, file, self.sink.look, raw=False)
        self.dialogue = Dialogue(make_session, audio, reports, self.sink, self.sink, later)
        self.sink.look = lambda: audio.look(self.dialogue.session)
        self.take_audio = self.dialogue.take_audio if short_way else None
        self.short = 0
        self.heard: list[bytes | None] = []
        self.cut: list[Heard] = []
        self.played: list[tuple[Any, ...]] = []

    def receive(self, payload: bytes) -> None:
        """As the WebSocket does it."""
        if self.take_audio is not None and self.take_audio(memoryview(payload)):
            self.short += 1
        else:
            self.dialogue.text(payload)

    def run(self, frames: int) -> None:
        for _ in range(frames):
            self.sink.say(self.playback.tick())
            self.sink.look()
            self.cut += self.playback.interrupted()
            self.played += [(p.response, p.heard_ms, p.interrupted) for p in self.playback.played()]
            self.heard.append(self.switch.playback(WRITE_RATE // 50, WRITE_RATE))

    def outcome(self) -> tuple[Any, ...]:
        return self.heard, self.cut, self.played, self.sink.told, self.playback.playout.end, self.playback.idle


def delta(audio: bytes, response: str | None = "r1", item: str | None = "i1", index: int = 0, **more: Any) -> bytes:
    fields: dict[str, Any] = {"type": "response.output_audio.delta", "content_index": index, **more}
    if response is not None:
        fields["response_id"] = response
    if item is not None:
        fields["item_id"] = item
    return orjson.dumps({**fields, "delta": pybase64.b64encode(audio).decode()})


def about(kind: str, response: str = "r1") -> bytes:
    return orjson.dumps({"type": kind, "response_id": response, "response": {"id": response}})


def stated(encoding: str, rate: int | None = None) -> bytes:
    """The server says in which format its audio comes."""
    return orjson.dumps(
        {"type": "session.updated", "session": {"audio": {"output": {"format": {"type": encoding, "rate": rate}}}}}
    )


deltas = st.builds(
    delta,
    st.integers(0, 3000).map(lambda count: bytes(n * 7 & 0x3F for n in range(count))),
    st.sampled_from(["r1", "r1", "r1", "r2", "ré", None]),
    st.sampled_from(["i1", "i1", "i1", "i2", None]),
    st.sampled_from([0, 0, 0, 1, 2**64 - 1, -1]),
)
others = st.sampled_from(
    [
        about("response.created"),
        about("response.created", "r2"),
        about("response.output_audio.done"),
        about("response.output_audio.done", "r2"),
        about("response.done"),
        about("input_audio_buffer.speech_started"),
        about("input_audio_buffer.committed"),
        about("response.output_audio_transcript.delta"),
        b'{"type":"session.updated","session":{"turn_detection":{"interrupt_response":false}}}',
        b'{"type":"session.updated","session":{"turn_detection":null}}',
        stated("audio/pcm", 24000),
        stated("audio/pcm", 16000),
        stated("audio/pcmu"),
        stated("audio/pcma"),
        b'{"type":"response.created","response":{"id":"r2","metadata":{"interruptible":"false"}}}',
        b'{"type":"response.done","response":{"id":"r1","status_details":{"reason":"client_cancelled"}}}',
        b'{"type":"response.output_audio.delta","response_id":"r1","item_id":"i1","content_index":0,"delta":"?"}',
        b'{"type":"response.output_audio.delta","response_id":"r1","item_id":"i1","content_index":0,"delta":""}',
        b'{"type":"response.output_audio.delta"}',
        b"no json",
    ]
)


def says(kind: str, **fields: Any) -> Callable[[Bench], None]:
    """A message of the application goes out."""
    message = client_message(orjson.dumps({"type": kind, **fields}))
    assert message is not None
    return lambda bench: bench.dialogue.application_said(message, caller_is_heard=True)


application = st.sampled_from(
    [
        lambda bench: bench.dialogue.silence(),
        lambda bench: bench.dialogue.connection_lost(),
        lambda bench: bench.dialogue.dropped("too large"),
        says("response.cancel"),
        says("response.cancel", response_id="r1"),
        says("response.create", response={"metadata": {"interruptible": "false"}}),
        says("conversation.item.truncate", item_id="i1", content_index=0, audio_end_ms=0),
        says("conversation.item.truncate", item_id="i2"),
    ]
)
steps = st.lists(st.one_of(deltas, deltas, deltas, others, others, application, st.integers(1, 8)), max_size=60)


@given(steps)
def test_whatever_comes_both_ways_come_to_the_same(steps: list[Any]) -> None:
    short, long = Bench(short_way=True), Bench(short_way=False)
    for bench in (short, long):
        for step in steps:
            if isinstance(step, int):
                bench.run(step)
            elif isinstance(step, bytes):
                bench.receive(step)
            else:
                step(bench)
        bench.run(40)
    assert short.outcome() == long.outcome()


def test_from_the_second_delta_of_a_part_on_the_way_is_short() -> None:
    bench = Bench(short_way=True)
    for _ in range(3):
        bench.receive(delta(bytes(960)))
        bench.receive(about("response.output_audio_transcript.delta"))
    assert bench.short == 2
    bench.receive(delta(bytes(960), index=1))
    bench.receive(delta(bytes(960), index=1))
    assert bench.short == 3
    assert bench.playback.playout.end == 5 * 480


@pytest.mark.parametrize(
    "between",
    [
        about("input_audio_buffer.speech_started"),
        about("response.output_audio.done"),
        about("response.done"),
        delta(bytes(3)),
        delta(bytes(960), "r2"),
    ],
)
def test_what_audio_may_depend_on_makes_the_way_long_again(between: bytes) -> None:
    bench = Bench(short_way=True)
    bench.receive(delta(bytes(960)))
    bench.receive(between)
    bench.receive(delta(bytes(960)))
    assert bench.short == 0


def test_a_full_queue_is_told_of_once_until_half_of_it_has_been_heard() -> None:
    bench = Bench(short_way=True)
    second = delta(bytes(2 * RATE))

    def warnings() -> int:
        return len([told for told in bench.sink.told if told[0] == "warn" and "too much audio" in told[1]])

    for _ in range(MAX_QUEUE_S + 2):
        bench.receive(second)
    for _ in range(20):  # a little of it fits now and then
        bench.run(50)
        bench.receive(second)
        bench.receive(second)
    assert warnings() == 1
    assert bench.playback.playout.queued > (MAX_QUEUE_S - 2) * RATE
    bench.run(50 * (MAX_QUEUE_S // 2 + 2))
    for _ in range(MAX_QUEUE_S):
        bench.receive(second)
    assert warnings() == 2


def test_files_of_agent_audio_take_the_long_way() -> None:
    bench = Bench(short_way=True, audio_files=True)
    assert bench.take_audio is None


def test_audio_that_was_dropped_makes_no_file() -> None:
    bench = Bench(short_way=False, audio_files=True)
    second = delta(bytes(2 * RATE))
    for _ in range(2 * MAX_QUEUE_S):
        bench.receive(second)
    files = [told for told in bench.sink.told if told[0] == "audio_file"]
    assert len(files) == bench.playback.playout.end // RATE <= MAX_QUEUE_S + 1


MANY = b"[" + b"[]," * MAX_VALUES + b"0]"


def test_what_has_too_many_values_is_told_and_nothing_else() -> None:
    bench = Bench(short_way=True)
    bench.receive(delta(bytes(960)))
    audio = b'{"output":{"format":{"type":"audio/pcmu"}}}'
    update = b'{"type":"session.updated","session":{"audio":' + audio + b'},"a":' + MANY + b"}"
    bench.receive(update)
    bench.receive(update)
    bench.receive(delta(bytes(960)))
    assert bench.playback.playout.end == 960
    assert [told[2] for told in bench.sink.told if told[0] == "event"] == [update, update]
    assert [told[1] for told in bench.sink.told if told[0] == "warn"] == [
        "message passed on unread: its JSON has more than 50000 values"
    ]


@pytest.mark.parametrize(
    "lost",
    [b'{"type":"response.output_audio.delta","delta":"AAAA","a":' + MANY + b"}", MANY + b"\0"],
    ids=["delta", "nul"],
)
def test_of_too_many_values_no_audio_and_no_nul_byte_gets_out(lost: bytes) -> None:
    bench = Bench(short_way=True)
    bench.receive(lost)
    assert [told for told in bench.sink.told if told[0] == "event"] == []
    assert bench.playback.playout.end == 0


def test_companded_audio_takes_the_short_way_too_until_its_format_changes() -> None:
    bench = Bench(short_way=True)
    bench.receive(stated("audio/pcmu"))
    bench.receive(delta(bytes(160)))
    bench.receive(delta(bytes(161)))
    assert bench.short == 1
    assert (bench.playback.rate, bench.playback.playout.end) == (8000, 321)
    bench.receive(stated("audio/pcma"))
    bench.receive(delta(bytes(160)))
    assert bench.short == 1


def test_what_changes_nothing_for_the_audio_leaves_the_way_short() -> None:
    bench = Bench(short_way=True)
    bench.receive(delta(bytes(960)))
    for other in (about("response.created", "r2"), about("input_audio_buffer.committed"), stated("audio/pcm")):
        bench.receive(other)
        bench.receive(delta(bytes(960)))
    assert bench.short == 3


def nested(depth: int) -> bytes:
    return b'{"type":"x","a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"


@pytest.mark.parametrize("short_way", [True, False])
@pytest.mark.parametrize(
    "lose",
    [
        lambda bench: bench.dialogue.dropped("incoming message over 8 bytes dropped"),
        lambda bench: bench.receive(b'{"type":"response.output_audio.delta","response_id":"r1","delta":"A*"}'),
        lambda bench: bench.receive(nested(129)),
        lambda bench: bench.receive(b'{"type":"x"}\0'),
        lambda bench: bench.dialogue.binary(b"\x01\x02"),
    ],
    ids=["large", "malformed", "deep", "nul", "binary"],
)
def test_after_each_dropped_message_there_is_no_half_sample_and_one_line_in_the_log(lose: Any, short_way: bool) -> None:
    bench = Bench(short_way=short_way)
    for _ in range(3):
        bench.receive(delta(bytes(3)))
        lose(bench)
        bench.receive(delta(bytes(4)))
    assert bench.playback.playout.end == 3 * (1 + 2)
    assert [told[0] for told in bench.sink.told] == ["warn"]


def test_what_finds_the_queue_full_leaves_no_half_sample() -> None:
    bench = Bench(short_way=False)
    bench.receive(delta(bytes(2 * RATE * MAX_QUEUE_S)))
    bench.run(30)
    taken = bench.playback.playout.end
    bench.receive(delta(bytes(2 * RATE + 1)))
    assert bench.playback.playout.end == taken
    bench.receive(delta(bytes(3)))
    assert bench.playback.playout.end == taken + 1


def test_once_a_full_queue_takes_again_audio_goes_its_short_way_again() -> None:
    bench = Bench(short_way=True)
    for _ in range(MAX_QUEUE_S + 2):
        bench.receive(delta(bytes(2 * RATE)))
    bench.run(100)
    bench.receive(delta(bytes(2)))
    short = bench.short
    bench.receive(delta(bytes(2)))
    assert bench.short == short + 1


def test_half_a_sample_is_forgotten_where_companded_audio_comes_between() -> None:
    bench = Bench(short_way=False)
    bench.receive(delta(bytes(3)))
    bench.receive(stated("audio/pcmu"))
    bench.receive(delta(b"\xff" * 8))
    bench.receive(stated("audio/pcm", RATE))
    bench.receive(delta(bytes(2)))
    end = bench.playback.playout.end
    bench.receive(delta(bytes(3)))
    assert bench.playback.playout.end == end + 1


def test_half_a_sample_belongs_to_its_part() -> None:
    bench = Bench(short_way=False)
    bench.receive(delta(bytes(3)))
    bench.receive(about("response.output_audio_transcript.delta"))
    bench.receive(delta(bytes(1)))
    assert bench.playback.playout.end == 2
    bench.receive(delta(bytes(3)))
    bench.receive(delta(bytes(3), "r2"))
    assert bench.playback.playout.end == 4
    bench.receive(delta(bytes(1), "r2"))
    assert bench.playback.playout.end == 5


def session(detection: Any) -> bytes:
    return orjson.dumps({"type": "session.updated", "session": {"turn_detection": detection}})


def sent(bench: Bench) -> list[dict[str, Any]]:
    return [orjson.loads(told[1]) for told in bench.sink.told if told[0] == "send"]


def test_a_break_cancels_what_it_silences_and_nothing_else() -> None:
    bench = Bench(short_way=True)
    bench.receive(about("response.created"))
    bench.receive(delta(bytes(9600)))
    bench.receive(about("response.created", "r2"))
    bench.run(2)
    bench.dialogue.silence()
    assert sent(bench) == [{"type": "response.cancel", "response_id": "r1"}]
    bench.receive(delta(bytes(9600)))
    assert bench.playback.idle
    bench.receive(delta(bytes(9600), "r2"))
    assert not bench.playback.idle
    bench.dialogue.silence()
    assert sent(bench)[1:] == [{"type": "response.cancel"}]


def test_a_response_that_is_over_at_the_server_is_not_cancelled() -> None:
    bench = Bench(short_way=True)
    bench.receive(about("response.created"))
    bench.receive(delta(bytes(9600)))
    bench.receive(about("response.done"))
    bench.dialogue.silence()
    assert sent(bench) == []


def test_a_break_of_what_an_old_session_left_cancels_nothing_of_the_new_one() -> None:
    bench = Bench(short_way=True)
    bench.receive(about("response.created"))
    bench.receive(delta(bytes(9600)))
    bench.dialogue.connection_lost()
    bench.receive(about("response.created"))
    bench.dialogue.silence()
    assert sent(bench) == []
    bench.receive(delta(bytes(9600)))
    assert not bench.playback.idle


def test_without_turn_detection_the_engine_cancels_what_may_be_interrupted() -> None:
    bench = Bench(short_way=True)
    bench.receive(session(None))
    bench.receive(about("response.created"))
    bench.receive(b'{"type":"response.created","response":{"id":"r2","metadata":{"interruptible":"false"}}}')
    bench.receive(about("input_audio_buffer.speech_started"))
    assert sent(bench) == [{"type": "response.cancel", "response_id": "r1"}]
    bench.receive(about("input_audio_buffer.speech_started"))
    assert len(sent(bench)) == 1


def test_half_a_sample_of_what_is_kept_is_kept() -> None:
    bench = Bench(short_way=True)
    bench.receive(delta(bytes(4), "r1"))
    bench.receive(delta(bytes(3), "r2"))
    says("response.cancel", response_id="r1")(bench)
    bench.receive(delta(bytes(1), "r2"))
    bench.receive(delta(bytes(3), "r2"))
    says("response.cancel")(bench)
    end = bench.playback.playout.end
    bench.receive(delta(bytes(3), "r3"))
    assert bench.playback.playout.end == end + 1


@pytest.mark.parametrize("policy", BargeIn)
@pytest.mark.parametrize(
    "payload", [b"[7]", b"7", b'{ "type": "marker" }', b'{ "type": "session.update", "session": {"tools": []} }']
)
def test_a_message_in_which_nothing_is_to_be_changed_goes_out_as_it_was_written(
    policy: BargeIn, payload: bytes
) -> None:
    dialogue = Bench(short_way=True).dialogue
    dialogue.session.barge_in = BargeInTerms(policy, dialogue.session.dialect, asks=True)
    assert dialogue.for_server(payload) == payload
