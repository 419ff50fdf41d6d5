"""Audio formats: nothing is used before the server has stated it, and what it states is used."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from openai.types.realtime import RealtimeClientEvent
from pydantic import TypeAdapter

from mod_openai_realtime.audio.audio_format import AudioFormat, Encoding
from mod_openai_realtime.conversation.negotiation import MAX_OUTSTANDING, Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.session_wishes import UPDATE_ID, session_update
from mod_openai_realtime.dialect.messages import classify

PCM, PCMU, PCMA = Encoding.PCM, Encoding.PCMU, Encoding.PCMA
PCM_16K = {"type": "audio/pcm", "rate": 16000}
PCM_24K = {"type": "audio/pcm", "rate": 24000}
ULAW, ALAW = {"type": "audio/pcmu"}, {"type": "audio/pcma"}
BOTH = {Side.CAPTURE: PCMU, Side.PLAYBACK: PCMU}


def session(capture: object = PCM_24K, playback: object = PCM_24K) -> dict[str, Any]:
    return {"type": "realtime", "audio": {"input": {"format": capture}, "output": {"format": playback}}}


class Bench:
    def __init__(self, wishes: dict[Side, Encoding], *, rate: int = 24000, raw: bool = False) -> None:
        self.warnings: list[str] = []
        self._wishes = {side: Wish(encoding, rate) for side, encoding in wishes.items()}
        self._complaints, self._raw = Complaints(self.warnings.append), raw
        self.connect()

    def connect(self) -> None:
        """A connection of the same stream, the first or another."""
        self.negotiation = Negotiation(self._wishes, self._complaints, session=not self._raw)

    def server(self, kind: str, **fields: Any) -> dict[str, Any] | None:
        """What is sent for a message of the server."""
        asked = self.negotiation.server_said(classify(orjson.dumps({"type": kind, **fields})))
        if asked is None:
            return None
        self.negotiation.engine_asks(asked)
        return {"type": "session.update", "event_id": UPDATE_ID, "session": asked}

    def created(self) -> dict[str, Any] | None:
        return self.server("session.created", session=session())

    def updated(self, capture: object = PCM_24K, playback: object = PCM_24K) -> None:
        assert self.server("session.updated", session=session(capture, playback)) is None

    def application(self, kind: str = "session.update", **fields: Any) -> None:
        self.sends(orjson.dumps({"type": kind, **fields}))

    def sends(self, payload: bytes) -> None:
        """Any message of the application."""
        self.negotiation.application_sent(session_update(payload))

    @property
    def formats(self) -> tuple[AudioFormat, AudioFormat]:
        return self.negotiation.capture, self.negotiation.playback


def test_pcm_asks_for_nothing_and_waits_for_nothing() -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM}, rate=16000)
    assert not bench.negotiation.waiting
    assert bench.server("session.created", session=session(PCM_16K, PCM_16K)) is None
    bench.updated(PCM_16K, PCM_16K)
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCM, 16000),) * 2


@pytest.mark.parametrize("kind", ["session.created", "session.updated"])
def test_a_rate_of_pcm_that_the_server_states_is_followed_with_one_warning(kind: str) -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM}, rate=16000)
    for _ in range(3):
        bench.server(kind, session=session(PCM_16K, PCM_24K))
        assert bench.formats == (AudioFormat(PCM, 16000), AudioFormat(PCM, 24000))
        bench.connect()
    (warning,) = bench.warnings
    assert "24000 Hz" in warning and "16000 Hz" in warning and "output" in warning


def test_the_rates_of_azure_are_understood() -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM})
    stated = {
        "input_audio_format": "pcm16",
        "input_audio_sampling_rate": 16000,
        "output_audio_format": "pcm16_8000hz",
    }
    bench.server("session.updated", session=stated)
    assert bench.formats == (AudioFormat(PCM, 16000), AudioFormat(PCM, 8000))
    assert len(bench.warnings) == 2


@pytest.mark.parametrize("rate", [44100, 11025, 0, -8000, 96000])
def test_a_rate_that_no_stream_can_use_is_told_and_not_followed(rate: int) -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM}, rate=16000)
    for _ in range(2):
        bench.updated({"type": "audio/pcm", "rate": rate}, PCM_16K)
    assert bench.formats == (AudioFormat(PCM, 16000),) * 2
    (warning,) = bench.warnings
    assert f"{rate} Hz" in warning


@pytest.mark.parametrize("rate", [None, "24000", 24000.0, True, [], {}])
def test_a_rate_that_is_no_whole_number_is_none(rate: object) -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM}, rate=16000)
    bench.updated({"type": "audio/pcm", "rate": rate}, {"type": "audio/pcm"})
    assert bench.formats == (AudioFormat(PCM, 16000),) * 2
    assert not bench.warnings


def test_caller_audio_waits_while_the_application_changes_its_rate() -> None:
    bench = Bench({Side.CAPTURE: PCM})
    bench.server("session.created", session=session())
    bench.application(session={"audio": {"input": {"format": PCM_16K}}})
    assert bench.negotiation.waiting
    bench.updated(PCM_16K)
    assert not bench.negotiation.waiting
    assert bench.negotiation.capture == AudioFormat(PCM, 16000)


def test_g711_is_asked_for_after_the_greeting_and_used_when_it_is_confirmed() -> None:
    bench = Bench(BOTH)
    assert bench.negotiation.waiting
    update = bench.created()
    assert update is not None
    TypeAdapter(RealtimeClientEvent).validate_python(update, strict=True)
    assert update["session"] == {"type": "realtime", "audio": {"input": {"format": ULAW}, "output": {"format": ULAW}}}
    assert bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCM, 24000),) * 2
    bench.updated(ULAW, ULAW)
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2
    assert not bench.warnings


@pytest.mark.parametrize(("capture", "playback"), [(PCM_24K, PCM_24K), (ULAW, PCM_24K), (PCM_24K, ULAW), (ALAW, ULAW)])
def test_what_the_server_states_is_used_whatever_was_asked(capture: dict[str, Any], playback: dict[str, Any]) -> None:
    bench = Bench(BOTH, rate=16000)
    bench.created()
    bench.updated(capture, playback)
    known = {"audio/pcm": AudioFormat(PCM, 24000), "audio/pcmu": AudioFormat(PCMU, 8000)}
    known["audio/pcma"] = AudioFormat(PCMA, 8000)
    assert bench.formats == (known[capture["type"]], known[playback["type"]])
    assert not bench.negotiation.waiting
    assert len(bench.warnings) == 1


@pytest.mark.parametrize("stated", [{"type": "audio/pcm"}, {"type": "audio/pcm", "rate": 44100}])
def test_pcm_without_a_usable_rate_is_at_the_rate_that_it_has(stated: dict[str, Any]) -> None:
    bench = Bench(BOTH, rate=16000)
    bench.updated(ULAW, ULAW)
    bench.updated(stated, stated)
    assert bench.formats == (AudioFormat(PCM, 16000),) * 2
    bench.updated()
    bench.updated(stated, stated)
    assert bench.formats == (AudioFormat(PCM, 24000),) * 2


@pytest.mark.parametrize("of", [{}, {"session": None}, {"session": {"audio": 5}}, {"session": session("x", ["y"])}])
def test_an_answer_that_states_no_format_means_pcm(of: dict[str, Any]) -> None:
    bench = Bench(BOTH)
    bench.created()
    assert bench.server("session.updated", **of) is None
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCM, 24000),) * 2
    assert len(bench.warnings) == 1


def test_only_the_directions_that_a_stream_has_are_asked_for() -> None:
    send = Bench({Side.CAPTURE: PCMA}).created()
    receive = Bench({Side.PLAYBACK: PCMU})
    assert send is not None and send["session"]["audio"] == {"input": {"format": ALAW}}
    assert not receive.negotiation.waiting
    update = receive.created()
    assert update is not None and update["session"]["audio"] == {"output": {"format": ULAW}}
    assert not receive.negotiation.waiting
    receive.updated(PCM_24K, ULAW)
    assert receive.negotiation.playback == AudioFormat(PCMU, 8000)


def test_a_session_that_begins_with_the_wished_format_is_not_asked() -> None:
    bench = Bench(BOTH)
    assert bench.server("session.created", session=session(ULAW, ULAW)) is None
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2


@pytest.mark.parametrize("error", [{"event_id": UPDATE_ID}, {"event_id": None}, {}])
def test_a_refusal_means_what_the_session_was_created_with(error: dict[str, Any]) -> None:
    bench = Bench(BOTH, rate=8000)
    bench.created()
    bench.server("error", error={"code": "invalid_value", **error})
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCM, 24000),) * 2
    assert len(bench.warnings) == 1


def test_an_error_about_something_else_refuses_nothing() -> None:
    bench = Bench(BOTH)
    bench.created()
    bench.server("error", error={"event_id": "mine"})
    bench.application("response.create")
    bench.server("error", error={"event_id": None})
    bench.server("error", error="?")
    assert bench.negotiation.waiting and not bench.warnings
    bench.updated(ULAW, ULAW)
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2


@pytest.mark.parametrize("greeted", [False, True])
def test_giving_up_means_pcm_with_one_warning_and_late_words_are_followed(greeted: bool) -> None:
    bench = Bench(BOTH, rate=16000)
    if greeted:
        bench.created()
    bench.negotiation.give_up()
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCM, 24000 if greeted else 16000),) * 2
    assert len(bench.warnings) == 1
    assert bench.created() is None
    bench.updated(ULAW, ULAW)
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2
    assert len(bench.warnings) == 1


def test_the_answer_to_an_update_of_the_application_is_not_the_answer_to_ours() -> None:
    bench = Bench(BOTH)
    bench.application(session={"type": "realtime", "instructions": "Be brief."})
    bench.created()
    bench.updated()
    assert bench.negotiation.waiting and not bench.warnings
    bench.updated(ULAW, ULAW)
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2


def test_formats_that_the_application_names_first_are_not_asked_for() -> None:
    bench = Bench(BOTH)
    bench.application(session=session(PCM_24K, ALAW))
    assert bench.created() is None
    bench.updated(PCM_24K, ALAW)
    assert bench.formats == (AudioFormat(PCM, 24000), AudioFormat(PCMA, 8000))
    assert not bench.negotiation.waiting and not bench.warnings


def test_caller_audio_waits_for_a_format_that_the_application_has_asked_for_before_the_server_greets() -> None:
    bench = Bench(BOTH)
    bench.application(session=session(ALAW, ALAW))
    assert bench.negotiation.waiting
    bench.created()
    bench.updated(ALAW, ALAW)
    assert not bench.negotiation.waiting and not bench.warnings


def test_of_too_many_updates_without_an_answer_the_oldest_is_forgotten() -> None:
    bench = Bench({Side.CAPTURE: PCM})
    bench.created()
    bench.application(session=session(ALAW))
    for _ in range(MAX_OUTSTANDING):
        assert bench.negotiation.waiting
        bench.application(session=session(PCM_24K))
    assert not bench.negotiation.waiting


def test_caller_audio_waits_while_the_application_changes_its_format() -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM})
    bench.created()
    bench.application(session={"audio": {"input": {"format": PCM_24K}}})
    assert not bench.negotiation.waiting  # nothing will change
    bench.updated()
    bench.application(session={"audio": {"input": {"format": ALAW}}})
    assert bench.negotiation.waiting
    bench.updated(ALAW)
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCMA, 8000), AudioFormat(PCM, 24000))
    assert not bench.warnings


def test_a_refused_update_of_the_application_changes_nothing() -> None:
    bench = Bench({Side.CAPTURE: PCM})
    bench.created()
    bench.application(event_id="a1", session={"audio": {"input": {"format": ULAW}}})
    bench.server("error", error={"event_id": "a1"})
    assert not bench.negotiation.waiting
    assert bench.negotiation.capture == AudioFormat(PCM, 24000)


def test_other_messages_of_the_application_are_left_alone() -> None:
    bench = Bench(BOTH)
    bench.created()
    bench.application("conversation.item.create", item={"text": "session.update"})
    bench.application("session.update")
    bench.sends(b'["session.update"]')
    bench.sends(b"[" * 2000 + b'"session.update"' + b"]" * 2000)
    bench.updated(ULAW, ULAW)
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2


def test_a_new_connection_begins_anew_and_warns_no_more() -> None:
    bench = Bench(BOTH)
    bench.created()
    bench.updated()
    assert len(bench.warnings) == 1
    bench.connect()
    assert bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCM, 24000),) * 2
    assert bench.created() is not None
    bench.updated()
    assert len(bench.warnings) == 1
    bench.connect()
    assert bench.created() is not None
    bench.updated(ULAW, ULAW)
    assert bench.formats == (AudioFormat(PCMU, 8000),) * 2


def test_raw_mode_has_no_session_and_takes_the_wish_as_it_is() -> None:
    bench = Bench({Side.CAPTURE: PCMU, Side.PLAYBACK: PCM}, rate=16000, raw=True)
    assert not bench.negotiation.waiting
    assert bench.created() is None
    bench.updated(ALAW, ALAW)
    bench.application(session=session(ALAW, ALAW))
    assert not bench.negotiation.waiting
    assert bench.formats == (AudioFormat(PCMU, 8000), AudioFormat(PCM, 16000))


def test_the_names_of_the_older_protocol_are_understood() -> None:
    bench = Bench({Side.CAPTURE: PCM, Side.PLAYBACK: PCM}, rate=16000)
    bench.server("session.updated", session={"input_audio_format": "g711_alaw", "output_audio_format": "g711_ulaw"})
    assert bench.formats == (AudioFormat(PCMA, 8000), AudioFormat(PCMU, 8000))
    bench.server("session.updated", session={"input_audio_format": "pcm16"})
    assert bench.formats == (AudioFormat(PCM, 16000), AudioFormat(PCMU, 8000))
