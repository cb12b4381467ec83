"""What providers say of errors, made fit to be passed on."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.providers.complaint import MESSAGE_LIMIT, NAME_LIMIT, PARAM_LIMIT, READ_LIMIT, Complaint, passed_on

SECRET = "sk-upstream-secret"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"error":{"message":"no"}}', "no"),
        (b'{"error":"no"}', "no"),
        (b'{"message":"no"}', "no"),
        (b'[{"error":{"message":"no"}}]', "no"),
        (b'{"error":{"message":12}}', "12"),
        (b'{"error":{"message":{"a":1}}}', None),
        (b'{"error":{"message":true}}', None),
        (b'{"error":{"message":"  "}}', None),
        (b'{"error":null}', None),
        (b'{"error":[1]}', None),
        (b"[]", None),
        (b"3", None),
        (b"<html>", None),
        (b"", None),
        (b"[" * 5000, None),
        (b'{"error":{"message":"\\ud800"}}', None),
    ],
)
def test_every_form_of_a_message(body: bytes, message: str | None) -> None:
    assert Complaint.read(body, "").message == message


def test_fields_are_strings_or_none_bounded_and_without_the_key() -> None:
    long = f"{SECRET} and more " * 500
    said = Complaint.read(orjson.dumps({"error": dict.fromkeys(("message", "type", "param", "code"), long)}), SECRET)

    limits = {"message": MESSAGE_LIMIT, "type": NAME_LIMIT, "param": PARAM_LIMIT, "code": NAME_LIMIT}
    assert {name: len(getattr(said, name)) for name in limits} == limits
    assert all(SECRET not in getattr(said, name) for name in limits)
    assert str(said.message).startswith("[key] and more")


@pytest.mark.parametrize("size", range(5, len(SECRET)))
def test_a_key_that_was_cut_is_masked_too(size: int) -> None:
    said = Complaint.read(orjson.dumps({"message": f"Incorrect API key: {SECRET[:size]}"}), SECRET)

    assert said.message == "Incorrect API key: [key]"


def test_numbers_become_strings_and_what_is_neither_becomes_none() -> None:
    said = Complaint.read(b'{"error":{"code":429,"type":1.5,"param":["a"],"message":null}}', "")

    assert said == Complaint(code="429", type="1.5")


def test_names_have_one_line_and_messages_no_control_characters() -> None:
    said = Complaint.read(orjson.dumps({"error": {"code": "a\r\nb\0", "message": "one\ntwo\r\x1b[31m"}}), "")

    assert (said.code, said.message) == ("a b", "one\ntwo [31m")


def test_what_is_too_long_to_be_an_error_is_not_read() -> None:
    assert Complaint.read(b'{"message":"' + b"x" * READ_LIMIT + b'"}', "") == Complaint()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
        lambda inner: (
            st.lists(inner)
            | st.dictionaries(st.sampled_from(["error", "message", "type", "param", "code", "x"]), inner)
        ),
    )
)
def test_anything_at_all_gives_strings_or_none(value: object) -> None:
    try:
        body = orjson.dumps(value)
    except TypeError:  # an integer over 64 bits
        body = repr(value).encode()
    said = Complaint.read(body, SECRET)

    for name, limit in {"message": MESSAGE_LIMIT, "type": NAME_LIMIT, "param": PARAM_LIMIT, "code": NAME_LIMIT}.items():
        field = getattr(said, name)
        assert field is None or (isinstance(field, str) and 0 < len(field) <= limit)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "retry-after",
            ["7", "0", "1.5", "Wed, 21 Oct 2026 07:28:00 GMT"],
            ["", "-1", "soon", "7\r\nx: y", "9" * 13, "\u0667"],
        ),
        ("retry-after-ms", ["1500", "0.5"], ["", "1e9", "x", " 1"]),
        ("x-should-retry", ["true", "false"], ["", "TRUE", "yes", "true " * 99]),
    ],
)
def test_headers_pass_where_they_are_what_they_should_be(name: str, good: list[str], bad: list[str]) -> None:
    assert [passed_on({name: value}) for value in good] == [{name: value} for value in good]
    assert [passed_on({name: value}) for value in bad] == [{}] * len(bad)


def test_no_other_header_passes() -> None:
    assert passed_on({"set-cookie": "a=b", "content-type": "x", "x-gateway-cost-usd": "0"}) == {}
