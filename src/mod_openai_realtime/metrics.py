"""The engine's figures for Prometheus, over HTTP."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from .board import LATENESS_BOUNDS_MS, Board

_PREFIX = "openai_realtime"
_GAUGES = {
    "channels": "channels with a link to this worker",
    "streams": "streams that are up",
    "overloaded": "1 where ticks of the last second were so late that calls are at risk",
}
_COUNTERS = {
    "missed_ticks": "ticks of the media clock that a stalled event loop has missed",
    "underruns": "frames that ran short in the middle of a response",
    "lost_slots": "frames of caller audio that were overwritten before they were read",
    "faults": "positions in shared memory that made no sense",
}


class BoardCollector(Collector):
    """Reads the board anew for each scrape; a worker is the label `worker`."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def collect(self) -> Iterator[Metric]:
        rows = [(str(index), row) for index, row in enumerate(self._board.rows()) if row.present]
        yield GaugeMetricFamily(f"{_PREFIX}_workers", "worker processes that are up", value=len(rows))
        for name, text in _GAUGES.items():
            gauge = GaugeMetricFamily(f"{_PREFIX}_{name}", text, labels=["worker"])
            for worker, row in rows:
                gauge.add_metric([worker], getattr(row, name))
            yield gauge
        for name, text in _COUNTERS.items():
            counter = CounterMetricFamily(f"{_PREFIX}_{name}", text, labels=["worker"])
            for worker, row in rows:
                counter.add_metric([worker], getattr(row, name))
            yield counter
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


def serve_metrics(board: Board, host: str, port: int) -> None:
    """The main function of the metrics process; returns after SIGTERM. Raises OSError where the port is taken."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(BoardCollector(board))
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    server, thread = start_http_server(port, addr=host, registry=registry)
    ended.wait()
    server.shutdown()
    thread.join()
    server.server_close()
