"""What a caller may say about the cache."""

from __future__ import annotations

import pytest

from gateway.cache.terms import DEFAULT_TERMS, Terms
from gateway.errors import InvalidRequest


@pytest.mark.parametrize(
    ("header", "member", "terms"),
    [
        ("", None, DEFAULT_TERMS),
        ("", b"{}", DEFAULT_TERMS),
        ("no-cache", None, Terms(read=False)),
        ("No-Store", None, Terms(store=False)),
        ('private, max-age="60"', None, Terms(max_age=60)),
        ("", b'{"no-cache":true,"no-store":true}', Terms(read=False, store=False)),
        ("", b'{"ttl":1.5,"namespace":"a"}', Terms(ttl=1.5, namespace="a")),
        ("no-store", b'{"no-cache":false,"ttl":null}', Terms(store=False)),
    ],
)
def test_header_and_member_say_the_same_things(header: str, member: bytes | None, terms: Terms) -> None:
    assert Terms.of(header, member) == terms


@pytest.mark.parametrize(
    ("member", "param"),
    [
        (b'{"ttl":-1}', "cache.ttl"),
        (b'{"ttl":true}', "cache.ttl"),
        (b'{"ttl":1e10}', "cache.ttl"),
        (b'{"no-cache":1}', "cache.no-cache"),
        (b'{"namespace":7}', "cache.namespace"),
        (b'{"namespace":"%b"}' % (b"n" * 201), "cache.namespace"),
        (b'{"x":1}', "cache.x"),
        (b'{"%b":1}' % (b"x" * 1000), f"cache.{'x' * 40}"),
        (b'{"ttl":1e400}', "cache"),
        (b'{"namespace":"\\ud800"}', "cache"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(member: bytes, param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Terms.of("", member)
    assert refused.value.param == param
