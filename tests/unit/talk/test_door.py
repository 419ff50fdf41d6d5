"""Who gets to the page, and who does not."""

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from mod_openai_realtime.talk.door import Door

PORT = 8780


@pytest.fixture
def door() -> Door:
    return Door(PORT, "bakery.py:Bakery")


def asked(door: Door, path: str, *hosts: str) -> Response | None:
    return door.answer(Request(path, Headers([("Host", host) for host in hosts or (f"127.0.0.1:{PORT}",)])))


def path_of(url: str) -> str:
    return url.removeprefix(f"http://127.0.0.1:{PORT}")


def test_the_page_is_there_for_who_has_its_address(door: Door) -> None:
    page = path_of(door.url)
    answer = asked(door, page)
    assert answer is not None and answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/html") and b"bakery.py:Bakery" in answer.body
    for name in ("style.css", "talk.js", "sound.js", "conversation.js", "microphone.js", "loudspeaker.js", "icon.svg"):
        file = asked(door, page + name)
        assert file is not None and file.status_code == 200 and file.body
    assert asked(door, page, f"localhost:{PORT}") is not None


def test_the_websocket_is_let_through(door: Door) -> None:
    assert asked(door, path_of(door.url) + "call?rate=48000") is None
    assert set(door.origins) == {f"http://127.0.0.1:{PORT}", f"http://localhost:{PORT}"}


@pytest.mark.parametrize(
    "path", ["/", "/call", "/index.html", "/x/", "/x/call", "//", "/open/", "/open/x", "/open/None"]
)
def test_without_the_token_there_is_nothing(door: Door, path: str) -> None:
    answer = asked(door, path)
    assert answer is not None and answer.status_code == 403
    assert path_of(door.url).strip("/").encode() not in answer.body


@pytest.mark.parametrize("host", ["evil.example:8780", "127.0.0.1", "127.0.0.1:80", "localhost.evil.example:8780", ""])
def test_under_another_name_there_is_nothing(door: Door, host: str) -> None:
    """A name of somebody else's that resolves to 127.0.0.1 has the browser take us for one of their pages."""
    for name in ("", "call"):
        answer = asked(door, path_of(door.url) + name, host)
        assert answer is not None and answer.status_code == 403


def test_a_request_has_one_host(door: Door) -> None:
    both = f"127.0.0.1:{PORT}", "evil.example"
    answer = asked(door, path_of(door.url), *both)
    assert answer is not None and answer.status_code == 403


@pytest.mark.parametrize("name", ["nothing.js", "../door.py", "..%2fdoor.py", "/etc/passwd", "call/x"])
def test_only_the_pages_files_are_served(door: Door, name: str) -> None:
    answer = asked(door, path_of(door.url) + name)
    assert answer is not None and answer.status_code == 404


def test_the_ticket_is_good_once(door: Door) -> None:
    ticket = path_of(door.ticket_url)
    first, second = asked(door, ticket), asked(door, ticket)
    assert first is not None and (first.status_code, first.headers["Location"]) == (303, path_of(door.url))
    assert second is not None and second.status_code == 403 and "Location" not in second.headers
    assert path_of(door.url).strip("/") not in ticket


def test_scripts_and_connections_are_only_the_pages_own(door: Door) -> None:
    answer = asked(door, path_of(door.url))
    assert answer is not None
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "script-src 'self'" in policy and "unsafe" not in policy
    assert f"connect-src ws://127.0.0.1:{PORT} ws://localhost:{PORT};" in policy
    assert answer.headers["Referrer-Policy"] == "no-referrer" and answer.headers["Cache-Control"] == "no-store"


def test_an_agents_name_is_no_markup() -> None:
    door = Door(PORT, "<script>alert(1)</script>.py")
    answer = asked(door, path_of(door.url))
    assert answer is not None and b"<script>alert" not in answer.body


def test_each_run_has_tokens_of_its_own() -> None:
    assert len({url for door in (Door(PORT, "a"), Door(PORT, "a")) for url in (door.url, door.ticket_url)}) == 4
