"""A whole call with the official client, with a real voice and the real detector."""

import base64
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from openai import AsyncOpenAI
from pydantic import ValidationError

from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.voice import hibari


def test_the_judge_of_events_can_say_no(check_server_event: Callable[[dict[str, Any]], None]) -> None:
    event = {"type": "input_audio_buffer.cleared", "event_id": "e"}
    check_server_event(event)
    with pytest.raises(AssertionError):
        check_server_event({**event, "more": 1})
    with pytest.raises(ValidationError):
        check_server_event({**event, "event_id": 1})


async def test_a_call_with_the_official_client(
    check_server_event: Callable[[dict[str, Any]], None], check_client_event: Callable[[dict[str, Any]], None]
) -> None:
    user = await hibari().speak("Good morning. I would like to order a pizza, please.", 24000)
    silence = np.zeros(24000, np.int16)
    # At real time after the first 400 ms, an answer is still being sent when the user speaks again.
    slow = Behaviour(pacing=Pacing(speed=1.0))
    script = {"greeting": "Hello.", "turns": ["What would you like on it? We have olives, onions and peppers today."]}
    async with LocalEndpoint(agent=script, behaviour=slow) as endpoint:
        client = AsyncOpenAI(api_key="x", websocket_base_url=endpoint.base_url)
        async with client, client.realtime.connect(model="gpt-realtime-2.1") as call:

            async def until(kind: str) -> Any:
                async for event in call:
                    if event.type == kind:
                        return event
                raise AssertionError(f"the connection ended before {kind}")

            async def say(samples: Any) -> None:
                for part in np.array_split(samples, len(samples) // 2400):
                    await call.input_audio_buffer.append(audio=base64.b64encode(part.tobytes()).decode())

            await until("session.created")
            await call.session.update(
                session={"type": "realtime", "audio": {"input": {"format": {"type": "audio/pcm", "rate": 24000}}}}
            )
            await until("session.updated")
            await call.response.create()
            assert (await until("response.done")).response.output[0].content[0].transcript == "Hello."
            await say(np.concatenate([silence, user, silence]))
            started = await until("input_audio_buffer.speech_started")
            assert 600 <= started.audio_start_ms <= 1200
            await until("input_audio_buffer.speech_stopped")
            committed = await until("input_audio_buffer.committed")
            assert committed.item_id == started.item_id
            delta = await until("response.output_audio.delta")
            await say(user)
            await until("input_audio_buffer.speech_started")
            done = await until("response.done")
            assert done.response.status == "cancelled"
            assert done.response.status_details.reason == "turn_detected"
            await call.conversation.item.truncate(item_id=delta.item_id, content_index=0, audio_end_ms=100)
            await until("conversation.item.truncated")
        record = endpoint.connections[0]
        assert record.sent_events("error") == []
        for event in record.sent_events():
            check_server_event(json.loads(json.dumps(event)))
        for event in record.received_events():
            check_client_event(event)
