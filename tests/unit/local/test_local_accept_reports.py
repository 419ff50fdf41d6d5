import asyncio
import errno
import logging
from typing import Any

import pytest

from mod_openai_realtime.local.server import LocalEndpoint


async def test_a_lack_of_descriptors_is_one_line_and_no_traces(caplog: pytest.LogCaptureFixture) -> None:
    async with LocalEndpoint(vad=False):
        loop = asyncio.get_running_loop()
        with caplog.at_level(logging.INFO):
            for _ in range(100):
                # As asyncio does it, up to a hundred times a second.
                loop.call_exception_handler(
                    {
                        "message": "socket.accept() out of system resource",
                        "exception": OSError(errno.EMFILE, "Too many open files"),
                    }
                )
    lines = [record for record in caplog.records if "Too many open files" in record.getMessage()]
    assert len(lines) == 1
    assert lines[0].exc_info is None


async def test_other_reports_reach_whoever_had_them_before() -> None:
    loop = asyncio.get_running_loop()
    reports: list[dict[str, Any]] = []
    loop.set_exception_handler(lambda _, context: reports.append(context))
    async with LocalEndpoint(vad=False):
        loop.call_exception_handler({"message": "something else"})
    assert [report["message"] for report in reports] == ["something else"]
