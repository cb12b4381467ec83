"""What pieces amount to, kind by kind."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.chat.pieces import Base64, Indexed, Last, Listed, Object, Pieces, Text, index_of
from gateway.errors import Untranslatable


def whole(kind: Pieces, *pieces: Any) -> Any:
    for piece in pieces:
        kind.add(piece)
    return kind.whole()


@pytest.mark.parametrize(
    ("pieces", "last"),
    [
        ([], None),
        ([1, 2], 2),
        (["f", "", None], "f"),
        (["", "f"], "f"),
        ([None, ""], ""),
        (["", None], ""),
        ([0, 5, 0], 5),
    ],
)
def test_the_last_value_counts_and_a_blank_one_says_nothing(pieces: list[Any], last: Any) -> None:
    assert whole(Last(), *pieces) == last


def test_lists_are_put_one_after_the_other() -> None:
    assert whole(Listed(), None, [1], [], [2, 3]) == [1, 2, 3]
    assert whole(Listed(), "a", "b") == "b"


def test_text_is_joined() -> None:
    assert whole(Text()) is None
    assert whole(Text(), None) is None
    assert whole(Text(), None, "") == ""
    assert whole(Text(), "a", None, "b") == "ab"


def test_lists_of_parts_and_text_are_a_list_of_parts() -> None:
    assert whole(Text(), [{"type": "thinking"}], "a", "") == [{"type": "thinking"}, {"type": "text", "text": "a"}]


def test_text_that_is_an_object_is_kept_alone_and_cannot_be_joined() -> None:
    assert whole(Text(), {"a": 1}) == {"a": 1}
    with pytest.raises(Untranslatable):
        whole(Text(), {"a": 1}, "b")


@given(st.lists(st.binary(max_size=9)))
def test_bytes_are_the_same_whether_each_piece_is_padded_or_the_whole(pieces: list[bytes]) -> None:
    want = b64encode(b"".join(pieces)).decode()

    assert whole(Base64(), "", *(b64encode(piece).decode() for piece in pieces)) == want
    assert whole(Base64(), "", *want) == want


def test_padding_in_the_middle_of_what_is_no_base64_is_refused() -> None:
    with pytest.raises(Untranslatable):
        whole(Base64(), "a=b", "c")


def test_an_object_is_gathered_by_its_members() -> None:
    assert whole(Object({"t": Text}), None) is None
    assert whole(Object({"t": Text}), {"t": "a", "x": 1}, {"t": "b", "x": None}) == {"t": "ab", "x": 1}
    assert whole(Object({}, Listed), {"x": [1]}, {"x": [2]}) == {"x": [1, 2]}


@pytest.mark.parametrize("piece", ["a", 1, True, [], [{}]])
def test_what_is_no_object_is_refused(piece: Any) -> None:
    with pytest.raises(Untranslatable):
        whole(Object({}), piece)


def test_an_index_orders_and_sizes_nothing() -> None:
    pieces = Indexed(lambda: Object({"t": Text}), max)

    found = whole(pieces, [{"index": 10**30, "t": "z"}], [{"index": -5, "t": "a"}, {"index": 10**30, "t": "z"}])

    assert found == [(-5, {"t": "a"}), (10**30, {"t": "zz"})]


def test_a_missing_index_is_chosen() -> None:
    assert whole(Indexed(lambda: Object({}), len), None) is None
    assert whole(Indexed(lambda: Object({}), len), [{"a": 1}, {"a": 2, "index": None}]) == [
        (0, {"a": 1}),
        (1, {"a": 2}),
    ]


@pytest.mark.parametrize("index", ["0", 1.5, True, [], {}])
def test_an_index_that_is_no_integer_is_refused(index: Any) -> None:
    with pytest.raises(Untranslatable):
        index_of({"index": index})


@pytest.mark.parametrize("piece", ["a", {}, [1], [None]])
def test_what_is_no_list_of_objects_is_refused(piece: Any) -> None:
    with pytest.raises(Untranslatable):
        whole(Indexed(lambda: Object({}), len), piece)
