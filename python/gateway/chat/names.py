"""Names that come from outside: bounded before they are kept, clean before they stand in a header line."""

from __future__ import annotations

NAME_BYTES = 256
"""The longest name, in UTF-8, that is kept: of a model, an error code, a request."""


def bounded(name: str) -> str:
    """A name cut to `NAME_BYTES` and to what UTF-8 can say."""
    if len(name) <= NAME_BYTES and name.isascii():
        return name
    return name[:NAME_BYTES].encode("utf-8", "replace")[:NAME_BYTES].decode("utf-8", "ignore")


def clean(value: str) -> str:
    """A header value without control characters, which would end its line or make clients refuse it."""
    return value if value.isprintable() else "".join(filter(str.isprintable, value))
