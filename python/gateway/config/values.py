"""What one setting may be: types for the schema, and the same rules as functions for what the environment says.

Each function returns the value in its normal form, or raises `ValueError` with the remedy. None quotes a value: it may be secret.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, Any
from urllib.parse import SplitResult, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from gateway.chat.names import NAME_BYTES

SHORTEST_SECRET = 16
_YEAR = 31_536_000.0
_ENDPOINTS = ("/chat/completions", "/completions", "/embeddings", "/responses", "/messages", "/models")
_URL = "must be an http or https URL such as https://host/v1"
_ORIGIN = "must be an origin such as https://chat.example, without a path, or '*'"
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_PATH = re.compile(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]*")
_REFERENCE = re.compile(r"\$\{.*\}|os\.environ/.*", re.DOTALL)
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_PRINTED = re.compile(r"[\x20-\x7e]+")


def base_url(text: str) -> str:
    """An address that paths such as `/chat/completions` can be appended to; scheme and host in lower case."""
    text = text.strip()
    if not _VISIBLE.fullmatch(text):
        raise ValueError(f"{_URL}, without spaces or other than ASCII characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(f"{_URL}, with a port from 1 to 65535 if any") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError(_URL)
    if "@" in parts.netloc:
        raise ValueError("must not hold a user or password; a key goes into api_key")
    if not _is_host(parts.hostname):
        raise ValueError(f"{_URL}; its host is not a valid host name")
    _without_extras(text, parts)
    named = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{named}{f':{port}' if port else ''}{parts.path.rstrip('/')}"


def _without_extras(text: str, parts: SplitResult) -> None:
    """Refuses what would come out wrong with an endpoint's path behind it."""
    if "?" in text or "#" in text:
        raise ValueError(
            "must end with its path: a query such as ?api-version= is not sent. "
            "Azure OpenAI needs none at https://NAME.openai.azure.com/openai/v1"
        )
    if not _PATH.fullmatch(parts.path):
        raise ValueError(f"{_URL}; its path holds characters that must be percent-encoded")
    path = parts.path.rstrip("/").lower()
    if ending := next((ending for ending in _ENDPOINTS if path.endswith(ending)), None):
        raise ValueError(f"must not end in {ending}: leave that out, the gateway adds it")


def host(text: str) -> str:
    """A host name or IP address to listen on, without brackets."""
    text = text.strip()
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    if not _is_host(bare):
        raise ValueError("must be a host name or an IP address, without scheme or port")
    return bare


def origin(text: str) -> str:
    """A web page's origin as browsers send it: scheme, host and port, the usual port left out. `*` is every origin."""
    text = text.strip().lower()
    if text == "*":
        return text
    try:
        parts = urlsplit(text)
        port = parts.port if _VISIBLE.fullmatch(text) else 0
    except ValueError:
        raise ValueError(_ORIGIN) from None
    if parts.scheme not in ("http", "https") or not parts.hostname or not _is_host(parts.hostname) or "@" in text:
        raise ValueError(_ORIGIN)
    if port == 0 or parts.path.rstrip("/") or "?" in text or "#" in text:
        raise ValueError(_ORIGIN)
    named = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    usual = {"http": 80, "https": 443}[parts.scheme]
    return f"{parts.scheme}://{named}" + (f":{port}" if port not in (None, usual) else "")


def api_key(text: str) -> str:
    """A provider's key, without white space around it."""
    text = text.strip()
    if not text:
        raise ValueError("is empty; leave it out where the provider needs no key")
    _resolved(text)
    if text.lower().startswith("bearer "):
        raise ValueError("must be the key alone, without 'Bearer'")
    if not _VISIBLE.fullmatch(text) or len(text) > 8192:
        raise ValueError("must be at most 8192 visible ASCII characters without spaces; was it copied whole?")
    return text


def secret(text: str) -> str:
    """A secret of this gateway's own, without white space around it."""
    text = text.strip()
    if not text:
        raise ValueError("is empty; set it, or leave it out and one is made at the first start")
    _resolved(text)
    if len(text) < SHORTEST_SECRET or len(text) > 1024:
        raise ValueError(f"must have {SHORTEST_SECRET} to 1024 characters; openssl rand -hex 24 makes a good one")
    if not _PRINTED.fullmatch(text):
        raise ValueError("must be printable ASCII characters, as it travels in an HTTP header")
    return text


def _resolved(text: str) -> None:
    if _REFERENCE.fullmatch(text):
        raise ValueError("is a reference to the environment that was not resolved; write ${NAME}, and set NAME")


def model_name(text: str) -> str:
    """A model's or alias's name, as it may stand in a header, a metric's label and a URL."""
    if not text or text != text.strip():
        raise ValueError("must not be empty or have white space around it")
    if not text.isprintable():
        raise ValueError("must not contain control characters")
    if len(text.encode()) > NAME_BYTES:
        raise ValueError(f"must have at most {NAME_BYTES} bytes")
    return text


def folder(text: Any) -> Any:
    """A path; `~` stands for the home directory."""
    if isinstance(text, str) and (not text.strip() or not text.isprintable()):
        raise ValueError("must be the path of a directory")
    return text


def in_lower_case(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value


def _is_host(text: str) -> bool:
    try:
        return bool(ip_address(text.partition("%")[0]))
    except ValueError:
        labels = text.removesuffix(".").split(".")
        return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def _number(value: Any) -> Any:
    """YAML reads `on` and `yes` as true, which is not 1."""
    if isinstance(value, bool):
        raise ValueError("must be a number, not true or false")
    return value


def _concealed(rule: Any) -> AfterValidator:
    return AfterValidator(lambda hidden: SecretStr(rule(hidden.get_secret_value())))


Seconds = Annotated[float, BeforeValidator(_number), Field(ge=0.001, le=_YEAR, allow_inf_nan=False)]
Drain = Annotated[float, BeforeValidator(_number), Field(ge=0, le=_YEAR, allow_inf_nan=False)]
Dollars = Annotated[float, BeforeValidator(_number), Field(ge=0, le=1e6, allow_inf_nan=False)]
Port = Annotated[int, BeforeValidator(_number), Field(ge=0, le=65535)]
BodyBytes = Annotated[int, BeforeValidator(_number), Field(ge=1024, le=1 << 30)]
AnswerBytes = Annotated[int, BeforeValidator(_number), Field(ge=1, le=1 << 30)]
CacheBytes = Annotated[int, BeforeValidator(_number), Field(ge=64 << 10, le=1 << 40)]
Rate = Annotated[int, BeforeValidator(_number), Field(ge=1, le=1_000_000_000)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
Host = Annotated[str, AfterValidator(host)]
Origin = Annotated[str, AfterValidator(origin)]
ApiKey = Annotated[SecretStr, _concealed(api_key)]
Secret = Annotated[SecretStr, _concealed(secret)]
ModelName = Annotated[str, AfterValidator(model_name)]
ProviderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
