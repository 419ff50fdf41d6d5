"""What an application asked of its sessions, as one."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mod_openai_realtime.conversation.session_wishes import (
    MAX_BYTES,
    MAX_WAITING,
    SessionWishes,
    merged,
    session_update,
)
from mod_openai_realtime.dialect.messages import classify


def sends(wishes: SessionWishes, payload: bytes) -> None:
    """Any message of the application."""
    update = session_update(payload)
    if update is not None:
        wishes.application_sent(update)


def asks(wishes: SessionWishes, session: Any, **fields: Any) -> None:
    sends(wishes, orjson.dumps({"type": "session.update", "session": session, **fields}))


def says(wishes: SessionWishes, kind: str, **fields: Any) -> None:
    wishes.server_said(classify(orjson.dumps({"type": kind, **fields})))


def test_objects_are_merged_and_all_else_is_replaced_by_the_latest() -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "marin", "tools": [{"name": "a"}], "audio": {"input": {"noise_reduction": None}}})
    asks(wishes, {"voice": "cedar", "tools": [{"name": "b"}], "audio": {"input": {"transcription": {"model": "m"}}}})
    assert wishes.session == {
        "voice": "cedar",
        "tools": [{"name": "b"}],
        "audio": {"input": {"noise_reduction": None, "transcription": {"model": "m"}}},
    }


def test_what_the_server_refuses_was_not_asked() -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "marin"}, event_id="e1")
    asks(wishes, {"voice": "nobody"}, event_id="e2")
    says(wishes, "session.updated", session={})
    says(wishes, "error", error={"event_id": "e2"})
    assert wishes.session == {"voice": "marin"}


@pytest.mark.parametrize("parameter", ["session.voice", "session"])
def test_an_error_without_an_id_is_about_an_update_without_one_where_it_names_the_session(parameter: str) -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "nobody"})
    asks(wishes, {"instructions": "Be kind."})
    says(wishes, "error", error={"event_id": None, "param": parameter})
    says(wishes, "session.updated", session={})
    assert wishes.session == {"instructions": "Be kind."}


@pytest.mark.parametrize("error", [{}, {"param": None}, {"param": "item.id"}, {"param": 7}])
def test_an_error_that_does_not_say_what_it_is_about_refuses_nothing(error: dict[str, Any]) -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "marin"})
    says(wishes, "error", error=error)
    assert wishes.session == {"voice": "marin"}


def test_of_what_an_update_is_known_by_only_a_short_id_is_kept() -> None:
    wishes = SessionWishes()
    for event_id in ("x" * 1000, ["x" * 1000], {"a": "x"}):
        asks(wishes, {"voice": "marin"}, event_id=event_id)
        says(wishes, "error", error={"event_id": event_id})
    assert wishes.session == {"voice": "marin"}


def test_what_was_not_answered_when_the_connection_was_lost_is_asked_again() -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "marin"}, event_id="e1")
    wishes.connection_lost()
    says(wishes, "error", error={"event_id": "e1"})
    assert wishes.session == {"voice": "marin"}


@pytest.mark.parametrize("lost", [False, True], ids=["answered", "lost"])
def test_an_id_that_is_used_again_is_that_of_the_later_one(lost: bool) -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "marin"}, event_id="e1")
    if lost:
        wishes.connection_lost()
    else:
        says(wishes, "session.updated", session={})
    asks(wishes, {"voice": "nobody"}, event_id="e1")
    says(wishes, "error", error={"event_id": "e1"})
    assert wishes.session == {"voice": "marin"}


@pytest.mark.parametrize(
    "payload",
    [
        b'{"type":"response.create"}',
        b'{"type":"conversation.item.create","item":"session.update"}',
        b'{"type":"session.update"}',
        b'{"type":"session.update","session":[]}',
        b'["session.update"]',
        b"[" * 2000 + b'"session.update"' + b"]" * 2000,
    ],
)
def test_what_is_no_update_means_nothing(payload: bytes) -> None:
    wishes = SessionWishes()
    sends(wishes, payload)
    assert wishes.session == {}


@pytest.mark.parametrize("deep", [True, False], ids=["deep", "large"])
def test_what_has_no_room_is_not_kept_and_nothing_breaks(deep: bool) -> None:
    wishes = SessionWishes()
    asks(wishes, {"voice": "marin"})
    says(wishes, "session.updated", session={})
    asks(wishes, {"voice": "cedar"})
    if deep:
        inner = b'{"a":' * 900 + b"1" + b"}" * 900
        sends(wishes, b'{"type":"session.update","session":' + inner + b"}")
    else:
        asks(wishes, {"instructions": "x" * MAX_BYTES})
    assert wishes.too_large
    assert wishes.session == {}


def test_of_many_that_no_server_answers_all_count() -> None:
    wishes = SessionWishes()
    for number in range(3 * MAX_WAITING):
        asks(wishes, {"metadata": {str(number): number}})
    assert len(wishes.session["metadata"]) == 3 * MAX_WAITING


def test_the_oldest_of_too_many_is_taken_as_agreed_to() -> None:
    wishes = SessionWishes()
    for number in range(MAX_WAITING + 1):
        asks(wishes, {"metadata": {str(number): number}}, event_id=f"e{number}")
    for number in range(2):
        says(wishes, "error", error={"event_id": f"e{number}"})
    assert "0" in wishes.session["metadata"] and "1" not in wishes.session["metadata"]


objects = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=12
).map(lambda value: value if isinstance(value, dict) else {"a": value})


@given(objects, objects)
def test_what_was_asked_last_is_there_and_neither_is_changed(first: Any, second: Any) -> None:
    before = deepcopy([first, second])
    both = merged(first, second)
    assert [first, second] == before
    assert merged(both, second) == both
    assert merged(first, {}) == first
    assert set(both) == set(first) | set(second)
