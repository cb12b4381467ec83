"""The page at `/`: what this is, how it is, and where to go from here. JSON for who asks for it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import orjson

HTML, JSON = "text/html; charset=utf-8", "application/json"
LINKS = {
    "/v1/models": "the models that can be asked for",
    "/health/ready": "whether the gateway is ready",
    "/metrics": "metrics for Prometheus",
    "/admin/analytics/costs": "costs and savings, with the admin key",
}
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --quiet: #777; --good: #2a7d46; --bad: #b3372f }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 44rem; margin: 4rem auto; padding: 0 1.25rem }
h1 { font-size: 1.5rem; margin: 0 } h1 small { font-weight: normal; font-size: 1rem; color: var(--quiet) }
p.state { margin: .25rem 0 2rem; color: var(--good) } p.state.bad { color: var(--bad) }
pre { overflow-x: auto; padding: 1rem; border: 1px solid var(--line); border-radius: .5rem; font-size: .875rem }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem } dd { margin: 0; color: var(--quiet) }
"""


def _digest(inline: str) -> str:
    """What a content security policy calls the one style or script that it lets through."""
    return "sha256-" + base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()


HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": f"default-src 'none'; style-src '{_digest(_STYLE)}'; base-uri 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "vary": "accept",
    "x-content-type-options": "nosniff",
}


@dataclass(frozen=True, slots=True)
class State:
    """What the page tells. `address` is how the reader reached the gateway."""

    version: str
    address: str
    providers: tuple[str, ...]
    troubles: Mapping[str, str]
    """What is wrong, by the name of the part."""
    model: str
    """One that can be asked for."""
    open_to_guests: bool


def page(state: State, accept: str) -> tuple[str, bytes]:
    """The content type and the body, by the Accept header: HTML for browsers, JSON for everybody else."""
    return (HTML, _html(state).encode()) if "text/html" in accept else (JSON, _json(state))


def _json(state: State) -> bytes:
    return orjson.dumps(
        {
            "name": "llm-gateway",
            "version": state.version,
            "status": "degraded" if state.troubles else "ok",
            "troubles": state.troubles,
            "providers": state.providers,
            "links": LINKS,
        }
    )


def _html(state: State) -> str:
    wrong = "; ".join(f"{name}: {reason}" for name, reason in state.troubles.items())
    links = "".join(f'<dt><a href="{path}">{path}</a></dt><dd>{escape(text)}</dd>' for path, text in LINKS.items())
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>llm-gateway</title>
<style>{_STYLE}</style>
<h1>llm-gateway <small>{escape(state.version)}</small></h1>
<p class="state{" bad" if wrong else ""}">{escape(wrong) or "All is well."} Providers: {escape(", ".join(state.providers))}.</p>
<pre>{escape(_first_call(state))}</pre>
<dl>{links}</dl>
</html>
"""


def _first_call(state: State) -> str:
    key = "" if state.open_to_guests else ' \\\n  -H "Authorization: Bearer $GATEWAY_KEY"'
    return (
        f"curl {state.address}/v1/chat/completions{key} \\\n  -H 'Content-Type: application/json' \\\n"
        f'  -d \'{{"model": "{state.model}", "messages": [{{"role": "user", "content": "Say hello"}}]}}\''
    )
