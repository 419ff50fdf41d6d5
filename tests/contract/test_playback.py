"""Section 5, and muting and pausing of playback: what the caller hears, measured in what the channel sends."""

from __future__ import annotations

import base64
import itertools

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.segments import gaps, sounding
from audio.tones import dominant_frequency, level, noise, tone
from contract import FarEnd, Leg, Switch
from contract.far_end import delta, delta_text
from contract.saying import send_at_once
from contract.stand_in import StandInLeg

MUTED_MS = 600


def played(leg: Leg, part: Pcm16) -> bool:
    return part.tobytes() in leg.heard().tobytes()


def hears(leg: Leg, part: Pcm16) -> None:
    leg.until(lambda: played(leg, part))


def place(leg: Leg, part: Pcm16) -> int:
    """The sample where this part was heard, -1 if it was not."""
    at = leg.heard().tobytes().find(part.tobytes())
    return at // 2 if at >= 0 else -1


@pytest.mark.rule("5.1", "5.6")
@pytest.mark.parametrize("kind", ["response.output_audio.delta", "response.audio.delta"])
def test_deltas_of_both_protocols_are_played_bit_for_bit(leg: Leg, far: FarEnd, kind: str) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(700, 8000)
    far.send(*(delta(speech[at : at + 1000].tobytes(), kind=kind) for at in range(0, len(speech), 1000)))
    far.say("marker")
    # All of it is here before a stepped clock moves: a busy machine may take its time.
    while "marker" not in leg.event("json", still=True).body:
        pass
    hears(leg, speech)


