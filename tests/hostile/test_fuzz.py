"""A minute of the fuzz of both borders, from a fresh seed each time (`FUZZ_SECONDS`, `FUZZ_SEED`); more by `make fuzz`."""

from __future__ import annotations

import os
import secrets

from tests.hostile.fuzz import fuzz


def test_nothing_is_found_in_a_minute() -> None:
    seed = int(os.environ.get("FUZZ_SEED") or secrets.randbelow(10**6))
    print(f"seed {seed}")

    run = fuzz(float(os.environ.get("FUZZ_SECONDS") or 60), seed)

    assert run.findings == []
    assert run.played > 0
