"""What the ledger says of one call: a row, whose fields are the columns of the journal and of every store.

Whoever adds a column adds a field at the end, with a default, and raises `VERSION`: a row written by an earlier version lacks
the last fields and takes their defaults.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

VERSION = 2
"""Which columns a stored row has. Version 1 has all but `request_id`."""


@dataclass(slots=True)
class Row:
    """One call. Times are in the unit their names end in, amounts of money in picodollars (1e-12 USD).

    `outcome` is `ok`, `partial` (it ended without a proper finish), `refused`, `failed`, `hung_up` or `interrupted`
    (the gateway died or was shut down, which is not the provider's fault);
    `cost_pico` is None where nobody knows the price, and `cost_source` says where it comes from: `provider`, `catalogue`,
    `estimated`, `unknown` or `none`.
    """

    id: str
    started_ns: int
    endpoint: str
    key_id: str = ""
    model: str = ""
    provider: str = ""
    target: str = ""
    stream: bool = False
    outcome: str = "ok"
    status: int = 200
    error: str = ""
    cache: str = ""
    attempts: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost_pico: int | None = 0
    cost_source: str = "none"
    saved_pico: int = 0
    saved_by: str = ""
    partial: bool = False
    first_byte_us: int = 0
    duration_us: int = 0
    request_id: str = ""
    """The id shown as `x-request-id`: the client's own where it sent one, else `id`."""


COLUMNS = tuple(field.name for field in fields(Row))
_NEVER_CLOSED = {
    "outcome": "'interrupted'",
    "status": "0",
    "error": "'interrupted'",
    "partial": "True",
    "cost_pico": "cost_pico",
    "cost_source": "'unknown' if cost_pico is None else 'estimated'",
}
# Both are compiled, as dataclasses are: a fifth of the instructions of `attrgetter`.
values: Callable[[Row], tuple[Any, ...]] = eval(f"lambda row: ({', '.join(f'row.{name}' for name in COLUMNS)})")  # noqa: S307
"""The values of `COLUMNS`, in their order."""
interrupted: Callable[[Row, int | None], tuple[Any, ...]] = eval(  # noqa: S307
    f"lambda row, cost_pico: ({', '.join(_NEVER_CLOSED.get(name, f'row.{name}') for name in COLUMNS)})"
)
"""The same of the row that stands if its call is never closed: it cost `cost_pico`, or nobody knows what."""