@pytest.mark.rule("5.6")
def test_playback_replaces_what_the_channel_would_have_sent(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(channel_tone=1000)
    leg.start(f"{far.url} recv 8k")
    leg.until(lambda: level(leg.heard()[-800:]) > 500)
    speech = noise(800, 8000)
    far.speak(speech)
    far.finish()
    hears(leg, speech)
    leg.run(400)
    tail = leg.heard()[-1600:]
    assert dominant_frequency(tail, 8000) == pytest.approx(1000, abs=5)


@pytest.mark.rule("5.6")
@pytest.mark.stepped
@pytest.mark.parametrize("ptime_ms", [10, 20, 30, 40])
def test_every_frame_is_replaced_one_for_one(switch: Switch, far: FarEnd, ptime_ms: int) -> None:
    leg = switch.call(channel_tone=1000, ptime_ms=ptime_ms)  # type: ignore[call-arg]
    leg.start(f"{far.url} recv 8k")
    before = len(leg.heard())
    speech = noise(960, 8000)
    far.speak(speech)
    far.finish()
    far.say("marker")
    leg.event("json", still=True)
    leg.run(960)
    assert leg.heard(before).tobytes() == speech.tobytes()


@pytest.mark.rule("5.2")
def test_all_forms_of_base64_are_played(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    speech = noise(800, 8000)
    forms = []
    for number, at in enumerate(range(0, len(speech), 800)):
        pcm = speech[at : at + 800].tobytes()[: 1600 - 2 * (number % 3)]
        text = (base64.urlsafe_b64encode if number % 2 else base64.b64encode)(pcm).decode()
        forms.append((pcm, text.rstrip("=") if number % 4 > 1 else text))
    assert any(set("-_") & set(text) for _, text in forms) and any(set("+/") & set(text) for _, text in forms)
    far.send(*(delta_text(text) for _, text in forms))
    hears(leg, np.frombuffer(b"".join(pcm for pcm, _ in forms), np.int16))


@pytest.mark.rule("5.4")
def test_a_sample_split_over_two_messages_is_joined(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    speech = noise(600, 8000)
    raw = speech.tobytes()
    cuts = [0, 1, 2, 501, 502, 1303, 4000, 4001, len(raw)]
    send_at_once(leg, far, *(delta(raw[a:b]) for a, b in itertools.pairwise(cuts)))
    hears(leg, speech)


@pytest.mark.rule("5.3")
@pytest.mark.parametrize("bad", ["AAA*", "AAAAA", "AA AA", "AAAA=", "=", "AAAA\n", "AA==AA=="])
def test_a_malformed_delta_is_dropped_whole_and_clears_half_a_sample(leg: Leg, far: FarEnd, bad: str) -> None:
    leg.start(f"{far.url} recv 8k")
    first, last = noise(200, 8000, seed=1), noise(300, 8000, seed=2)
    send_at_once(leg, far, delta(first.tobytes() + b"\x55"), delta_text(bad), delta(last.tobytes()))
    hears(leg, np.concatenate((first, last)))
    assert leg.warnings()


@pytest.mark.rule("5.5", "2.10")
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 40000, 48000])
def test_playback_keeps_pitch_and_length_at_every_rate(leg: Leg, far: FarEnd, rate: int) -> None:
    leg.start(f"{far.url} recv {rate}")
    far.speak(tone(700, 1000, rate), piece_ms=130, rate=rate)
    far.finish()
    leg.event("openai_speech_stop")
    leg.run(100)
    [heard] = sounding(leg.heard(), 8000)
    assert len(heard) == pytest.approx(8000, abs=40)
    assert dominant_frequency(heard.of(leg.heard()), 8000) == pytest.approx(700, abs=1.5)


@pytest.mark.rule("5.5")
def test_playback_reaches_a_wide_band_channel(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(16000)
    leg.start(f"{far.url} mono 16k 24k")
    far.speak(tone(5000, 1000, 24000))
    far.finish()
    leg.event("openai_speech_stop")
    leg.run(100)
    [heard] = sounding(leg.heard(), 16000)
    assert len(heard) == pytest.approx(16000, abs=80)
    assert dominant_frequency(heard.of(leg.heard()), 16000) == pytest.approx(5000, abs=3)


@pytest.mark.rule("5.5")
@pytest.mark.stepped
def test_read_and_write_rate_of_a_channel_may_differ(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(16000, write_rate=8000)  # type: ignore[call-arg]
    leg.start(f"{far.url} mono 16k 8k")
    said, speech = noise(400, 16000), noise(400, 8000)
    far.speak(speech)
    leg.tell(said)
    hears(leg, speech)
    leg.until(lambda: said.tobytes() in far.audio().tobytes())


@pytest.mark.rule("5.7")
@pytest.mark.stepped
def test_an_underrun_is_filled_with_silence_to_the_sample(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    first, second = noise(250, 8000, seed=1), noise(230, 8000, seed=2)
    far.speak(first)
    far.say("marker")
    leg.event("json", still=True)
    leg.run(400)
    far.speak(second)
    far.finish()
    far.say("marker")
    leg.event("json", still=True)
    leg.run(400)
    start, again = place(leg, first), place(leg, second)
    assert again - start == 3200
    # The cut fades out over five milliseconds; then there is nothing.
    assert not leg.heard()[start + 2000 + 40 : again].any()
    assert not leg.heard()[again + len(second) :].any()
    assert leg.heard().tobytes().count(first[-80:].tobytes()) == 1


@pytest.mark.rule("5.7")
def test_late_audio_goes_on_where_it_was_missing(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    pieces = [noise(150, 8000, seed=seed) for seed in range(1, 7)]
    for piece in pieces:
        far.speak(piece)
        leg.run(260)
    hears(leg, pieces[-1])
    places = [place(leg, piece) for piece in pieces]
    assert -1 not in places and places == sorted(places)
    assert leg.heard().tobytes().count(pieces[0].tobytes()) == 1


@pytest.mark.rule("5.8")
def test_a_burst_far_ahead_is_played_whole(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    speech = noise(4000, 8000)
    far.speak(speech, piece_ms=200)
    far.finish()
    leg.event("openai_speech_stop")
    hears(leg, speech)


@pytest.mark.rule("5.8", "5.9")
@pytest.mark.stepped
def test_180_s_are_queued_and_what_is_more_is_dropped_with_one_warning(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_DISABLE_AUDIOFILES": "true"})
    leg.start(f"{far.url} recv 8k")
    second = noise(1000, 8000)
    far.speak(np.tile(second, 180))
    far.say("marker")
    leg.event("json", still=True)
    assert leg.warnings() == []
    for _ in range(8):
        far.speak(np.tile(noise(1000, 8000, seed=9), 2))
    far.finish()
    far.say("marker")
    leg.event("json", still=True)
    leg.run(180_600)
    leg.event("openai_speech_stop")
    heard = leg.heard().tobytes()
    assert heard.count(second.tobytes()) == 180
    assert len(leg.warnings()) == 1


@pytest.mark.rule("5.10", "3.8")
@pytest.mark.stepped
def test_a_barge_in_silences_within_one_frame(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    far.speak(noise(5000, 8000))
    far.say("marker")
    leg.event("json", still=True)
    leg.run(400)
    assert level(leg.heard()[-160:]) > 1000
    far.say("input_audio_buffer.speech_started")
    leg.event("json", still=True)
    before = len(leg.heard())
    leg.run(1000)
    assert not leg.heard(before + 160).any()
    assert not leg.heard(before + 40).any()  # a ramp of five milliseconds, no click


@pytest.mark.rule("5.10", "5.11", "5.12")
def test_after_a_barge_in_only_the_next_response_is_heard(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    old, late, new = noise(3000, 8000, seed=1), noise(300, 8000, seed=2), noise(500, 8000, seed=3)
    far.say("response.created", response={"id": "old"})
    far.speak(old, "old")
    leg.event("openai_speech_start")
    far.say("input_audio_buffer.speech_started")
    leg.event("openai_speech_stop")
    far.speak(late, "old")
    far.finish("old")
    far.speak(late, "old")
    far.say("response.done", response={"id": "old"})
    far.say("response.created", response={"id": "new"})
    far.speak(new, "new")
    far.finish("new")
    hears(leg, new)
    assert not any(played(leg, late[at : at + 80]) for at in range(0, len(late), 80))
    assert not played(leg, old[-1600:])


@pytest.mark.rule("5.12")
@pytest.mark.parametrize("name", ["same", None], ids=["reused", "none"])
def test_a_new_response_is_heard_even_if_its_id_is_no_help(leg: Leg, far: FarEnd, name: str | None) -> None:
    leg.start(f"{far.url} recv 8k")
    identity = {} if name is None else {"id": name}
    for seed in (1, 2, 3):
        far.say("response.created", response=identity)
        far.speak(noise(3000, 8000, seed=seed), name)
        leg.event("openai_speech_start")
        far.say("input_audio_buffer.speech_started")
        leg.event("openai_speech_stop")
        far.say("response.done", response={**identity, "status": "cancelled"})
    new = noise(400, 8000, seed=4)
    far.say("response.created", response=identity)
    far.speak(new, name)
    far.finish(name)
    hears(leg, new)
    leg.event("openai_speech_stop")


@pytest.mark.rule("5.11", "5.12")
def test_a_server_that_announces_nothing_is_heard_again_after_a_barge_in(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    far.speak(noise(3000, 8000), "a")
    leg.event("openai_speech_start")
    far.say("input_audio_buffer.speech_started")
    leg.event("openai_speech_stop")
    late, new = noise(300, 8000, seed=2), noise(300, 8000, seed=3)
    far.speak(late, "a")
    far.speak(new, "b")
    hears(leg, new)
    assert not played(leg, late[:80]) and not played(leg, late[-80:])


@pytest.mark.rule("5.13", "3.9")
def test_an_invalid_delta_never_reopens_a_finished_response(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    far.speak(noise(200, 8000))
    far.finish()
    leg.event("openai_speech_start")
    leg.event("openai_speech_stop")
    far.send(delta_text("A*"), delta_text(""), delta_text("AA"), '{"type":"response.output_audio.delta"}')
    far.send('{"type":"response.output_audio.delta","delta":7}', '{"type":"marker"}')
    leg.until(lambda: any("marker" in event.body for event in leg.events("json")))
    leg.run(300)
    assert leg.events("openai_speech_start", "openai_speech_stop") == []


@pytest.mark.rule("2.18")
def test_muted_playback_runs_on_unheard(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    speech = noise(3000, 8000)
    far.speak(speech)
    far.finish()
    hears(leg, speech[:4000])
    leg.ok("mute openai")
    leg.run(MUTED_MS)
    leg.ok("unmute openai")
    leg.event("openai_speech_stop")
    leg.run(100)
    [gap] = gaps(leg.heard(), 8000, shortest_ms=40)
    assert len(gap) >= MUTED_MS * 8 - 320
    # Media time ran on: the end lies where it would have been.
    assert place(leg, speech[-1600:]) - place(leg, speech[:1600]) == len(speech) - 1600


@pytest.mark.rule("2.18", "3.9")
def test_what_passes_while_muted_is_gone(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} recv 8k")
    leg.ok("mute recv")
    passed, later = noise(400, 8000, seed=1), noise(400, 8000, seed=2)
    far.speak(passed, "a")
    far.finish("a")
    leg.run(800)
    leg.ok("unmute recv")
    far.speak(later, "b")
    far.finish("b")
    hears(leg, later)
    leg.event("openai_speech_stop")
    assert not any(played(leg, passed[at : at + 80]) for at in range(0, len(passed), 80))
    assert len(leg.events("openai_speech_start")) == 1


@pytest.mark.rule("2.20")
def test_a_pause_keeps_the_place_and_nothing_is_lost_or_repeated(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(2500, 8000)
    far.speak(speech)
    far.finish()
    hears(leg, speech[:4000])
    leg.ok("pause")
    leg.ok("pause")
    leg.run(MUTED_MS)
    leg.ok("resume")
    leg.event("openai_speech_stop")
    leg.run(100)
    heard = leg.heard()
    [gap] = gaps(heard, 8000, shortest_ms=40)
    assert len(gap) >= MUTED_MS * 8 - 320
    whole = heard.tobytes()
    frames = [speech[at : at + 160].tobytes() for at in range(0, len(speech), 160)]
    assert [whole.count(frame) for frame in frames] == [1] * len(frames)
    places = [whole.find(frame) for frame in frames]
    assert places == sorted(places)


@pytest.mark.rule("2.20")
def test_what_arrives_during_a_pause_is_heard_after_it(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    leg.ok("pause")
    speech = noise(500, 8000)
    far.speak(speech)
    leg.run(300)
    assert level(leg.heard()[-1600:]) < 1
    assert leg.events("openai_speech_start") == []
    leg.ok("resume")
    hears(leg, speech)


@pytest.mark.rule("2.19")
def test_mute_all_silences_both_directions(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    far.speak(noise(4000, 8000))
    leg.event("openai_speech_start")
    leg.ok("mute all")
    leg.ok("mute both")
    leg.run(200)
    said = noise(400, 8000, seed=5)
    leg.tell(said)
    assert level(leg.heard()[-1600:]) < 1
    assert said[:80].tobytes() not in far.audio().tobytes()
    leg.ok("unmute both")
    leg.run(200)
    assert level(leg.heard()[-1600:]) > 1000
    leg.tell(said)
    leg.until(lambda: said.tobytes() in far.audio().tobytes())


@pytest.mark.rule("5.14")
def test_a_change_of_codec_keeps_pitch_both_ways(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(8000, changes_to=16000)
    leg.start(f"{far.url} mono 16k 24k")
    far.speak(tone(700, 20_000, 24000))
    for rate in (8000, 16000, 8000) if switch.stepped else (8000, 16000):
        if rate != leg.rate:
            leg.change_rate(rate)
        leg.until(lambda rate=rate: len(leg.heard()) > rate // 2)  # type: ignore[misc]
        since, sent = len(leg.heard()), len(far.audio())
        leg.tell(tone(900, 1500, rate))
        leg.until(lambda: len(far.audio()) > sent + 20000)  # noqa: B023
        heard, said = leg.heard(since), far.audio()[sent + 6400 : sent + 20000]
        assert dominant_frequency(said, 16000) == pytest.approx(900, abs=4)
        assert dominant_frequency(heard, rate) == pytest.approx(700, abs=4)
        assert gaps(heard, rate) == []
    leg.ok("stop")


@pytest.mark.rule("5.14")
@pytest.mark.stepped
@pytest.mark.parametrize(("first", "second"), [(8000, 16000), (16000, 8000)])
def test_a_writer_that_has_got_the_channels_codec_is_replaced_by_whole_packets(
    switch: Switch, far: FarEnd, first: int, second: int
) -> None:
    leg = switch.call(first)
    assert isinstance(leg, StandInLeg)
    leg.call.relabel_writer()
    leg.start(f"{far.url} recv 24k")
    far.speak(tone(700, 20_000, 24000))
    leg.until(lambda: len(leg.heard()) > first // 2)
    leg.change_rate(second)
    leg.run(1000)
    heard = leg.heard()
    assert len(heard) == second
    assert dominant_frequency(heard[-second // 2 :], second) == pytest.approx(700, abs=4)
    assert gaps(heard[-second // 2 :], second) == []


@pytest.mark.rule("5.14")
@pytest.mark.stepped
def test_a_writer_keeps_its_own_codec_beside_a_stream_with_nothing_to_say(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(8000, channel_tone=500)
    leg.start(f"{far.url} recv 24k")
    leg.run(200)
    leg.change_rate(16000)
    leg.run(1000)
    assert dominant_frequency(leg.heard(), 16000) == pytest.approx(500, abs=4)


@pytest.mark.rule("5.14")
@pytest.mark.stepped
def test_a_change_of_codec_loses_no_more_than_a_moment_of_playback(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(8000)
    leg.start(f"{far.url} recv 24k")
    far.speak(tone(700, 3000, 24000))
    far.finish()
    far.say("marker")
    leg.event("json", still=True)
    total = 0.0
    for rate in (8000, 16000, 8000):
        if rate != leg.rate:
            leg.change_rate(rate)
        for _ in range(45 if rate != 8000 or not total else 90):
            leg.run(20)
        total += sum(map(len, sounding(leg.heard(), rate))) / rate
    assert total == pytest.approx(3.0, abs=0.06)
    leg.event("openai_speech_stop")
