"""Faults of the network and of servers, each under a call by the real clock: what is noticed when, which events come,
when audio flows again, what of either direction was lost. All calls run side by side in one engine; the run prints
their table."""

from __future__ import annotations

import asyncio
import json
import re
import ssl
import subprocess
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme
from faulty import FaultProxy, Row, Scene, table
from surveyed_engine import SurveyedEngine
from until import wait_until

from mod_openai_realtime.local.behaviour import Behaviour, Pacing
from mod_openai_realtime.local.server import LocalEndpoint
from mod_openai_realtime.local.sounds import Tone
from mod_openai_realtime.local.thread import LocalEndpointThread
from mod_openai_realtime.native import MODULE_PATH
from mod_openai_realtime.standin import StandIn

from .conftest import REPORT

SECONDS = 45.0  # of what a caller says
AGENT = Behaviour(stream_tone=Tone(440, 600_000), pacing=Pacing(200, 1.0))

pytestmark = [
    pytest.mark.skipif(not MODULE_PATH.exists(), reason="the module has not been built"),
    pytest.mark.timeout(300),
]

Fault = Callable[[Scene, FaultProxy], None]


# -- a connection does not come up


def refused(scene: Scene, proxy: FaultProxy) -> None:
    proxy.refuse()
    scene.start(proxy.port)
    scene.wait("error")
    proxy.listen()
    scene.until_flows(1)


def packets_to_nowhere(scene: Scene, proxy: FaultProxy) -> None:
    proxy.answer_no_connection()
    scene.start(proxy.port)
    scene.wait("error")
    proxy.answer_again()
    scene.until_flows(1)


def slow_handshake(scene: Scene, proxy: FaultProxy) -> None:
    proxy.drip_s = 0.02
    scene.start(proxy.port)
    scene.until_flows(1)


def handshake_without_end(scene: Scene, proxy: FaultProxy) -> None:
    proxy.silent = True
    scene.start(proxy.port)
    scene.wait("error")
    proxy.silent = False
    scene.until_flows(1)


def _answers(answer: bytes) -> Fault:
    def fault(scene: Scene, proxy: FaultProxy) -> None:
        proxy.answer = answer
        scene.start(proxy.port)
        scene.wait("error")
        proxy.answer = None
        scene.until_flows(1)

    return fault


def name_without_an_answer(scene: Scene, proxy: FaultProxy) -> None:
    good = f"ws://127.0.0.1:{proxy.port}{scene.path}"
    scene.start(proxy.port, host="hangs-1.example", STREAM_FAILOVER_URI=good)
    scene.until_flows(1)


def _refuses_tls(scene: Scene, proxy: FaultProxy) -> None:
    scene.start(proxy.port, "wss", "localhost")
    scene.wait("error")


def tls_silent(scene: Scene, proxy: FaultProxy) -> None:
    proxy.silent = True
    scene.start(proxy.port, "wss")
    scene.wait("error")


# -- a connection fails


def _under_way(scene: Scene, proxy: FaultProxy, **variables: str) -> None:
    scene.start(proxy.port, **variables)
    scene.wait("connect")
    scene.wait("openai_speech_start")
    scene.until_flows(1)


