"""Rows of every version in today's columns."""

from __future__ import annotations

import orjson
import pytest

from gateway.control.rows import in_columns, rows_of
from gateway.ledger.row import COLUMNS, VERSION
from tests.control.made import column, record, row

OLD = list(row("a", status=404))[: COLUMNS.index("request_id")]


def test_rows_of_today_come_as_they_are() -> None:
    assert rows_of([record("a"), record("b")], VERSION) == [list(row("a")), list(row("b"))]
    assert rows_of([], VERSION) == []


def test_a_row_of_version_1_is_shown_under_its_own_id() -> None:
    (upgraded,) = rows_of([orjson.dumps(OLD)], 1)

    assert upgraded == [*OLD, "a"]
    assert len(upgraded) == len(COLUMNS)


def test_a_row_with_fewer_columns_takes_their_defaults() -> None:
    short = in_columns(["a", 5, "chat"], VERSION)

    assert (len(short), column("outcome", short), column("status", short)) == (len(COLUMNS), "ok", 200)


def test_a_row_of_a_later_version_loses_what_is_not_known_yet() -> None:
    assert rows_of([orjson.dumps([*row("a"), "new", 7])], VERSION + 1) == [list(row("a"))]


@pytest.mark.parametrize("bad", [b"[", b"{}", b"7", b"null", b'["a"]', b'[1, 2, "chat"]', b'["a", "b", "c"]', b"\xff"])
def test_what_is_no_row_is_left_out_and_said(bad: bytes, caplog: pytest.LogCaptureFixture) -> None:
    assert rows_of([record("a"), bad, record("b")], VERSION) == [list(row("a")), list(row("b"))]
    assert "left out" in caplog.text
