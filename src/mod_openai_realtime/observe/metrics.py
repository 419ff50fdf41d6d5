"""The engine's figures for Prometheus, over HTTP."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import fields
from socketserver import ThreadingMixIn
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from prometheus_client import CollectorRegistry, make_wsgi_app
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from ..accepting import PAUSE_S, Shortage
from .board import LATENESS_BOUNDS_MS, Board, Figure, WorkerFigures
from .usage import KINDS, TOKENS, TRANSCRIPTION_MS

logger = logging.getLogger(__name__)

# A scrape takes some milliseconds. Who asks nothing, or byte by byte, is hung up on; at the limit the oldest is.
MAX_CONNECTIONS = 16
CONNECTION_S = 10.0

_PREFIX = "openai_realtime"
_FAMILIES = {Figure.GAUGE: GaugeMetricFamily, Figure.COUNTER: CounterMetricFamily}


class BoardCollector(Collector):
    """Reads the board anew for each scrape; a worker is the label `worker`."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        rows = [(str(index), row) for index, row in enumerate(self._board.rows()) if row.present]
        yield GaugeMetricFamily(f"{_PREFIX}_workers", "worker processes that are up", value=len(rows))
        for figure in fields(WorkerFigures):
            if figure.metadata:
                text = figure.metadata["meaning"]
                family = _FAMILIES[figure.metadata["kind"]](f"{_PREFIX}_{figure.name}", text, labels=["worker"])
                for worker, row in rows:
                    family.add_metric([worker], getattr(row, figure.name))
                yield family
        if self._board.hosts:
            name, text = "agent_blocked_seconds", "how long agents' code has kept an event loop from going on"
            yield CounterMetricFamily(f"{_PREFIX}_{name}", text, value=self._board.agents_blocked_s)
        tokens = CounterMetricFamily(
            f"{_PREFIX}_tokens", "tokens that servers have told of, by kind", labels=["worker", "kind"]
        )
        seconds = CounterMetricFamily(
            f"{_PREFIX}_transcription_seconds", "transcribed audio that servers have told of", labels=["worker"]
        )
        for worker, row in rows:
            usage = dict(zip(KINDS, row.usage, strict=True))
            for kind in TOKENS:
                tokens.add_metric([worker, kind.removesuffix("_tokens")], usage[kind])
            seconds.add_metric([worker], usage[TRANSCRIPTION_MS] / 1000)
        yield tokens
        yield seconds
        lateness = HistogramMetricFamily(
            f"{_PREFIX}_tick_lateness_seconds", "how late the media clock's ticks were", labels=["worker"]
        )
        for worker, row in rows:
            total, buckets = 0, []
            for bound, count in zip([*LATENESS_BOUNDS_MS, None], row.lateness, strict=True):
                total += count
                buckets.append(("+Inf" if bound is None else str(bound / 1000), float(total)))
            lateness.add_metric([worker], buckets, sum_value=row.lateness_us / 1e6)
        yield lateness


class MetricsServer(ThreadingMixIn, WSGIServer):
    """One thread a connection, of which there are MAX_CONNECTIONS at most, none for longer than CONNECTION_S."""

    daemon_threads = True

    def __init__(
        self, listener: socket.socket, registry: CollectorRegistry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(listener.getsockname(), _Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = listener
        self.server_name, self.server_port = listener.getsockname()
        self.setup_environ()
        self.set_app(make_wsgi_app(registry))
        self._clock = clock
        self._shortage = Shortage("a connection for metrics")
        self._stopping = threading.Event()
        self._began: dict[Any, float] = {}  # connections, the oldest first; each thread takes its own out

    def get_request(self) -> tuple[Any, Any]:
        try:
            return super().get_request()
        except OSError as error:
            line = self._shortage.line(error, self._clock())
            if line is not None:
                logger.error(line)
            self._stopping.wait(PAUSE_S)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._began) >= MAX_CONNECTIONS:
            oldest = next(iter(self._began.copy()))
            self._began.pop(oldest, None)
            _hang_up(oldest)
        self._began[request] = self._clock()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._began.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        """Called each half second at least."""
        for request, began in self._began.copy().items():
            if self._clock() - began > CONNECTION_S:
                _hang_up(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        logger.debug("a connection for metrics failed", exc_info=True)

    def shutdown(self) -> None:
        self._stopping.set()
        super().shutdown()


def _hang_up(connection: socket.socket) -> None:
    """Its thread sees the end, and closes it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """A scrape is not worth a line."""


def serve_metrics(board: Board, listener: socket.socket) -> None:
    """The main function of the metrics process, on a socket that listens; returns after SIGTERM."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BoardCollector(board))
    server = MetricsServer(listener, registry)
    # From a thread: shutdown() waits until serve_forever(), which this signal has interrupted, has seen it.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    server.server_close()