def reset(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.reset()
    scene.until_flows(2)


def hung_up(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.hang_up()
    scene.until_flows(2)


def vanished(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.vanish()
    scene.until_flows(2)


def vanished_while_paused(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    assert scene.call is not None
    scene.switch.api("uuid_openai_audio_stream", f"{scene.call.uuid} pause")
    # Nothing is left for the proxy to send again: of a host that is gone nothing comes at all.
    proxy.down.stalled = True
    time.sleep(1)
    scene.fault()
    proxy.vanish()
    scene.wait("disconnect")
    proxy.down.stalled = False
    scene.wait("connect")
    scene.switch.api("uuid_openai_audio_stream", f"{scene.call.uuid} resume")
    scene.until_flows(2)


def takes_nothing(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.up.stalled = True
    scene.wait("disconnect")
    proxy.up.stalled = False
    scene.until_flows(2)


def says_nothing_for_5_s(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.down.stalled = True
    time.sleep(5)
    proxy.down.stalled = False
    scene.until(lambda records: records[-1].received_messages >= 400)


def says_nothing_with_a_heart_beat(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy, STREAM_HEART_BEAT="2")
    scene.fault()
    proxy.down.stalled = True
    scene.wait("disconnect")
    proxy.down.stalled = False
    scene.until_flows(2)


def _shaped(*, delay_s: float = 0, jitter_s: float = 0, bytes_per_s: float = 0) -> Fault:
    def fault(scene: Scene, proxy: FaultProxy) -> None:
        _under_way(scene, proxy)
        scene.fault()
        for way in (proxy.up, proxy.down):
            way.delay_s, way.jitter_s, way.bytes_per_s = delay_s, jitter_s, bytes_per_s
        time.sleep(6)
        for way in (proxy.up, proxy.down):
            way.delay_s = way.jitter_s = way.bytes_per_s = 0
        count = scene.records()[-1].received_messages
        scene.until(lambda records: records[-1].received_messages >= count + 100)

    return fault


def garbage(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.inject(bytes(range(0x83, 0x100)) * 4)
    scene.until_flows(2)


def _closes(code: int, reason: str = "") -> Fault:
    def fault(scene: Scene, proxy: FaultProxy) -> None:
        _under_way(scene, proxy)
        index = scene.records()[-1].index
        scene.fault()
        _close(scene, index, code, reason)
        scene.until_flows(2)

    return fault


def _close(scene: Scene, index: int, code: int, reason: str) -> None:
    closing: list[asyncio.Future[None]] = []  # it is not waited for, and must not be collected

    def close(endpoint: LocalEndpoint) -> None:
        closing.append(asyncio.ensure_future(endpoint.live(index).close(code, reason)))

    scene.endpoint.call(close)


def session_expired(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    index = scene.records()[-1].index
    scene.fault()
    scene.endpoint.call(lambda endpoint: endpoint.live(index).send_raw(EXPIRED))
    _close(scene, index, 1001, "maximum duration")
    scene.until_flows(2)


def away_for_4_s(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    scene.fault()
    proxy.refuse()
    proxy.reset()
    time.sleep(4)
    proxy.listen()
    scene.until_flows(2)


def session_expired_and_stays_open(scene: Scene, proxy: FaultProxy) -> None:
    _under_way(scene, proxy)
    index = scene.records()[-1].index
    scene.fault()
    scene.endpoint.call(lambda endpoint: endpoint.live(index).send_raw(EXPIRED))
    scene.until_flows(2)


EXPIRED = json.dumps({"type": "error", "error": {"type": "invalid_request_error", "code": "session_expired"}})
HTTP = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n"

FAULTS: dict[str, Fault] = {
    "refused": refused,
    "packets to nowhere": packets_to_nowhere,
    "slow handshake": slow_handshake,
    "handshake without end": handshake_without_end,
    "answer is garbage": _answers(bytes(range(256))),
    "HTTP 503": _answers(HTTP % 503),
    "HTTP 401": _answers(HTTP % 401),
    "name without an answer": name_without_an_answer,
    "TLS: unknown authority": _refuses_tls,
    "TLS: expired": _refuses_tls,
    "TLS: another name": _refuses_tls,
    "TLS: client certificate wanted": _refuses_tls,
    "TLS: too old": _refuses_tls,
    "TLS: none spoken": _refuses_tls,
    "TLS: silent": tls_silent,
    "reset": reset,
    "hung up without a close frame": hung_up,
    "vanished": vanished,
    "vanished while paused": vanished_while_paused,
    "takes nothing": takes_nothing,
    "says nothing for 5 s": says_nothing_for_5_s,
    "says nothing, heart-beat 2 s": says_nothing_with_a_heart_beat,
    "300 ms late each way": _shaped(delay_s=0.3),
    "0 to 200 ms of jitter": _shaped(jitter_s=0.2),
    "56 kbit/s for 6 s": _shaped(bytes_per_s=7000),
    "garbage": garbage,
    **{f"close {code}": _closes(code) for code in (1000, 1001, 1008, 1011, 1012, 1013, 4000)},
    "close 1001, maximum duration": _closes(1001, "maximum duration"),
    "session_expired, then close": session_expired,
    "session_expired": session_expired_and_stays_open,
    "away for 4 s": away_for_4_s,
}

# What a worker holds that had all these calls, and none now, beside what it held before the first.
REALTIME = "mod_openai_realtime.realtime"
KEPT = {
    # Of each of the two ways in which servers were to be trusted, for the next that is.
    "ssl.SSLContext": 2,
    f"{REALTIME}.tls.TlsSettings": 2,
    # Of the name without an answer: the system's own call has not returned.
    f"{REALTIME}.resolver._LookUp": 1,
    # The event loop's.
    f"{REALTIME}.attempt._ReportFilter": 1,
}


def tls_contexts(authority: trustme.CA) -> dict[str, ssl.SSLContext]:
    """Of servers that the engine is to have nothing to do with, by the fault."""
    contexts = {}
    for name in FAULTS:
        if not name.startswith("TLS") or name in ("TLS: none spoken", "TLS: silent"):
            continue
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        names = ["other.example"] if name == "TLS: another name" else ["localhost", "127.0.0.1"]
        past = datetime(2020, 1, 1, tzinfo=UTC) if name == "TLS: expired" else None
        authority.issue_cert(*names, not_after=past).configure_cert(context)
        if name == "TLS: client certificate wanted":
            context.verify_mode = ssl.CERT_REQUIRED
            authority.configure_trust(context)
        if name == "TLS: too old":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
                context.maximum_version = ssl.TLSVersion.TLSv1_1
            context.set_ciphers("ALL:@SECLEVEL=0")
        contexts[name] = context
    return contexts


@pytest.fixture
def rows(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[dict[str, Row]]:
    """All faults at once, each under a call of its own."""
    folder = tmp_path_factory.mktemp("faults")
    library, authority = folder / "hanging_resolver.so", trustme.CA()
    source = Path(__file__).with_name("hanging_resolver.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    trusted = folder / "trusted.pem"
    authority.cert_pem.write_to_path(str(trusted))
    contexts = tls_contexts(authority)
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="oart-") as run_dir,
        LocalEndpointThread(vad=False, behaviour=AGENT) as endpoint,
        StandIn(engine_socket=Path(run_dir) / "engine.sock") as switch,
        ExitStack() as stack,
    ):
        patch.setenv("LD_PRELOAD", str(library))
        engine = SurveyedEngine(Path(run_dir))
        engine.start()
        stack.callback(engine.kill)
        patch.delenv("LD_PRELOAD")
        switch.run()
        scenes = {name: Scene(name, switch, endpoint, SECONDS) for name in FAULTS}
        proxies = {name: stack.enter_context(FaultProxy(endpoint.port, tls=contexts.get(name))) for name in FAULTS}

        def play(name: str) -> Row:
            scene = scenes[name]
            # Of the untrusted ones nobody is told; the others fail at what they are named for.
            scene.variables = {} if name == "TLS: unknown authority" else {"STREAM_TLS_CA_FILE": str(trusted)}
            try:
                FAULTS[name](scene, proxies[name])
            except (TimeoutError, AssertionError) as error:
                return replace(scene.row(), failure=f"{type(error).__name__}: {error}")
            return scene.row()

        before, resident_kb = engine.survey(), engine.resident_kb()
        descriptors, threads = engine.descriptors(), engine.threads()
        with ThreadPoolExecutor(len(FAULTS)) as pool:
            found = dict(zip(FAULTS, pool.map(play, FAULTS), strict=True))
        wait_until(lambda: engine.descriptors() <= descriptors)
        lines: list[str] = request.config.stash[REPORT]
        lines += table(list(found.values())).splitlines()
        lines.append(
            f"descriptors before {descriptors}, after {engine.descriptors()}; "
            f"threads before {threads}, after {engine.threads()}; "
            f"resident memory of the workers before {resident_kb} kB, after {engine.resident_kb()} kB"
        )
        for _ in range(1000):  # the last of them goes a moment after its socket
            if engine.survey() == before | KEPT:
                break
        assert engine.survey() == before | KEPT
        yield found
        engine.stop()


CONNECTS = r"error(\*[0-9]+)? connect"
COMES_BACK = r"disconnect\(1006\) connect"
TOLD = {
    "refused": CONNECTS,
    "packets to nowhere": CONNECTS,
    "slow handshake": "connect",
    "handshake without end": CONNECTS,
    "answer is garbage": CONNECTS,
    "HTTP 503": r"error\(503\)(\*[0-9]+)? connect",
    "HTTP 401": r"error\(401\)(\*[0-9]+)? connect",
    "name without an answer": CONNECTS,
    "says nothing for 5 s": "none",
    "300 ms late each way": "none",
    "0 to 200 ms of jitter": "none",
    "56 kbit/s for 6 s": "none",
    "close 1001, maximum duration": r"connect\(rollover\)",
    "session_expired, then close": r"connect\(rollover\)",
    "session_expired": r"connect\(rollover\)",
    "away for 4 s": r"disconnect\(1006\) error(\*[0-9]+)? connect",
    **{name: rf"disconnect\({name[6:]}\) connect" for name in FAULTS if name.startswith("close ") and "," not in name},
}
ERRORS = {
    "refused": "Connection refused",
    "packets to nowhere": "Connection timed out",
    "handshake without end": "Connection timed out",
    "answer is garbage": "Server's answer is not HTTP",
    "name without an answer": "Connection timed out",
    "TLS: unknown authority": "TLS certificate verification failed: unable to get local issuer certificate",
    "TLS: expired": "TLS certificate verification failed: certificate has expired",
    "TLS: another name": "TLS certificate verification failed: hostname mismatch",
    "TLS: client certificate wanted": "Connection (closed during the handshake|lost)|TLS handshake failed: .*",
    "TLS: too old": "Connection (closed during the handshake|lost)|TLS handshake failed: .*",
    "TLS: none spoken": "TLS handshake failed: wrong version number",
    "TLS: silent": "Connection timed out",
    "away for 4 s": "Connection refused",
}
# Not before, in ms: the limits of docs/topics/reconnection.md.
NOT_BEFORE = {
    "packets to nowhere": 10_000,
    "handshake without end": 10_000,
    "name without an answer": 10_000,
    "TLS: silent": 10_000,
    "vanished": 10_000,
    "vanished while paused": 10_000,
    "takes nothing": 10_000,
    "says nothing, heart-beat 2 s": 3_000,
}
LEFT_ALONE = ("close 1008", "close 4000", "HTTP 401")
NO_LOSS = ("session_expired", "session_expired, then close", "close 1001, maximum duration")


def noticed_and_told(name: str, row: Row) -> Iterator[str]:
    """What is wrong of it."""
    told = " ".join(row.events) or "none"
    if row.failure:
        yield row.failure
    if not re.fullmatch(TOLD.get(name, "error(\\*[0-9]+)?" if name.startswith("TLS") else COMES_BACK), told):
        yield f"told {told}"
    if (row.noticed is None) is ("error" in told or "disconnect" in told) or (row.noticed or 0) < NOT_BEFORE.get(
        name, 0
    ):
        yield f"noticed after {row.noticed} ms"
    if not re.fullmatch(ERRORS.get(name, ".*"), row.errors[0] if row.errors else ""):
        yield f"errors {row.errors}"
    if (row.flows_again is None) is not name.startswith("TLS"):
        yield f"flows again after {row.flows_again} ms"
    if name in LEFT_ALONE and (row.flows_again or 0) < 9_900:
        yield f"a server that does not want the call is asked again after {row.flows_again} ms"


def caller_audio(name: str, row: Row) -> Iterator[str]:
    """What is wrong of it: it is never sent twice, and lost only while there is no connection."""
    if row.caller_twice:
        yield f"sent twice: {row.caller_twice} ms"
    # What is said in a pause is not to be sent.
    may_be_lost = row.connected + 500 if row.connected is not None and name not in NO_LOSS else 0
    if row.caller_lost > may_be_lost and name != "vanished while paused":
        yield f"lost: {row.caller_lost} ms, connected after {row.connected} ms"


def test_each_fault_is_noticed_and_told_and_the_call_goes_on(rows: dict[str, Row]) -> None:
    wrong = {name: [*noticed_and_told(name, row), *caller_audio(name, row)] for name, row in rows.items()}
    assert {name: what for name, what in wrong.items() if what} == {}
