"""One bounded, printable JSON object a line, whatever is logged."""

from __future__ import annotations

import logging
import sys
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.logs import LONGEST_MESSAGE, JsonLines, configure


def line(message: object, *arguments: object, fields: Any = None, error: BaseException | None = None) -> dict[str, Any]:
    info = (type(error), error, error.__traceback__) if error else None
    record = logging.LogRecord("gateway.x", logging.WARNING, "", 1, message, arguments, info)  # type: ignore[arg-type]
    record.fields = fields
    text = JsonLines().format(record)
    assert text.isprintable()
    assert "\n" not in text
    return dict(orjson.loads(text))


def test_a_line_says_when_how_bad_who_and_what() -> None:
    found = line("%d calls", 5)

    assert (found["level"], found["from"], found["message"]) == ("warning", "gateway.x", "5 calls")
    assert found["at"].endswith("+00:00")


def test_control_characters_are_escaped() -> None:
    assert line("a\x1b[31mb\nc\x7f\u202e\ud800")["message"] == "a\\x1b[31mb\\nc\\x7f\\u202e\\ud800"


def test_a_message_is_bounded() -> None:
    assert len(line("x" * 100_000)["message"]) == LONGEST_MESSAGE
    assert len(line("x", fields={"y": "\x00" * 100_000})["y"]) <= 4 * LONGEST_MESSAGE


def test_fields_stand_beside_the_message() -> None:
    found = line(
        "failed", fields={"id": "req_1", "status": 502, "cause": "a\nb", "message": "not this", "big": 1 << 70}
    )

    assert (found["id"], found["status"], found["cause"], found["message"]) == ("req_1", 502, "a\\nb", "failed")
    assert found["big"] == str(1 << 70)


def test_a_wrong_format_costs_no_line() -> None:
    assert line("%d calls", "many")["message"] == "%d calls"


def test_an_exception_has_its_trace() -> None:
    try:
        raise ValueError("no\x1b" + "x" * 100_000)
    except ValueError as error:
        trace = line("failed", error=error)["trace"]

    assert len(trace) < 70_000
    assert "\x1b" not in trace


@given(st.text(), st.dictionaries(st.text(), st.none() | st.integers() | st.floats() | st.text() | st.binary()))
def test_anything_makes_a_line(message: str, fields: dict[str, Any]) -> None:
    line(message, fields=fields)


@pytest.mark.parametrize(("level", "shown"), [("info", False), ("debug", True)])
def test_the_level_is_chosen(level: str, shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    handlers, before = root.handlers[:], root.level
    try:
        configure(level)
        logging.getLogger("gateway.test").debug("detail")
        assert ("detail" in capsys.readouterr().err) is shown
    finally:
        root.handlers[:], root.level = handlers, before
    assert sys.stderr is not None
