"""What every inbound wire format has."""

from __future__ import annotations

import pytest

from gateway.api.formats import FORMATS
from gateway.chat.format import Format

MEMBERS = [name for name in vars(Format) if not name.startswith("_")]


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
@pytest.mark.parametrize("member", MEMBERS)
def test_a_format_has_every_member(format: Format, member: str) -> None:
    assert hasattr(format, member)


def test_no_two_share_a_name_or_a_path() -> None:
    paths = [path for format in FORMATS for path in format.paths]

    assert len({format.name for format in FORMATS}) == len(FORMATS)
    assert len(set(paths)) == len(paths)
    assert all(path.startswith("/") for path in paths)
