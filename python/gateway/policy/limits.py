"""How often and how much at once: each key's limits, decided in one native call."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType

from gateway import native
from gateway.errors import RateLimited
from gateway.policy.keys import Key

MINUTE = 60_000_000_000
