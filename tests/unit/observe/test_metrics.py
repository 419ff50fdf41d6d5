"""The figures as Prometheus reads them."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from mod_openai_realtime.observe.board import LATENESS_BOUNDS_MS, Board, WorkerFigures
from mod_openai_realtime.observe.metrics import BoardCollector
from mod_openai_realtime.observe.usage import Usage


def test_each_worker_is_a_label_and_absent_ones_are_left_out() -> None:
    board = Board(3)
    board.join(2)
    lateness = [1] * (len(LATENESS_BOUNDS_MS) + 1)
    usage = Usage()
    usage.response({"input_token_details": {"audio_tokens": 12}})
    usage.transcription({"seconds": 1.5})
    board.publish(WorkerFigures(1, 2, 3, 1, 10, 4, 2_500_000, 5, 6, 7, lateness, list(usage.counts.values())))
    registry = CollectorRegistry()
    registry.register(BoardCollector(board))
    text = generate_latest(registry).decode()
    samples = {
        (sample.name, sample.labels.get("le", sample.labels.get("kind"))): (sample.value, sample.labels.get("worker"))
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    assert samples["openai_realtime_workers", None] == (1, None)
    assert samples["openai_realtime_streams", None] == (3, "2")
    assert samples["openai_realtime_overloaded", None] == (1, "2")
    assert samples["openai_realtime_underruns_total", None] == (5, "2")
    assert samples["openai_realtime_tick_lateness_seconds_bucket", "0.005"] == (3, "2")
    assert samples["openai_realtime_tick_lateness_seconds_bucket", "+Inf"] == (10, "2")
    assert samples["openai_realtime_tokens_total", "input_audio"] == (12, "2")
    assert samples["openai_realtime_tokens_total", "output_text"] == (0, "2")
    assert samples["openai_realtime_transcription_seconds_total", None] == (1.5, "2")
    assert samples["openai_realtime_tick_lateness_seconds_sum", None] == (2.5, "2")
