"""What is told of a stream at its end."""

from __future__ import annotations

import pytest

from mod_openai_realtime.observe.summary import Summary
from mod_openai_realtime.observe.usage import Usage
from mod_openai_realtime.stream.state import EndReason

MS = 1_000_000


def test_the_figures_of_a_stream() -> None:
    summary = Summary(Usage(), 1_000 * MS, underruns=5)
    summary.connections = 2
    summary.error = "HTTP 503 Service Unavailable"
    for latency in (300, None, 500, 400):
        summary.turn(latency)
    summary.usage.response({"input_tokens": 7})
    summary.end(EndReason.HANGUP.value, 61_500 * MS, interruptions=1)
    report = summary.report(sent_ms=60_000, heard_ms=20_000, underruns=8)
    assert report.pop("usage")["input_tokens"] == 7
    assert report == {
        "reason": "hangup",
        "duration_ms": 60_500,
        "connections": 2,
        "sent_ms": 60_000,
        "heard_ms": 20_000,
        "turns": 4,
        "interruptions": 1,
        "latency_ms": {"median": 400, "p95": 500},
        "underruns": 3,
        "error": "HTTP 503 Service Unavailable",
    }


@pytest.mark.parametrize(
    ("latencies", "median", "p95"),
    [
        ([], None, None),
        ([7], 7, 7),
        ([1, 2], 2, 2),  # halves are rounded to the even one
        (list(range(1, 101)), 50, 95),
        (list(range(1, 21)), 10, 19),
    ],
)
def test_median_and_95th_percentile_of_the_latencies(latencies: list[int], median: int | None, p95: int | None) -> None:
    summary = Summary(Usage(), 0, 0)
    for latency in reversed(latencies):
        summary.turn(latency)
    report = summary.report(sent_ms=0, heard_ms=0, underruns=0)
    assert report["latency_ms"] == {"median": median, "p95": p95}


def test_the_reasons_are_short_words() -> None:
    assert {reason.value for reason in EndReason} == {
        "stopped",
        "hangup",
        "not_connected",
        "disconnected",
        "unload",
        "switch_lost",
        "engine_exit",
    }
