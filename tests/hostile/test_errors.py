"""Errors of providers: whatever they hold, they are told in bounds, without the key, and booked."""

from __future__ import annotations

from typing import Any

import pytest

from tests.end_to_end.upstream import USAGE, Script, response
from tests.hostile.mutation import NESTED, SCALARS, Raw, spell
from tests.hostile.scripts import bit, piece, script, stream
from tests.hostile.site import Site, unique

SECRET = "sk-upstream-secret"
VALUES: dict[str, Any] = {
    "large": "e" * 60_000,
    "huge": "e" * 7_000_000,
    "our key": f"The key {SECRET} is wrong.",
    "our key, escaped": Raw(b'"The key sk\\u002dupstream-secret is wrong."'),
    "control characters": "a\r\nb\0c\x1b[31m",
    "an object": {"message": SECRET},
    "a list": [SECRET] * 3,
}


def answered(status: int, error: Any) -> Script:
    return script(response(status, spell({"error": error})))


def streamed(error: Any) -> Script:
    return stream(piece([bit(content="Half an ans")]), piece([], USAGE), {"error": error})


@pytest.mark.parametrize("field", ["message", "type", "param", "code"])
@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_a_field_of_any_kind_is_bounded_and_clean(site: Site, value: Any, field: str) -> None:
    error = {"message": "No.", "type": "t", "param": None, "code": "c", field: value}
    answers = [answered(status, error) for status in (200, 400, 429, 500)]
    for count, (shape, provider) in enumerate(
        (*((False, answer) for answer in answers), (True, streamed(error))), start=1
    ):
        site.provider.answer = provider
        answer = site.ask(unique(), stream=shape)

        assert not answer.sound
        told = answer.error or {}
        assert set(told) == {"message", "type", "param", "code"}
        assert SECRET not in str(told)
        assert len(str(told)) < 8_000
        row = site.rows(count)[-1]
        assert (row.get("request_id") or row["id"]) == answer.id
        assert SECRET not in row["error"]
        assert len(row["error"]) <= 256
    assert SECRET not in site.log()


@pytest.mark.parametrize(
    "status", [200, 201, 204, 304, 400, 401, 402, 403, 404, 408, 409, 413, 422, 429, 500, 503, 529, 600]
)
def test_an_error_of_any_json_with_any_status(site: Site, status: int) -> None:
    for value in (*SCALARS, *NESTED):
        for body in (spell(value), spell({"error": value}), spell([{"error": value}])):
            site.provider.answer = script(response(status, body))
            answer = site.ask(unique())
            assert answer.status != 500
            assert not answer.sound
