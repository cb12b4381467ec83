"""The table of known providers."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest

from gateway.providers.table import DIALECTS, ROWS, Row


@pytest.mark.parametrize("name", ROWS)
def test_every_row_can_be_asked(name: str) -> None:
    row, url = ROWS[name], urlsplit(ROWS[name].base_url)

    assert row.dialect in DIALECTS
    assert url.hostname
    assert url.scheme == "https" or (row.keyless and url.hostname == "127.0.0.1")
    assert not row.base_url.endswith("/")


def test_variables_are_named_after_the_provider() -> None:
    row = Row("https://acme.test/v1", "ACME")

    assert (row.key_variable, row.url_variable) == ("ACME_API_KEY", "ACME_BASE_URL")
    assert len({row.variables for row in ROWS.values()}) == len(ROWS)
