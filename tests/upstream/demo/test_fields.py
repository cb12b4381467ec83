from __future__ import annotations

from typing import Any

import pytest

from gateway.upstream.demo.fields import Fields, Refused


def test_members_are_read_with_their_types() -> None:
    fields = Fields({"n": 2.0, "f": True, "t": "x", "l": [1], "o": {"n": 1}, "s": ["a", ""], "z": None})

    assert (fields.integer("n", 1, 3), fields.flag("f"), fields.text("t"), fields.items("l", 1)) == (2, True, "x", [1])
    assert fields.section("o").integer("n", 0, 1) == 1
    assert (fields.integer("z", 0, 1), fields.flag("z"), fields.text("z"), fields.items("z", 1)) == (
        None,
        False,
        "",
        [],
    )
    assert ("n" in fields, "z" in fields, "y" in fields) == (True, False, False)
    assert Fields({"stop": "a"}).stops() == ["a"]
    assert Fields({"stop": ["a", ""]}).stops() == ["a"]


@pytest.mark.parametrize("value", [True, "1", 1.5, 4, 0, [], 1e308, float("inf"), float("nan")])
def test_what_is_no_such_number_is_refused(value: Any) -> None:
    with pytest.raises(Refused) as refused:
        Fields({"o": {"n": value}}).section("o").integer("n", 1, 3)
    assert refused.value.param == "o.n"
