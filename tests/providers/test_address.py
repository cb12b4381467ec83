"""Addresses that no provider has."""

from __future__ import annotations

import pytest

from gateway.providers.address import link_local


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "169.254.0.1",
        "169.254.43518",
        "2852039166",
        "0xa9fea9fe",
        "0251.0376.0251.0376",
        "fe80::1",
        "FE80::1%eth0",
        "febf::a9fe:a9fe",
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
    ],
)
def test_every_spelling_of_a_link_local_address_is_one(host: str) -> None:
    assert link_local(host)


@pytest.mark.parametrize(
    "host",
    ["", "127.0.0.1", "169.253.255.255", "10.0.0.1", "::1", "fec0::1", "a.example", "169.254.169.254.example", "fe80"],
)
def test_other_addresses_and_names_are_none(host: str) -> None:
    assert not link_local(host)
