"""What `gateway serve` prints once it serves: what somebody needs for a first call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import version
from typing import Any


def greeting(address: str, worker: Mapping[str, Any], admin_key: str | None, notices: Iterable[str] = ()) -> str:
    """`address` is where the gateway listens, `worker` what its worker offers, `admin_key` the one that was made just now."""
    return "\n".join(_lines(address, worker, admin_key, notices))


def _lines(address: str, worker: Mapping[str, Any], admin_key: str | None, notices: Iterable[str]) -> Iterator[str]:
    models = worker["models"]
    yield f"llm-gateway {version('llm-gateway')} listens on {address}"
    yield f"Providers: {', '.join(worker['providers'])}"
    yield f"Models:    {', '.join(models)}, … (GET /v1/models has them all)"
    if admin_key:
        yield f"Admin key: {admin_key}   (shown this once; GATEWAY_ADMIN_KEY sets your own)"
    yield from (f"Note:      {notice}" for notice in notices)
    authorization = ""
    if worker["open_to_guests"]:
        yield "Keys:      none yet, so calls from this machine need none; make one with: gateway keys create"
    else:
        yield "Keys:      every call needs one; make one with: gateway keys create"
        authorization = ' \\\n  -H "Authorization: Bearer $GATEWAY_KEY"'
    local = address.replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1")  # noqa: S104
    yield f"""
Try it:
curl {local}/v1/chat/completions{authorization} \\
  -H 'Content-Type: application/json' \\
  -d '{{"model": "{models[0]}", "messages": [{{"role": "user", "content": "Say hello"}}]}}'

"""
