"""Which of several servers is called."""

from __future__ import annotations

from mod_openai_realtime.realtime.failover import FAILURES, Failover
from mod_openai_realtime.realtime.settings import EndpointSettings

URIS = ("ws://a/", "ws://b/", "ws://c/")


def make(*uris: str) -> Failover:
    return Failover(EndpointSettings(uri=uris[0], failover=uris[1:], headers=(("A", "secret-value"),)))


def test_each_is_called_so_often_and_then_the_next_round_and_round() -> None:
    failover, called = make(*URIS), []
    for _ in range(2 * FAILURES * len(URIS)):
        called.append(failover.settings.uri)
        failover.failed()
    assert called == [uri for uri in URIS for _ in range(FAILURES)] * 2
    assert failover.settings.headers == (("A", "secret-value"),)


def test_one_that_was_reached_is_called_again_after_a_loss() -> None:
    failover = make(*URIS)
    for _ in range(FAILURES):
        failover.failed()
    failover.opened()
    assert (failover.index, failover.settings.peer) == (1, "b:80")
    failover.failed()
    failover.opened()
    failover.failed()
    assert failover.index == 1


def test_one_whose_connections_do_not_last_is_left() -> None:
    failover = make(*URIS)
    for lasted in (False, True, False):
        failover.opened()
        failover.lost(lasted=lasted)
    assert failover.index == 0
    failover.opened()
    failover.lost(lasted=False)
    assert failover.index == 1


def test_without_others_there_is_always_the_one() -> None:
    failover = make(URIS[0])
    assert not failover.has_others
    for _ in range(5):
        failover.failed()
    assert failover.settings.uri == URIS[0]


def test_what_the_query_of_any_of_them_holds_is_not_shown() -> None:
    settings = EndpointSettings(uri="ws://a/?key=first-secret", failover=("ws://b/?key=other-secret",))
    assert settings.mask.hide("first-secret other-secret") == "*** ***"
