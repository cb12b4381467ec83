"""Work that comes round again: it survives its own exceptions, and says so once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

log = logging.getLogger(__name__)


async def every(seconds: float, act: Callable[[], Awaitable[None]], name: str) -> None:
    """Awaits `act` now and again every `seconds`, until cancelled. A failure is logged when it begins and when it ends."""
    failing = False
    while True:
        try:
            await act()
        except Exception:
            if not failing:
                log.exception("%s failed; trying again every %g s", name, seconds)
            failing = True
        else:
            if failing:
                log.info("%s works again", name)
            failing = False
        await asyncio.sleep(seconds)
