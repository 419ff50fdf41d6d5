"""What is logged of others' text shows on one line of a terminal, and acts on nothing."""

from __future__ import annotations

import io
import logging
import unicodedata

import pytest

from mod_openai_realtime.observe.engine_log import FORMAT, REPEATS, PrintableFormatter, RepeatLimit

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \r\n2026-01-01 ERROR forged \x7f\x9b31m \u202egnirts\u202c \u2028 end"


@pytest.fixture
def output() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def logger(output: io.StringIO) -> logging.Logger:
    logger = logging.Logger("mod_openai_realtime.test")
    handler = logging.StreamHandler(output)
    handler.setFormatter(PrintableFormatter(FORMAT))
    logger.addHandler(handler)
    return logger


def test_a_record_is_one_printable_line(logger: logging.Logger, output: io.StringIO) -> None:
    logger.warning("the peer says %s", HOSTILE)
    line, end = output.getvalue().split("\n")
    assert end == "" and line.isprintable()
    assert "forged" in line and line.endswith("end")


def test_a_traceback_and_a_stack_are_printable_and_look_like_no_record(
    logger: logging.Logger, output: io.StringIO
) -> None:
    try:
        raise ValueError(HOSTILE)
    except ValueError:
        logger.exception("%s", HOSTILE, stack_info=True)
    first, *others = output.getvalue().rstrip("\n").split("\n")
    assert len(others) > 4 and all(line.startswith("  | ") for line in others)
    assert all(line.isprintable() for line in [first, *others])
    assert any("forged" in line for line in others)


def test_no_character_of_unicode_that_acts_on_a_line_gets_through(logger: logging.Logger, output: io.StringIO) -> None:
    acting = [chr(point) for point in range(0x110000) if unicodedata.category(chr(point)) in ("Cc", "Cf", "Zl", "Zp")]
    logger.error("%s", "".join(acting))
    assert output.getvalue().count("\n") == 1
    assert not set(acting) - {"\n"} & set(output.getvalue())


def test_what_is_said_without_end_is_left_out_and_counted(logger: logging.Logger, output: io.StringIO) -> None:
    now_ns = 0
    logger.handlers[0].addFilter(RepeatLimit(lambda: now_ns))

    def fault() -> None:
        logger.error("fault")

    for _ in range(1000):
        fault()
    logger.error("another")
    assert output.getvalue().count("fault") == REPEATS and output.getvalue().count("another") == 1
    now_ns = 1_000_000_000
    for _ in range(2):
        fault()
    assert output.getvalue().count("fault") == REPEATS + 1
    assert output.getvalue().endswith(f"fault ({1000 - REPEATS} more were left out)\n")


def test_what_was_asked_for_is_never_left_out(logger: logging.Logger, output: io.StringIO) -> None:
    logger.handlers[0].addFilter(RepeatLimit(lambda: 0))
    for _ in range(10 * REPEATS):
        logger.debug("detail")
    assert output.getvalue().count("detail") == 10 * REPEATS
