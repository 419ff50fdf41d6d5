"""A headless Chromium with a fake microphone, driven by the DevTools protocol."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import urllib.request
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_START_S = 60.0
_OPTIONS = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-port=0"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"),
)
_FAKE = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


class Page:
    """One tab."""

    def __init__(self, devtools: ClientConnection) -> None:
        self._devtools = devtools
        self._number = 0
        self.said: list[str] = []
        """Errors of the page's scripts and of its content security policy."""

    def command(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        self._devtools.send(json.dumps({"id": self._number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._devtools.recv(timeout=_START_S))
            if message.get("id") == self._number:
                assert "error" not in message, message
                result: dict[str, Any] = message["result"]
                return result
            if message.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
                self.said.append(json.dumps(message["params"]))

    def run(self, script: str) -> Any:
        """What the expression gives, as JSON."""
        result = self.command("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def wait(self, script: str, until: Callable[[Any], object] = bool, within_s: float = 30.0) -> Any:
        """What the expression gives as soon as it is as wanted. Raises AssertionError."""
        deadline = time.monotonic() + within_s
        while not until(value := self.run(script)):
            assert time.monotonic() < deadline, f"{script} is {value!r}; {self.run('document.body.innerText')}"
            time.sleep(0.05)
        return value

    def click(self, selector: str) -> None:
        self.run(f"document.querySelector({json.dumps(selector)}).click()")

    def screenshot(self, width: int, height: int) -> bytes:
        """A PNG of a window of this size."""
        self.command(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False
        )
        return b64decode(self.command("Page.captureScreenshot", format="png")["data"])


@contextmanager
def opened(url: str, profile: Path, microphone: Path | None = None) -> Iterator[Page]:
    """`microphone`: a WAV that it hears, once; None: there is none. `profile`: an empty folder."""
    assert CHROMIUM is not None
    options = [*_OPTIONS, f"--user-data-dir={profile}"]
    if microphone is not None:
        options += [*_FAKE, f"--use-file-for-fake-audio-capture={microphone}%noloop"]
    with (profile.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen([CHROMIUM, *options, "about:blank"], stdout=log, stderr=log)
    try:
        with connect(_devtools_of_a_tab(profile, process), max_size=None) as devtools:
            page = Page(devtools)
            for domain in ("Page", "Runtime", "Log"):
                page.command(f"{domain}.enable")
            page.command("Page.navigate", url=url)
            page.wait("document.readyState === 'complete' && location.href !== 'about:blank'")
            yield page
            page.command("Page.navigate", url="about:blank")
    finally:
        process.terminate()
        process.wait(20)


def _devtools_of_a_tab(profile: Path, process: subprocess.Popen[bytes]) -> str:
    deadline = time.monotonic() + _START_S
    port_file = profile / "DevToolsActivePort"
    while not port_file.exists() or "\n" not in port_file.read_text():
        assert time.monotonic() < deadline and process.poll() is None, "Chromium did not start"
        time.sleep(0.05)
    port = port_file.read_text().splitlines()[0]
    while True:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as answer:
            for target in json.load(answer):
                if target["type"] == "page":
                    address: str = target["webSocketDebuggerUrl"]
                    return address
        assert time.monotonic() < deadline, "Chromium has no tab"
        time.sleep(0.05)
