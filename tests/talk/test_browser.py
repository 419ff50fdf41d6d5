"""The page itself, in a headless Chromium with a fake microphone."""

from __future__ import annotations

import asyncio
import os
import wave
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import browser
import numpy as np
import pytest
from talk_page import Talk

from mod_openai_realtime.demo.sound import likeness
from mod_openai_realtime.local import g711
from mod_openai_realtime.local.voice import hibari

if find_spec("silero_vad") is None:
    pytest.skip("no silero-vad: requirements/local.txt", allow_module_level=True)
if browser.CHROMIUM is None:
    pytest.skip("no chromium", allow_module_level=True)

RATE, RATE_OF_CALL = 48000, 8000
QUESTION = "What do rolls cost, please?"
ANSWER = "A roll costs three."
STATUS = "document.getElementById('status').dataset.state"
CONVERSATION = "[...document.querySelectorAll('#conversation li')].map(item => [item.className, item.innerText])"


def microphone(file: Path, *parts: str | float) -> Path:
    """Texts that are spoken, and seconds of silence."""
    sounds = [
        hibari().speak_now(each, RATE) if isinstance(each, str) else np.zeros(int(RATE * each), np.int16)
        for each in parts
    ]
    with wave.open(str(file), "wb") as written:
        written.setnchannels(1)
        written.setsampwidth(2)
        written.setframerate(RATE)
        written.writeframes(np.concatenate(sounds).astype("<i2").tobytes())
    return file


async def driven(drive: Callable[[browser.Page], None], url: str, folder: Path, mic: Path | None) -> None:
    (folder / "profile").mkdir()

    def run() -> None:
        with browser.opened(url, folder / "profile", mic) as page:
            drive(page)
            assert page.said == [], "errors in the page"

    await asyncio.to_thread(run)


def keep(page: browser.Page, name: str) -> None:
    """TALK_SCREENSHOTS=FOLDER: what the page looks like."""
    folder = os.environ.get("TALK_SCREENSHOTS")
    if folder:
        for width, height in ((1000, 760), (390, 844)):
            (Path(folder) / f"{name}-{width}.png").write_bytes(page.screenshot(width, height))


async def test_a_call_from_the_page(talk: Talk, tmp_path: Path) -> None:
    """The microphone is heard by the model, the model in the loudspeaker, and the page shows both, tools and keys."""
    talk.model.will_hear(QUESTION)
    talk.model.will_call("price", of="rolls").will_say(ANSWER).will_call("finish")
    mic = microphone(tmp_path / "mic.wav", 3.5, QUESTION, 60.0)
    found: dict[str, Any] = {}

    def drive(page: browser.Page) -> None:
        page.click("#call")
        page.wait(f"{STATUS} === 'speaking' && document.getElementById('agent-level').value > 0.1")
        page.wait(CONVERSATION, lambda items: any(ANSWER in text and "after your turn" in text for _, text in items))
        found["conversation"] = page.run(CONVERSATION)
        keep(page, "talking")
        page.click(".keypad button:nth-child(4)")
        page.click(".keypad button:nth-child(12)")
        page.wait(f"{STATUS} === 'idle'")
        found["keys"], *_, found["end"] = page.run(CONVERSATION)[len(found["conversation"]) :]
        found["played"] = page.run("({...document.getElementById('agent-level').dataset})")
        keep(page, "ended")

    await driven(drive, talk.door.ticket_url, tmp_path, mic)
    kinds = [kind.split()[0] for kind, _ in found["conversation"]]
    assert kinds == ["agent", "caller", "tool", "agent"]
    texts = [text for _, text in found["conversation"]]
    assert QUESTION in texts[1] and "of speech" in texts[1]
    assert '"rolls"' in texts[2] and '"three"' in texts[2]
    assert found["keys"] == ["keys ", "You pressed 4#"]
    assert found["end"][0].startswith("end") and "The agent hung up." in found["end"][1]
    said = g711.decode("mulaw", talk.session.received_audio())
    alike, unlike = (likeness(said, hibari().speak_now(text, RATE_OF_CALL))[0] for text in (QUESTION, ANSWER))
    assert alike > 2 * unlike, "what the microphone heard came to the model"
    assert int(found["played"]["played"]) > RATE * 3


@pytest.mark.parametrize(("refusal", "said"), [("", "There is no microphone."), ("NotAllowedError", "Allow it")])
async def test_without_a_microphone_the_page_says_what_to_do(
    talk: Talk, tmp_path: Path, refusal: str, said: str
) -> None:
    def drive(page: browser.Page) -> None:
        if refusal:
            refused = f"Promise.reject(new DOMException('', '{refusal}'))"
            page.run(f"void (navigator.mediaDevices.getUserMedia = () => {refused})")
        page.click("#call")
        page.wait(f"{STATUS} === 'error'")
        ((kind, text),) = page.run(CONVERSATION)
        assert kind.startswith("error") and said in text
        assert page.run("document.getElementById('call').textContent") == "Call"
        keep(page, "refused")

    await driven(drive, talk.door.url, tmp_path, None)
    assert not talk.house.calls


async def test_a_tab_that_is_closed_has_hung_up(talk: Talk, tmp_path: Path) -> None:
    def drive(page: browser.Page) -> None:
        page.click("#call")
        page.wait(STATUS, lambda state: state == "speaking")

    await driven(drive, talk.door.url, tmp_path, microphone(tmp_path / "mic.wav", 5.0))
    await talk.all_hung_up()
