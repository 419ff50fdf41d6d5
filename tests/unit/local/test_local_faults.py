"""What the command line may have the endpoint do wrong."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from mod_openai_realtime.cli import main
from mod_openai_realtime.local.behaviour import GOOD, Behaviour, Ending
from mod_openai_realtime.local.faults import KINDS, FaultError, behaviours, parsed

PAGE = Path(__file__).parents[3] / "docs/how-to/local-endpoint.md"


def of(*texts: str) -> list[Behaviour]:
    """What the first four connections meet."""
    made = behaviours([parsed(text) for text in texts])
    return [made if isinstance(made, Behaviour) else made(index) for index in range(4)]


def test_without_faults_it_is_good() -> None:
    assert of() == [GOOD] * 4


@pytest.mark.parametrize(
    ("text", "meets"),
    [
        ("close=1008", [True, True, True, True]),
        ("close=1008@2", [False, True, False, False]),
        ("close=1008@2-3", [False, True, True, False]),
        ("close=1008@2-", [False, True, True, True]),
    ],
)
def test_a_fault_may_be_for_some_connections(text: str, meets: list[bool]) -> None:
    assert [each.ending == Ending(1008) for each in of(text)] == meets


def test_faults_go_together_and_keep_what_is_usual() -> None:
    made = behaviours([parsed("garbage"), parsed("bad-audio"), parsed("no-pong")], GOOD.with_latency(300, 900))
    assert not isinstance(made, Behaviour)
    both = made(0)
    assert len(both.send_on_open) == 2 and not both.answer_pings
    assert 0.3 <= both.latency_s() <= 0.9


@pytest.mark.parametrize("name", KINDS)
def test_each_fault_changes_something(name: str) -> None:
    kind = KINDS[name]
    text = name if kind.value is None or kind.usual is not None else f"{name}=1000"
    assert of(text)[0] != GOOD


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("explode", "there is no fault 'explode'; there are refuse,"),
        ("", "is no fault"),
        ("close@", "is no fault"),
        ("close@0", "counted from 1"),
        ("close@3-2", "counted from 1"),
        ("close=abc", "close=CODE, a whole number from 1000 to 4999"),
        ("close=999", "close=CODE, a whole number from 1000 to 4999"),
        ("drop-after-ms", "drop-after-ms=MS, a whole number from 0"),
        ("hang=1", "the fault hang takes no value"),
    ],
)
def test_what_is_no_fault_is_told(text: str, said: str) -> None:
    with pytest.raises(FaultError) as caught:
        parsed(text)
    assert said in str(caught.value)


def test_the_command_lists_all_and_so_does_the_page() -> None:
    listed = CliRunner().invoke(main, ["local", "--list-faults"])
    assert listed.exit_code == 0
    page = PAGE.read_text(encoding="utf-8")
    for name, kind in KINDS.items():
        assert kind.meaning in listed.output
        assert f"`{name}" in page
