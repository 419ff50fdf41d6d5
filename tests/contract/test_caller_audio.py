"""Section 2: what of the caller's audio reaches the far end, to the bit where nothing is resampled."""

from __future__ import annotations

import base64
import json

import numpy as np
import pytest
from audio.g711 import Pcm16
from audio.segments import sounding
from audio.tones import dominant_frequency, level, noise, tone, tone_amplitude
from contract import FarEnd, Leg, Switch

FINAL = b'{"type":"the.end"}'
FINAL_64 = base64.b64encode(FINAL).decode()


def contains(whole: Pcm16, part: Pcm16) -> bool:
    return part.tobytes() in whole.tobytes()


def reaches(leg: Leg, far: FarEnd, part: Pcm16, connection: int = -1) -> None:
    leg.until(lambda: contains(far.audio(connection), part))


@pytest.mark.rule("2.6")
def test_mono_is_the_caller_bit_for_bit(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(channel_tone=1000)
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(1500, 8000)
    leg.tell(speech)
    reaches(leg, far, speech)


@pytest.mark.rule("2.6")
@pytest.mark.stepped
def test_mono_is_nothing_but_the_caller_from_the_first_sample_to_the_last(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k send")
    speech = noise(2000, 8000)
    leg.tell(speech)
    leg.ok("stop")
    far.until_closed()
    assert far.audio().tobytes() == speech.tobytes()
    assert {len(message.audio) for message in far.messages()} == {320}


@pytest.mark.rule("2.7")
def test_mixed_is_both_directions_as_one(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(channel_tone=1000)
    leg.start(f"{far.url} mixed 8k send")
    leg.tell(tone(400, 1500, 8000, 6000))

    def both() -> bool:
        heard = far.audio()[-8000:]
        return (
            len(heard) == 8000 and tone_amplitude(heard, 400, 8000) > 4500 and tone_amplitude(heard, 1000, 8000) > 1000
        )

    leg.say(tone(400, 4000, 8000, 6000))
    leg.until(both)


@pytest.mark.rule("2.8")
def test_stereo_has_the_caller_left_and_the_callee_right(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(channel_tone=1000)
    leg.start(f"{far.url} stereo 8k send")
    leg.say(tone(400, 5000, 8000, 6000))
    leg.until(lambda: len(far.audio()) >= 2 * 24000)
    pairs = far.audio()[2 * 12000 :]
    left, right = pairs[0::2], pairs[1::2]
    assert dominant_frequency(left, 8000) == pytest.approx(400, abs=2)
    assert dominant_frequency(right, 8000) == pytest.approx(1000, abs=2)
    assert tone_amplitude(left, 1000, 8000) < 60 < 1000 < tone_amplitude(right, 1000, 8000)
    assert tone_amplitude(right, 400, 8000) < 60 < 4500 < tone_amplitude(left, 400, 8000)


@pytest.mark.rule("2.8")
@pytest.mark.stepped
def test_stereo_is_each_direction_bit_for_bit(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(channel_tone=1000)
    leg.start(f"{far.url} stereo 8k send")
    speech = noise(1000, 8000)
    leg.tell(speech)
    leg.ok("stop")
    far.until_closed()
    pairs = far.audio()
    assert pairs[0::2].tobytes() == speech.tobytes()
    # The channel writes its first frame after the first one was read.
    assert pairs[1::2][160:].tobytes() == tone(1000, 980, 8000).tobytes()


@pytest.mark.rule("2.10")
def test_without_rates_both_directions_are_at_24_khz(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono")
    leg.say(tone(400, 3000, 8000))
    leg.until(lambda: len(sounding(far.audio(), 24000)) == 1 and len(sounding(far.audio(), 24000)[0]) > 40000)
    assert dominant_frequency(sounding(far.audio(), 24000)[0].of(far.audio()), 24000) == pytest.approx(400, abs=2)
    far.speak(tone(600, 1000, 24000))
    far.finish()
    leg.event("openai_speech_stop")
    leg.until(lambda: len(sounding(leg.heard(), 8000)) == 1)
    [heard] = sounding(leg.heard(), 8000)
    assert len(heard) == pytest.approx(8000, abs=40)
    assert dominant_frequency(heard.of(leg.heard()), 8000) == pytest.approx(600, abs=2)


@pytest.mark.rule("2.9")
@pytest.mark.parametrize("rate", [8000, 16000, 24000, 32000, 40000, 48000])
def test_the_send_rate_keeps_pitch_and_length(switch: Switch, far: FarEnd, rate: int) -> None:
    leg = switch.call()
    leg.start(f"{far.url} mono {rate} send")
    leg.tell(tone(700, 1000, 8000))
    leg.until(lambda: far.audio().any() and level(far.audio()[-rate // 10 :]) < 2)
    # A real caller's packet may come late: 20 ms of comfort noise then lie within.
    [said] = sounding(far.audio(), rate, bridge_ms=50)
    assert len(said) == pytest.approx(rate, rel=0.01 if switch.stepped else 0.05)
    assert dominant_frequency(said.of(far.audio()), rate) == pytest.approx(700, abs=2)


@pytest.mark.rule("2.12")
def test_many_streams_of_one_channel_each_hear_the_caller(leg: Leg, far: FarEnd) -> None:
    for name, mix in (("a", "mono 8k"), ("b", "mono 8k"), ("c", "stereo 8k")):
        leg.start(f"{far.url} {mix} send stream={name}")
    speech = noise(600, 8000)
    leg.tell(speech)
    for connection in (0, 1):
        reaches(leg, far, speech, connection)
    leg.until(lambda: contains(far.audio(2)[0::2], speech))
    leg.ok("stop stream=b")
    later = noise(400, 8000, seed=2)
    leg.tell(later)
    reaches(leg, far, later, 0)
    assert not contains(far.audio(1), later)


@pytest.mark.rule("2.14", "2.17")
def test_a_stream_that_starts_muted_sends_nothing_until_it_is_unmuted(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k mute_user")
    before, after = noise(600, 8000, seed=3), noise(600, 8000, seed=4)
    leg.tell(before)
    assert far.messages() == []
    leg.ok("unmute")
    leg.tell(after)
    reaches(leg, far, after)
    assert not contains(far.audio(), before[-160:])


@pytest.mark.rule("2.16", "2.19")
def test_a_mute_sends_one_second_of_silence_once_and_then_nothing(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 16k 8k")
    leg.tell(tone(500, 400, 8000))
    leg.until(lambda: len(sounding(far.audio(), 16000)) == 1)
    leg.ok("mute")
    leg.ok("mute user")
    leg.ok("mute send")
    leg.ok("mute all")
    leg.tell(tone(900, 1000, 8000))
    far.send("{}")
    leg.event("json")
    audio = far.audio()
    [said] = sounding(audio, 16000)
    assert dominant_frequency(said.of(audio), 16000) == pytest.approx(500, abs=5)
    assert len(audio) - said.end >= 16000  # what the caller did not say before the mute was sent too
    assert not audio[-16000:].any()
    leg.ok("stop")
    far.until_closed()
    assert len(far.audio()) == len(audio)


@pytest.mark.rule("2.16", "4.5")
@pytest.mark.stepped
@pytest.mark.parametrize("size", [20, 200, 300, 980, 1000])
def test_a_mute_sends_what_is_buffered_and_one_second_of_silence(switch: Switch, far: FarEnd, size: int) -> None:
    leg = switch.call(variables={"STREAM_BUFFER_SIZE": str(size)})
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(340, 8000)
    leg.tell(speech)
    leg.ok("mute")
    later = noise(220, 8000, seed=2)
    leg.tell(noise(500, 8000, seed=3))
    leg.ok("unmute")
    leg.tell(later)
    leg.ok("stop")
    far.until_closed()
    expected = [speech, np.zeros(8000, dtype=np.int16), later]
    assert far.audio().tobytes() == np.concatenate(expected).tobytes()


@pytest.mark.rule("2.16", "4.5")
@pytest.mark.parametrize("size", [300, 980])
@pytest.mark.parametrize("rates", ["8k 8k", "24k 24k"])
def test_a_mute_in_mid_word_ends_in_exactly_one_second_of_silence(
    switch: Switch, far: FarEnd, size: int, rates: str
) -> None:
    rate = int(rates.partition("k")[0]) * 1000
    leg = switch.call(variables={"STREAM_BUFFER_SIZE": str(size)})
    leg.start(f"{far.url} mono {rates}")
    leg.say(tone(500, 6000, 8000))
    leg.until(lambda: far.audio().any())
    leg.run(100)
    leg.ok("mute")
    leg.run(200)
    leg.ok("stop")
    far.until_closed()
    audio = far.audio()
    silence = len(audio) - (np.flatnonzero(audio)[-1] + 1)
    # A tone is at zero for a sample at times.
    assert rate <= silence <= rate + rate // 1000


@pytest.mark.rule("2.17", "2.16")
def test_unmuting_sends_fresh_audio_only(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    first, muted, last = (noise(600, 8000, seed=seed) for seed in (5, 6, 7))
    leg.tell(first)
    reaches(leg, far, first)
    leg.ok("mute")
    leg.tell(muted)
    leg.ok("unmute")
    leg.tell(last)
    reaches(leg, far, last)
    audio = far.audio()
    assert not any(contains(audio, muted[at : at + 80]) for at in range(0, len(muted), 80))
    assert not contains(audio, np.zeros(8000 + 4000, dtype=np.int16))


@pytest.mark.rule("2.21")
def test_caller_audio_of_a_paused_span_is_never_sent(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    first, paused, last = (noise(600, 8000, seed=seed) for seed in (8, 9, 10))
    leg.tell(first)
    reaches(leg, far, first)
    leg.ok("pause")
    leg.tell(paused)
    count = len(far.audio())
    leg.tell(paused)
    assert len(far.audio()) == count
    leg.ok("resume")
    leg.tell(last)
    reaches(leg, far, last)
    audio = far.audio()
    assert not any(contains(audio, paused[at : at + 80]) for at in range(0, len(paused), 80))


@pytest.mark.rule("2.21", "4.5")
@pytest.mark.stepped
def test_a_pause_sends_what_was_captured_before_it(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_BUFFER_SIZE": "980"})
    leg.start(f"{far.url} mono 8k 8k")
    first, paused, last = (noise(500, 8000, seed=seed) for seed in (8, 9, 10))
    leg.tell(first)
    leg.ok("pause")
    leg.tell(paused)
    leg.ok("resume")
    leg.tell(last)
    leg.ok("stop")
    far.until_closed()
    assert far.audio().tobytes() == np.concatenate([first, last]).tobytes()


@pytest.mark.rule("4.5", "2.25")
def test_the_buffer_size_is_the_length_of_a_message(switch: Switch, far: FarEnd) -> None:
    for size in (20, 40, 300, 1000):
        leg = switch.call(variables={"STREAM_BUFFER_SIZE": str(size)})
        leg.start(f"{far.url} mono 16k send")
        leg.say(noise(2 * size, 8000))
        leg.until(lambda: len(far.messages()) >= 2)
        assert {len(message.audio) for message in far.messages()} == {size * 32}
        leg.hangup()


@pytest.mark.rule("4.6", "4.5")
@pytest.mark.parametrize("size", ["30", "0", "-20", "1020", "ten", "20ms", "1e2"])
def test_a_bad_buffer_size_warns_and_means_20(switch: Switch, far: FarEnd, size: str) -> None:
    leg = switch.call(variables={"STREAM_BUFFER_SIZE": size})
    leg.start(f"{far.url} mono 8k send")
    leg.until(lambda: len(far.messages()) >= 2)
    assert {len(message.audio) for message in far.messages()} == {320}
    leg.until(lambda: any("STREAM_BUFFER_SIZE" in line for line in leg.warnings()))


@pytest.mark.rule("2.25")
@pytest.mark.stepped
def test_stop_flushes_and_sends_the_final_json_last(switch: Switch, far: FarEnd) -> None:
    leg = switch.call(variables={"STREAM_BUFFER_SIZE": "1000"})
    leg.start(f"{far.url} mono 8k 8k")
    speech = noise(1460, 8000)
    leg.tell(speech)
    leg.ok(f"stop {FINAL_64}")
    record = far.until_closed()
    assert far.audio().tobytes() == speech.tobytes()
    assert record.received[-1].text == FINAL.decode()
    assert (record.close_code, record.close_reason) == (1000, "")
    disconnected = leg.event("disconnect").json()
    assert disconnected == {"status": "disconnected", "message": {"code": 1000, "reason": ""}}
    assert leg.bugs() == 0


@pytest.mark.rule("2.25")
def test_no_audio_follows_the_final_json(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono 8k 8k")
    leg.say(noise(3000, 8000))
    leg.until(lambda: len(far.messages()) > 5)
    leg.ok(f"stop {FINAL_64}")
    record = far.until_closed()
    assert [message.text for message in record.received].index(FINAL.decode()) == len(record.received) - 1
    assert record.close_code == 1000


@pytest.mark.rule("2.26", "2.28")
def test_a_bad_final_json_is_not_sent_and_the_stream_stops(leg: Leg, far: FarEnd) -> None:
    for number, (payload, reason) in enumerate(
        [
            (b'{"a":', "Payload is not a complete JSON value"),
            (b'"\xff"', "Payload is not valid UTF-8"),
            (b'{"a":"\0"}', "Payload contains a NUL byte"),
        ]
    ):
        leg.start(f"{far.url} mono stream=s{number}")
        reply = leg.api(f"stop {base64.b64encode(payload).decode()} stream=s{number}")
        assert reply == f"-ERR Stream stopped; final message failed: {reason} [stream=s{number}]"
        record = far.until_closed(number)
        assert record.close_code == 1000 and far.texts(number) == []
        assert leg.api("list") == "+OK []"
    leg.start(f"{far.url} mono")
    assert leg.api("stop ?") == "-ERR Stream stopped; final message failed: Payload is not valid Base64"


@pytest.mark.rule("2.22", "2.24")
def test_send_json_takes_both_alphabets_with_and_without_padding(leg: Leg, far: FarEnd) -> None:
    leg.start(f"{far.url} mono mute_user")
    payloads = ['{"a":"???>>>~~~"}', '{"b":"ÿþ??>>"}', "[1,2]", '"~~?"']
    sent = []
    for payload in payloads:
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            for text in (encode(payload.encode()).decode(), encode(payload.encode()).decode().rstrip("=")):
                leg.ok(f"send_json {text}")
                sent.append(payload)
    far.until(lambda records: len(records[0].received) >= len(sent))
    assert far.texts() == sent


@pytest.mark.rule("2.24")
def test_what_was_decoded_goes_out_byte_for_byte(leg: Leg, far: FarEnd) -> None:
    payloads = [
        '{"id":123456789012345678901234567890,"x":1.10,"e":1E+2}',
        ' { "a" : [ ] ,\t"a" : null } \r\n',
        '{"u":"\\u00e9 é \\ud83d\\ude00 \\/"}',
        "0.1e-7",
        "null  \n",
        json.dumps({"long": "x" * 50_000}),
    ]
    leg.start(f"{far.url} mono mute_user")
    for payload in payloads:
        leg.ok(f"send_json {base64.b64encode(payload.encode()).decode()}")
    far.until(lambda records: len(records[0].received) >= len(payloads))
    assert far.texts() == payloads


@pytest.mark.rule("2.23")
def test_anything_but_one_strict_json_value_is_refused(leg: Leg, far: FarEnd) -> None:
    bad = [
        "",
        " ",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "-",
        "NaN",
        "Infinity",
        "True",
        "{'a':1}",
        '{"a":1,}',
        "[1,]",
        "[1 2]",
    ]
    bad += ['{"a":1} {"b":2}', '"a\nb"', '"\t"', '"\\x41"', '"\\u12"', '{"a"}', "//c\n1", "\ufeff1", '"open', "]"]
    leg.start(f"{far.url} mono mute_user")
    replies = {text: leg.api(f"send_json {base64.b64encode(text.encode()).decode() or '='}") for text in bad if text}
    assert replies == dict.fromkeys(replies, "-ERR Payload is not a complete JSON value")
    for text in ("a", "YQ=", "YQ===", "Y Q==", "YQ==YQ==", "Y*==", "="):
        reply = leg.api(f"send_json {text}")
        assert reply.startswith("-ERR Payload is not valid Base64") or " " in text
    leg.ok(f"send_json {base64.b64encode(FINAL).decode()}")
    far.until(lambda records: records[0].received)
    assert far.texts() == [FINAL.decode()]
