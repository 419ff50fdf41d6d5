"""What is read from the engine's log."""

from pathlib import Path

from mod_openai_realtime.agent.testing.engine_said import EngineSaid

LOG = """\
2026-11-29 14:00:00,000 INFO worker-0 pilot: agent Shop of call uuid-1 is done: hang_up
2026-11-29 14:00:00,100 ERROR agents-0 agent.tool_runs: uuid-2: tool price failed
  | Traceback (most recent call last):
  | KeyError: 'missing'
somebody's own words
2026-11-29 14:00:00,200 WARNING worker-0 pilot: agent Shop of call uuid-2 is given up: caller: on_end takes too long
2026-11-29 14:00:00,300 INFO worker-0 pilot: agent Shop of call uuid-3 is do"""


def test_ends_and_trouble_of_what_is_new(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("2026-11-29 13:00:00,000 ERROR worker-0 pilot: agent Shop of call uuid-0 is done: old\n")
    said = EngineSaid(log)
    with log.open("a") as file:
        file.write(LOG)
    said.look()
    assert said.reasons == {"uuid-1": "hang_up", "uuid-2": "caller"}
    assert said.trouble() == [
        "ERROR agents-0 agent.tool_runs: uuid-2: tool price failed",
        "  | Traceback (most recent call last):",
        "  | KeyError: 'missing'",
        "WARNING worker-0 pilot: agent Shop of call uuid-2 is given up: caller: on_end takes too long",
    ]
    with log.open("a") as file:
        file.write("ne: transferred\n")
    said.look()
    assert said.reasons["uuid-3"] == "transferred"
    assert "somebody's own words" in said.lines
