"""A YAML file as plain values, whatever is in it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.document import MOST_BYTES, MOST_DEPTH, Unreadable, parse, read


def read_or_refused(raw: bytes) -> str:
    """What was said of it, in one line; empty for a value."""
    try:
        parse(raw)
    except Unreadable as refused:
        return str(refused)
    return ""


def said(text: str) -> str:
    with pytest.raises(Unreadable) as refused:
        parse(text.encode())
    return str(refused.value)


def test_scalars_have_their_types() -> None:
    text = "{a: 1, b: 1.5, c: true, d: null, e: text, f: '1', g: [1, x], h: 2024-01-01, i: 0x10}"

    values = {"a": 1, "b": 1.5, "c": True, "d": None, "e": "text", "f": "1", "g": [1, "x"], "h": "2024-01-01", "i": 16}
    assert parse(text.encode()) == values


def test_keys_are_as_written() -> None:
    assert parse(b"{1: a, on: b, 0x1: c, ~: d, 2024-01-01: e, gpt-4.1: f}") == {
        "1": "a",
        "on": "b",
        "0x1": "c",
        "~": "d",
        "2024-01-01": "e",
        "gpt-4.1": "f",
    }


def test_anchors_and_merges_work() -> None:
    text = b"base: &base {x: 1, y: 2}\nother: {<<: *base, y: 3}\nboth: {<<: [*base, {z: 4}]}\n"

    assert parse(text) == {"base": {"x": 1, "y": 2}, "other": {"x": 1, "y": 3}, "both": {"x": 1, "y": 2, "z": 4}}


def test_a_key_given_twice_is_named_with_its_line() -> None:
    assert (
        said("server: {port: 1}\nlimits: {}\nserver: {port: 2}\n") == "the key 'server' is given twice, again in line 3"
    )
    assert "'port' is given twice" in said("server:\n  port: 1\n  port: 2\n")
    assert "given twice" in said("1: a\n'1': b\n")


@pytest.mark.parametrize("text", ["[" * 100_000, "a: " * 50, "- " * 5000 + "x", "{a: " * 17 + "}" * 17, "a: &a [*a]"])
def test_what_is_nested_deeply_is_refused(text: str) -> None:
    assert "nested more than" in said(text) or "not valid YAML" in said(text)


def test_depth_is_bounded_exactly() -> None:
    assert parse(b"[" * (MOST_DEPTH - 1) + b"]" * (MOST_DEPTH - 1)) is not None
    assert "nested more than" in said("[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1))


def test_a_billion_laughs_are_refused_at_once() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    start = time.process_time()

    assert "aliases counted as often as they are used" in said("\n".join(lines))
    assert time.process_time() - start < 5


@pytest.mark.parametrize(
    "text",
    [
        "a: " + "9" * 5000,
        "a: 2024-13-45",
        "a: .inf",
        "a: -.inf",
        "a: .nan",
        "a: 1e999",
        "a: !!int x",
        "a: !!bool maybe",
        "a: !!float x",
        "a: !!binary x",
        "a: !!set {x}",
        "a: !!omap [x: 1]",
        "a: !mine x",
        "a: !!python/object/apply:os.system ['true']",
        "? [a, b]\n: c",
        "? {a: b}\n: c",
        "<<: 5",
        "a: *nowhere",
        'a: "\\U00110000"',
        'a: "\\ud800"',
        "a: \x07",
        "%YAML 9.9\n---\na: 1",
        "--- a\n--- b",
        "\t",
        "a: 1:60:99",
        "a: 0b",
        "a: +_",
    ],
)
def test_odd_texts_are_values_or_refused_in_one_line(text: str) -> None:
    assert "\n" not in read_or_refused(text.encode())


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(Unreadable, match="not UTF-8"):
        parse(b"\xff\xfe\x00")
    assert parse("\ufeffa: 1".encode()) == {"a": 1}


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("")
    assert read(file) == {}
    file.write_text("- a")
    with pytest.raises(Unreadable, match="must hold settings"):
        read(file)
    file.write_text("#" * (MOST_BYTES + 1))
    with pytest.raises(Unreadable, match="larger than 1 MiB"):
        read(file)
    for path in (tmp_path / "none", tmp_path, Path("nul\0"), tmp_path / ("x" * 5000)):
        with pytest.raises(Unreadable):
            read(path)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_a_value_or_refused(raw: bytes) -> None:
    assert "\n" not in read_or_refused(raw)


@given(st.text(st.sampled_from("ab:-[]{}&*!<>|?'\"\\ \n\t#%@`,0123.eE~_xU"), max_size=60))
def test_any_punctuation_is_a_value_or_refused(text: str) -> None:
    assert "\n" not in read_or_refused(text.encode())
