"""Caller audio that Python sees, and the same that it does not see."""

from __future__ import annotations

from typing import Any

from caller_bench import FRAME_MS, CallerBench
from chance import examples
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.conversation.negotiation import LONGEST_WAIT_MS


def stated(rate: int, encoding: str = "pcm") -> dict[str, Any]:
    return {"audio": {"input": {"format": {"type": f"audio/{encoding}", "rate": rate}}}}


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("say"), st.integers(1, 4), st.sampled_from([(8000, 1), (8000, 1), (16000, 1), (8000, 2)])),
        st.tuples(st.just("tick")),
        st.tuples(st.sampled_from(["mute", "unmute", "pause", "flush", "connect"])),
        st.tuples(st.sampled_from(["congest", "lose"]), st.booleans()),
        st.tuples(
            st.just("server"),
            st.sampled_from(["session.created", "session.updated", "error"]),
            st.sampled_from([{}, stated(8000), stated(24000), stated(8000, "pcmu")]),
        ),
        st.tuples(st.just("application"), st.sampled_from([{}, stated(24000), stated(8000, "pcma")])),
        st.tuples(st.just("wait")),
    ),
    max_size=40,
)


@given(
    EVENTS,
    st.sampled_from([20, 100]),
    st.sampled_from(["pcm", "pcmu"]),
    st.sampled_from([1, 2]),
    st.booleans(),
    st.booleans(),
)
@examples(200)
def test_caller_audio_comes_to_the_same_whether_python_sees_it_or_not(
    events: list[tuple[Any, ...]], message_ms: int, law: str, channels: int, raw: bool, restored: bool
) -> None:
    """The law of this direction: a gate that is open does what looking at each frame would have done."""
    ways = [
        CallerBench(message_ms, law=law, channels=channels, raw=raw, short_way=short, restored=restored)
        for short in (True, False)
    ]
    frame, connected = 0, True
    for event, *arguments in [*events, ("say", 3, (8000, 1)), ("tick",), ("flush",)]:
        for way in ways:
            outgoing = way.outgoing
            match event:
                case "say":
                    count, (rate, read_channels) = arguments
                    for n in range(count):
                        sample = (37 * (frame + n) % 20000 + 1).to_bytes(2, "little")
                        way.switch.capture(
                            sample * (rate // 50 * read_channels), rate, read_channels, 10**9 + (frame + n) * 20_000_000
                        )
                case "tick":
                    way.tick()
                case "mute":
                    way.mute()
                case "unmute":
                    way.unmute()
                case "pause":
                    outgoing.finish()
                    outgoing.want(False)
                case "flush":
                    outgoing.flush()
                case "congest":
                    outgoing.congest(arguments[0])
                case "lose" if connected:
                    way.lose(keeps=arguments[0])
                case "connect" if not connected:
                    way.connect(keep=True)
                case "server":
                    way.server(arguments[0], session=arguments[1], error={})
                case "application":
                    way.session.negotiation.application_sent({"session": arguments[0]})
                    outgoing.look()
                case "wait":
                    for n in range(LONGEST_WAIT_MS // FRAME_MS + 1):
                        way.switch.capture(b"\1\0" * 160, 8000, 1, 10**9 + (frame + n) * 20_000_000)
                        way.tick()
        if event == "say":
            frame += arguments[0]
        elif event == "wait":
            frame += LONGEST_WAIT_MS // FRAME_MS + 1
        connected = (connected or event == "connect") and event != "lose"
    short, long = ways
    assert short.transport.messages == long.transport.messages
    assert short.outgoing.sent_ms == long.outgoing.sent_ms
    assert b"".join(short.recorded) == b"".join(long.recorded)
    assert short.warnings == long.warnings
