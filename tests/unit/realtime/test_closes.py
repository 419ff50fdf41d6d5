"""What the end of a connection says about the next one: the classes of contract section 10."""

from __future__ import annotations

import pytest

from mod_openai_realtime.realtime.closes import Loss, loss


@pytest.mark.parametrize("code", [1001, 1005, 1006, 1011, 1012, 1013])
def test_what_passes_is_tried_again_at_once(code: int) -> None:
    assert loss(code, "") is Loss.PASSING


@pytest.mark.parametrize("code", [1008, 4000, 4001, 4999])
def test_a_server_that_does_not_want_us_is_left_alone(code: int) -> None:
    assert loss(code, "going away: maximum duration") is Loss.FINAL


@pytest.mark.parametrize("reason", ["maximum duration", "Session reached its Maximum Duration of 60 minutes."])
def test_a_session_that_was_too_old_is_known_by_its_reason(reason: str) -> None:
    assert loss(1001, reason) is Loss.EXPIRED
    assert loss(1000, reason) is Loss.OTHER


@pytest.mark.parametrize("code", [1000, 1002, 1003, 1007, 1009, 1010, 1014, 3000, 3999])
def test_all_else_waits_like_a_failure(code: int) -> None:
    assert loss(code, "") is Loss.OTHER
