"""A channel from command to event, against a switch that is stepped by hand and a scripted WebSocket endpoint."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from link.linked_channel import LinkedChannel, Server, linked_channel
from transports import all_accepted

from mod_openai_realtime._media import StreamMemory, SwitchSide
from mod_openai_realtime.audio.control import Control


class Speaker(Server):
    async def delta(self, pcm: bytes, response: str = "r1") -> None:
        delta = base64.b64encode(pcm).decode()
        await self.say(type="response.output_audio.delta", response_id=response, item_id="i1", delta=delta)

    def audio(self) -> bytes:
        return b"".join(
            base64.b64decode(text["audio"]) for text in self.texts if text["type"] == "input_audio_buffer.append"
        )


class Bench:
    def __init__(self, server: Speaker, channel: LinkedChannel) -> None:
        self.server, self.url, self.switch, self.streams = server, channel.url, channel.switch, channel.streams
        self.timers, self.usage, self.tick = channel.timers, channel.usage, channel.tick

    def frame(self, pcm: bytes | None = None) -> bytes | None:
        out = self.switch.frame(pcm)
        self.tick()
        return out

    async def start(self, rest: str = "mono 8k 8k") -> None:
        assert await self.switch.api(f"start {self.url} {rest}") == "+OK Success"
        await self.switch.event("connect")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    server = Speaker()
    async with linked_channel(server, tmp_path) as channel:
        yield Bench(server, channel)


async def test_a_start_connects_and_says_so(bench: Bench) -> None:
    await bench.start()
    assert await bench.switch.event("connect") == b'{"status":"connected"}'
    assert bench.server.connections[0].request is not None
    assert bench.server.connections[0].request.path == "/v1/realtime?model=m"


async def test_caller_audio_arrives_bit_for_bit_where_nothing_is_resampled(bench: Bench) -> None:
    await bench.start()
    frames = [bytes([n, n // 2]) * 160 for n in range(50)]
    for frame in frames:
        bench.frame(frame)
    await bench.server.until(lambda: len(bench.server.texts) == 50)
    assert bench.server.audio() == b"".join(frames)


async def test_agent_audio_is_played_and_told_of(bench: Bench) -> None:
    await bench.start()
    answer = bytes(range(1, 161)) * 20
    await bench.server.delta(answer)
    await bench.server.say(type="response.output_audio.done", response_id="r1")
    await bench.switch.event("json")
    heard = b"".join(frame for frame in (bench.frame() for _ in range(15)) if frame)
    assert heard == answer
    assert await bench.switch.event("openai_speech_start") == b'{"status":"started"}'
    assert await bench.switch.event("openai_speech_stop") == b'{"status":"stopped"}'
    assert [subclass for subclass, _ in bench.switch.events["default"] if subclass == "json"] == ["json"]


async def test_a_barge_in_silences_within_a_frame_and_late_audio_is_not_heard(bench: Bench) -> None:
    await bench.start()
    await bench.server.say(type="response.created", response={"id": "r1"})
    await bench.server.delta(b"\x11\x22" * 8000)
    await bench.server.say(type="marker")
    await bench.switch.event("json", 2)
    assert all(bench.frame() for _ in range(10))
    await bench.server.say(type="input_audio_buffer.speech_started")
    await bench.server.delta(b"\x33\x44" * 8000)
    await bench.server.say(type="marker")
    await bench.switch.event("json", 4)
    cut = bench.frame()
    assert cut is not None and not any(cut[80:])
    assert [bench.frame() for _ in range(5)] == [None] * 5
    await bench.switch.event("openai_speech_stop")
    await bench.server.say(type="response.created", response={"id": "r2"})
    await bench.server.delta(b"\x55\x66" * 160, "r2")
    await bench.server.say(type="marker")
    await bench.switch.event("json", 6)
    assert bench.frame() == b"\x55\x66" * 160


async def test_a_sample_split_over_two_messages_is_joined(bench: Bench) -> None:
    await bench.start()
    answer = bytes(range(200)) * 8
    await bench.server.delta(answer[:301])
    await bench.server.delta(answer[301:])
    await bench.server.say(type="response.output_audio.done", response_id="r1")
    await bench.switch.event("json")
    assert b"".join(frame for frame in (bench.frame() for _ in range(6)) if frame) == answer


async def test_a_malformed_delta_is_dropped_whole_and_starts_nothing(bench: Bench) -> None:
    await bench.start()
    await bench.server.say(type="response.output_audio.delta", response_id="r1", delta="AAA*")
    await bench.server.say(type="marker")
    await bench.switch.event("json")
    assert [bench.frame() for _ in range(3)] == [None] * 3
    assert "openai_speech_start" not in dict(bench.switch.events["default"])


async def test_audio_files_are_written_told_of_and_removed(bench: Bench, tmp_path: Path) -> None:
    await bench.start()
    await bench.server.delta(b"\x01\x02" * 100)
    body = json.loads(await bench.switch.event("play"))
    path = tmp_path / f"{bench.switch.uuid}_0.tmp.wav"
    assert body == {"type": "response.output_audio.delta", "response_id": "r1", "item_id": "i1", "file": str(path)}
    assert path.read_bytes().endswith(b"\x01\x02" * 100)
    await bench.switch.api("stop")
    await bench.switch.event("disconnect")
    await bench.switch.until(lambda: bench.switch.idle == 1)
    for _ in range(100):
        if not path.exists():
            break
        await asyncio.to_thread(lambda: None)
    assert not path.exists()


async def test_a_stop_flushes_sends_the_final_json_and_closes_with_1000(bench: Bench) -> None:
    bench.switch.variables["STREAM_BUFFER_SIZE"] = "100"
    await bench.start()
    bench.switch.frame(b"\x01\x02" * 160)
    final = base64.b64encode(b'{"type":"bye","n":123456789012345678901234567890}').decode()
    assert await bench.switch.api(f"stop {final}") == "+OK Success"
    assert bench.switch.closed == [1]
    await bench.server.until(lambda: bench.server.connections[0].close_code is not None)
    assert [text["type"] for text in bench.server.texts] == ["input_audio_buffer.append", "bye"]
    assert bench.server.texts[1]["n"] == 123456789012345678901234567890
    assert bench.server.audio() == b"\x01\x02" * 160
    assert bench.server.connections[0].close_code == 1000
    body = json.loads(await bench.switch.event("disconnect"))
    assert body["message"]["code"] == 1000
    await bench.switch.until(lambda: bench.switch.idle == 1)


async def test_a_stop_with_a_bad_final_json_stops_all_the_same(bench: Bench) -> None:
    await bench.start()
    reply = await bench.switch.api("stop !!! stream=default")
    assert reply == "-ERR Stream stopped; final message failed: Payload is not valid Base64 [stream=default]"
    assert await bench.switch.api("list") == "+OK []"
    assert bench.switch.closed == [1]


async def test_ten_starts_and_stops_in_a_row(bench: Bench) -> None:
    for turn in range(10):
        assert await bench.switch.api(f"start {bench.url} mono") == "+OK Success"
        await bench.switch.event("connect", turn + 1)
        assert await bench.switch.api("stop") == "+OK Success"
    assert bench.switch.closed == list(range(1, 11))
    assert not bench.streams.memories()


async def test_a_stop_while_connecting_ends_at_once(bench: Bench) -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(ignore, "127.0.0.1", 0) as silent:
        port = silent.sockets[0].getsockname()[1]
        assert await bench.switch.api(f"start ws://127.0.0.1:{port}/ mono") == "+OK Success"
        assert await bench.switch.api("stop") == "+OK Success"
        await bench.switch.until(lambda: bench.switch.idle == 1)
        await all_accepted()
    assert [subclass for subclass, _ in bench.switch.events["default"]] == ["summary"]


async def test_playback_is_one_streams_at_a_time(bench: Bench) -> None:
    assert await bench.switch.api(f"start {bench.url} recv stream=a") == "+OK Success"
    reply = await bench.switch.api(f"start {bench.url} mono stream=b")
    assert reply == "-ERR Playback is already enabled by stream 'a' [stream=b]"
    assert await bench.switch.api(f"start {bench.url} mono send stream=b") == "+OK Success"
    assert await bench.switch.api(f"start {bench.url} mono send stream=b") == "-ERR Stream already exists [stream=b]"
    assert await bench.switch.api("pause stream=a") == "+OK Success"
    assert (await bench.switch.api(f"start {bench.url} recv")).startswith("-ERR Playback is already enabled")
    await bench.switch.event("connect", stream="a")
    await bench.switch.event("connect", stream="b")
    assert await bench.switch.api("stop stream=a") == "+OK Success"
    await bench.start("recv")


async def test_list_tells_the_state_and_no_secrets(bench: Bench) -> None:
    bench.switch.variables["STREAM_OPENAI_API_KEY"] = "sk-secret"
    assert await bench.switch.api(f"start {bench.url} mono 8k 8k mute_user stream=x-1") == "+OK Success"
    await bench.switch.event("connect", stream="x-1")
    await bench.switch.api("pause stream=x-1")
    reply = await bench.switch.api("list")
    assert json.loads(reply.removeprefix("+OK ")) == [
        {
            "name": "x-1",
            "direction": "both",
            "connected": True,
            "paused": True,
            "send_muted": True,
            "recv_muted": False,
        }
    ]
    assert "sk-secret" not in reply + repr(bench.switch.log) + repr(bench.switch.events)
    assert bench.server.connections[0].request is not None
    assert bench.server.connections[0].request.headers["Authorization"] == "Bearer sk-secret"
    assert await bench.switch.api("list stream=nope") == "-ERR Stream not found [stream=nope]"


async def test_muting_the_user_sends_what_was_captured_and_one_second_of_silence(bench: Bench) -> None:
    await bench.start()
    bench.switch.frame(b"\x01\x01" * 160)
    assert await bench.switch.api("mute") == "+OK Success"
    for _ in range(5):
        bench.frame(b"\x02\x02" * 160)
    assert await bench.switch.api("unmute") == "+OK Success"
    bench.frame(b"\x03\x03" * 160)
    await bench.server.until(lambda: len(bench.server.texts) == 52)
    assert bench.server.audio() == b"\x01\x01" * 160 + bytes(16000) + b"\x03\x03" * 160
    assert await bench.switch.api("mute openai") == "+OK Success"


async def test_a_pause_sends_nothing_and_repeats_nothing(bench: Bench) -> None:
    await bench.start()
    await bench.server.delta(bytes(range(1, 161)) * 10)
    await bench.server.say(type="response.output_audio.done", response_id="r1")
    await bench.switch.event("json")
    bench.tick()
    first = bench.frame(b"\x01\x01" * 160)
    assert await bench.switch.api("pause") == "+OK Success"
    assert [bench.frame(b"\x02\x02" * 160) for _ in range(4)] == [None] * 4
    assert await bench.switch.api("resume") == "+OK Success"
    rest = [bench.frame(b"\x03\x03" * 160) for _ in range(4)]
    assert (first or b"") + b"".join(frame for frame in rest if frame) == bytes(range(1, 161)) * 10
    await bench.server.until(lambda: len(bench.server.texts) == 5)
    assert bench.server.audio() == b"\x01\x01" * 160 + b"\x03\x03" * 640


async def hold(bench: Bench, on_hold: bool, count: int) -> None:
    """Put on hold or taken off it, and the `count`-th event says so."""
    bench.switch.hold(on_hold)
    body = await bench.switch.event("hold", count)
    assert json.loads(body) == {"status": "held" if on_hold else "resumed"}


async def test_a_hold_ends_the_callers_turn_with_a_second_of_silence_once(bench: Bench) -> None:
    await bench.start()
    bench.frame(b"\x01\x01" * 160)
    await hold(bench, True, 1)
    bench.switch.hold(True)
    # What is read all the same is not the caller's speech.
    bench.switch.bug.side.capture(b"\x02\x02" * 160, 8000)
    bench.tick()
    await hold(bench, False, 2)
    bench.frame(b"\x03\x03" * 160)
    await bench.server.until(lambda: bench.server.audio().endswith(b"\x03\x03" * 160))
    assert bench.server.audio() == b"\x01\x01" * 160 + bytes(2 * 8000) + b"\x03\x03" * 160
    assert [name for name, _ in bench.switch.events["default"]].count("hold") == 2


async def test_a_muted_caller_has_had_the_silence_of_a_hold(bench: Bench) -> None:
    await bench.start()
    assert await bench.switch.api("mute") == "+OK Success"
    await hold(bench, True, 1)
    assert await bench.switch.api("unmute") == "+OK Success"
    assert await bench.switch.api("mute") == "+OK Success"
    await hold(bench, False, 2)
    assert await bench.switch.api("unmute") == "+OK Success"
    bench.frame(b"\x03\x03" * 160)
    await bench.server.until(lambda: bench.server.audio().endswith(b"\x03\x03" * 160))
    assert bench.server.audio() == bytes(2 * 8000) + b"\x03\x03" * 160


async def test_a_stream_that_starts_on_hold_tells_so_and_the_server_gets_nothing(bench: Bench) -> None:
    bench.switch.on_hold = True
    await bench.start()
    assert json.loads(await bench.switch.event("hold")) == {"status": "held"}
    bench.switch.bug.side.capture(b"\x02\x02" * 160, 8000)
    bench.tick()
    await hold(bench, False, 2)
    bench.frame(b"\x03\x03" * 160)
    await bench.server.until(lambda: bench.server.texts)
    assert bench.server.audio() == b"\x03\x03" * 160


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("now", [False, True])
async def test_a_resumed_stream_tells_a_hold_that_is_news(bench: Bench, before: bool, now: bool) -> None:
    side = SwitchSide()
    if before:
        StreamMemory(side.fd).set_control(Control.ON_HOLD, 0)
    bench.switch.on_hold = now
    bench.switch.resume(7, f"start {bench.url} mono 8k 8k", side)
    await bench.switch.event("connect")
    told = [json.loads(body)["status"] for name, body in bench.switch.events["default"] if name == "hold"]
    assert told == ([] if now is before else ["held" if now else "resumed"])
    assert (Control.ON_HOLD in Control(StreamMemory(side.fd).control)) is now


async def test_a_lost_connection_comes_back_and_sends_nothing_stale(bench: Bench) -> None:
    await bench.start()
    bench.frame(b"\x01\x01" * 160)
    await bench.server.until(lambda: len(bench.server.texts) == 1)
    bench.server.connections[0].transport.abort()
    body = json.loads(await bench.switch.event("disconnect"))
    assert body["message"]["code"] == 1006
    bench.frame(b"\x02\x02" * 160)
    await bench.switch.event("connect", 2)
    bench.frame(b"\x03\x03" * 160)
    await bench.server.until(lambda: len(bench.server.texts) == 2)
    assert bench.server.audio() == b"\x01\x01" * 160 + b"\x03\x03" * 160


async def test_without_reconnection_the_stream_ends_after_what_is_queued(bench: Bench) -> None:
    bench.switch.variables["STREAM_NO_RECONNECT"] = "true"
    await bench.start()
    await bench.server.delta(b"\x01\x02" * 800)
    await bench.server.connections[0].close(1011, "enough")
    body = json.loads(await bench.switch.event("disconnect"))
    assert body["message"] == {"code": 1011, "reason": "enough"}
    heard = []
    for _ in range(6):
        heard.append(bench.frame())
    assert b"".join(frame for frame in heard if frame) == b"\x01\x02" * 800
    bench.tick()
    await bench.switch.event("openai_speech_stop")
    await bench.switch.until(lambda: bench.switch.closed == [1])
    assert await bench.switch.api("list") == "+OK []"


async def test_a_hangup_closes_the_websocket_and_ends_idle(bench: Bench) -> None:
    await bench.start()
    bench.switch.hang_up()
    await bench.switch.event("disconnect")
    await bench.switch.until(lambda: bench.switch.idle == 1)
    assert not bench.streams.memories()


@pytest.mark.parametrize("muted", [False, True])
async def test_a_resumed_stream_is_muted_as_it_was_left_not_as_it_began(bench: Bench, muted: bool) -> None:
    side = SwitchSide()
    if muted:
        StreamMemory(side.fd).set_control(Control.CAPTURE_MUTED, 0)
    bench.switch.resume(7, f"start {bench.url} mono 8k 8k mute_user", side)
    await bench.switch.event("connect")
    (stream,) = json.loads((await bench.switch.api("list")).removeprefix("+OK "))
    assert stream["send_muted"] is muted


async def test_a_channel_without_media_is_refused_and_the_name_stays_free(bench: Bench) -> None:
    bench.switch.refuse_media = "Channel has no media"
    assert await bench.switch.api(f"start {bench.url} mono") == "-ERR Channel has no media"
    bench.switch.refuse_media = None
    await bench.start("mono")


async def test_a_fault_while_a_stream_is_set_up_is_told_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("mod_openai_realtime.switch.launch.map_memory", lambda fd: 1 / 0)
        reply = await bench.switch.api(f"start {bench.url} mono")
    assert reply == "-ERR Internal error of the engine"
    assert bench.switch.closed == [1]
    await bench.start()


@pytest.mark.parametrize(
    ("arguments", "reply"),
    [
        ("dance", "-ERR Unknown command"),
        ("stop", "-ERR Stream not found"),
        ("start ws://h mono send recv", "-ERR Specify only one audio direction: send, recv or both"),
        ("mute user stream=q", "-ERR Stream not found [stream=q]"),
    ],
)
async def test_refusals(bench: Bench, arguments: str, reply: str) -> None:
    assert await bench.switch.api(arguments) == reply
    await bench.switch.until(lambda: bench.switch.idle >= 1)


async def test_a_channel_that_is_gone_is_not_found(bench: Bench) -> None:
    bench.switch.channel = False
    assert await bench.switch.api(f"start {bench.url} mono") == "-ERR Channel not found"
    assert await bench.switch.api("dance") == "-ERR Unknown command"


async def test_a_security_setting_that_cannot_be_honoured_refuses_the_start(bench: Bench, tmp_path: Path) -> None:
    bench.switch.variables["STREAM_TLS_CA_FILE"] = str(tmp_path / "none.pem")
    reply = await bench.switch.api("start wss://127.0.0.1:9/ mono")
    assert reply.startswith("-ERR ") and "127.0.0.1" not in reply
    bench.switch.variables = {"STREAM_EXTRA_HEADERS": '{"A": 1}'}
    assert (await bench.switch.api(f"start {bench.url} mono")).startswith("-ERR ")


async def test_raw_mode_carries_binary_both_ways(bench: Bench) -> None:
    assert await bench.switch.api(f"start {bench.url} mono 8k 8k", api="raw") == "+OK Success"
    await bench.switch.event("connect")
    bench.frame(b"\x01\x02" * 160)
    await bench.server.until(lambda: bench.server.binaries == [b"\x01\x02" * 160])
    await bench.server.connections[0].send(b"\x05\x06" * 160)
    await bench.server.say(type="response.output_audio.done")
    await bench.switch.event("json")
    assert bench.frame() == b"\x05\x06" * 160
    assert json.loads(await bench.switch.event("play")).keys() == {"file"}


async def test_a_binary_message_outside_raw_mode_is_dropped_with_one_warning(bench: Bench) -> None:
    await bench.start()
    await bench.server.connections[0].send(b"\x05\x06" * 160)
    await bench.server.connections[0].send(b"\x05\x06" * 160)
    await bench.server.say(type="marker")
    await bench.switch.event("json")
    assert bench.frame() is None
    assert len([text for _, text in bench.switch.log if "binary" in text]) == 1


async def test_how_much_was_heard_of_an_answer_is_kept_although_nothing_more_is_said(bench: Bench) -> None:
    bench.switch.variables["STREAM_RESTORE"] = "conversation"
    await bench.start()
    where = {"response_id": "r1", "item_id": "i1", "content_index": 0}
    item = {"id": "i1", "type": "message", "role": "assistant", "content": []}
    await bench.server.say(type="response.created", response={"id": "r1"})
    await bench.server.say(type="conversation.item.added", item=item)
    await bench.server.say(type="response.output_audio_transcript.delta", **where, delta="one two three four")
    await bench.server.delta(b"\x01\x02" * 8000)
    await bench.switch.event("json", 3)
    for _ in range(10):
        bench.frame(b"\x01\x01" * 160)
    bench.timers.run_out()
    await bench.switch.until(lambda: b"one two three four" in bench.switch.kept.get(1, b""))
    payload = base64.b64encode(b'{"type":"output_audio_buffer.clear"}').decode()
    assert await bench.switch.api(f"send_json {payload}") == "+OK Success"
    for _ in range(3):
        bench.frame(b"\x01\x01" * 160)
    bench.timers.run_out()
    await bench.switch.until(lambda: not json.loads(bench.switch.kept[1])["playing"]["spans"])
    assert b'["one two three four",false,[0.2,18]]' in bench.switch.kept[1]  # a fifth, of so many characters
