"""What a stream keeps of what a server or an application says is bounded; docs/topics/limits.md."""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from typing import Any

import orjson
import pybase64
import pytest
from timers import Timers

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.audio_format import Encoding
from mod_openai_realtime.audio.heard import HeardLedger, ItemPart
from mod_openai_realtime.audio.playback import Playback
from mod_openai_realtime.conversation.negotiation import Complaints, Negotiation, Side, Wish
from mod_openai_realtime.conversation.responses import Responses
from mod_openai_realtime.conversation.turn import TurnClock, TurnFigures
from mod_openai_realtime.dialect.messages import Kind, ServerMessage
from mod_openai_realtime.dialect.profiles import OPENAI
from mod_openai_realtime.limits import (
    MAX_CONVERSIONS,
    MAX_CUTS,
    MAX_ID_CHARACTERS,
    MAX_ITEM_IDS,
    MAX_RATES_TOLD,
    MAX_RESPONSES,
    MAX_SPANS,
    MAX_UTTERANCES,
    UTTERANCES_PER_S,
    LimitExceededError,
    check_id,
    kept_id,
)
from mod_openai_realtime.realtime.sending import MAX_OWN_UNSENT_BYTES, MAX_UNSENT_BYTES
from mod_openai_realtime.stream.outbound import Outbound
from mod_openai_realtime.switch import reasons
from mod_openai_realtime.switch.refusal import CommandRefusedError

S = 1_000_000_000


def a_playback(clock: Callable[[], int] = lambda: S) -> tuple[Playback, SwitchSide]:
    switch = SwitchSide()
    return Playback(StreamMemory(switch.fd), playback_rate=8000, write_rate=8000, clock=clock), switch


def test_an_id_that_is_longer_than_any_is_not_kept() -> None:
    check_id("x" * MAX_ID_CHARACTERS)
    check_id(None)
    with pytest.raises(LimitExceededError):
        check_id("x" * (MAX_ID_CHARACTERS + 1))
    assert kept_id("short") == "short"
    assert kept_id("x" * 1000) != "x" * 1000
    assert kept_id(["x" * 1000]) != ["x" * 1000] and kept_id(None) is None


def test_of_responses_that_are_never_over_the_newest_are_kept() -> None:
    responses = Responses()
    for number in range(10 * MAX_RESPONSES):
        responses.created(str(number))
    active = responses.interrupt()
    assert active == [str(number) for number in range(9 * MAX_RESPONSES, 10 * MAX_RESPONSES)]


def test_more_responses_than_can_wait_to_be_played_are_too_many() -> None:
    now = [S]
    playback, _ = a_playback(lambda: now[0])
    for number in range(MAX_UTTERANCES):
        now[0] += S
        assert playback.feed(b"\1\0", str(number))
    with pytest.raises(LimitExceededError):
        playback.feed(b"\1\0", "one more")


def test_responses_that_begin_faster_than_anybody_hears_them_are_too_many() -> None:
    now = [S]
    playback, _ = a_playback(lambda: now[0])

    def begin_and_cut(count: int) -> None:
        for number in range(count):
            playback.feed(b"\1\0" * 10, f"{now[0]} {number}")
            playback.barge_in()

    begin_and_cut(MAX_UTTERANCES)
    with pytest.raises(LimitExceededError):
        begin_and_cut(1)
    now[0] += S
    begin_and_cut(UTTERANCES_PER_S)
    with pytest.raises(LimitExceededError):
        begin_and_cut(1)


def test_what_waits_is_not_converted_without_end() -> None:
    now = [S]
    playback, _ = a_playback(lambda: now[0])
    rates = cycle([8000, 48000])
    for _ in range(10 * MAX_CONVERSIONS):
        playback.set_rate(next(rates))  # nothing waits
    playback.feed(b"\1\0" * 1000, "r")
    for _ in range(MAX_CONVERSIONS):
        playback.set_rate(next(rates))
    with pytest.raises(LimitExceededError):
        playback.set_rate(next(rates))
    now[0] += S
    playback.set_rate(next(rates))


def test_barge_ins_that_nobody_answers_are_few() -> None:
    playback, _ = a_playback()
    for number in range(2 * MAX_CUTS):
        playback.feed(b"\1\0" * 10, str(number))
        playback.barge_in()
    assert len(playback.played()) == MAX_CUTS  # let go of
    waiting = 0
    while playback.cutting:
        playback.interrupted(final=True)
        waiting += 1
    assert waiting == MAX_CUTS


def test_audio_in_crumbs_is_as_bounded_as_any() -> None:
    playback, _ = a_playback()
    fed = 0
    while playback.feed(b"\1\0", "r"):
        fed += 1
        assert fed < 180 * 8000, "only the length of the audio is bounded"
    assert playback.playout.full
    playback.playout.set_part(pybase64.b64decode, OPENAI.audio_names, "r", None, 0, playback.most_queued, None)
    delta = {"type": "response.output_audio.delta", "response_id": "r", "content_index": 0, "delta": "AQA="}
    assert not playback.playout.feed_message(orjson.dumps(delta))


def test_of_many_items_the_newest_can_be_truncated() -> None:
    ledger = HeardLedger()
    for number in range(MAX_SPANS + 10):
        ledger.add(ItemPart(str(number), 0), number, 1)
    assert ledger.reach("9", 0) is None
    assert ledger.reach("10", 0) == (10, 11)


def test_a_turn_names_as_many_items_as_fit() -> None:
    turns, clock = TurnFigures(), TurnClock()
    for number in range(10 * MAX_ITEM_IDS):
        turns.delta(0, clock, "r", str(number), S)
    (answer,) = turns._answers.values()
    assert answer.items == [str(number) for number in range(MAX_ITEM_IDS)]


def test_of_ever_new_rates_the_first_are_told() -> None:
    warnings: list[str] = []
    negotiation = Negotiation({Side.PLAYBACK: Wish(Encoding.PCM, 24000)}, Complaints(warnings.append), session=True)
    for rate in range(100_000, 101_000):
        session = {"audio": {"output": {"format": {"type": "audio/pcm", "rate": rate}}}}
        negotiation.server_said(ServerMessage(Kind.SESSION_UPDATED, "session.updated", {"session": session}))
    assert len(warnings) == MAX_RATES_TOLD


class Transport:
    def __init__(self) -> None:
        self.buffered_bytes = 0

    def send_text(self, payload: bytes) -> bool:
        self.buffered_bytes += len(payload)
        return True


def test_a_server_that_reads_nothing_keeps_waiting_so_much_and_then_the_application_is_told() -> None:
    transport = Transport()
    outbound = Outbound(transport, Timers().later, pytest.fail)
    message = bytes(1 << 20)
    refused: Any = None
    for _ in range(1000):
        try:
            outbound.application(message)
        except CommandRefusedError as error:
            refused = error.reason
            break
    assert refused == reasons.TOO_MUCH_UNSENT
    assert transport.buffered_bytes == MAX_UNSENT_BYTES
    assert outbound.own(b"{}")  # these have room left


def test_where_the_engine_cannot_speak_any_more_the_connection_is_of_no_use() -> None:
    transport, timers, ended = Transport(), Timers(), list[str]()
    outbound = Outbound(transport, timers.later, ended.append)
    message = bytes(100_000)
    while outbound.own(message):
        assert transport.buffered_bytes <= MAX_OWN_UNSENT_BYTES
    timers.run_out()
    assert len(ended) == 1
    assert "reads nothing" in ended[0]
    assert not outbound.own(message)
    transport.buffered_bytes = 0  # another connection meanwhile
    timers.run_out()
    assert len(ended) == 1
