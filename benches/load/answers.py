"""What the mock provider and the bare handler answer: a completion of about 1 KB, whole and as 64 events."""

import orjson

MODEL = "gpt-4o-mini"
EVENTS = 64

_SENTENCE = (
    "A token bucket holds at most its burst, refills at a steady rate, and lets a request through when it "
    "holds enough for it; what is not spent is kept for later, up to the burst and never beyond."
)
_ID = "chatcmpl-C2P2HtMJhPkWjQ2adKerkdVilXmRL"
_USAGE = {
    "prompt_tokens": 151,
    "completion_tokens": 62,
    "total_tokens": 213,
    "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
    "completion_tokens_details": {
        "reasoning_tokens": 0,
        "audio_tokens": 0,
        "accepted_prediction_tokens": 0,
        "rejected_prediction_tokens": 0,
    },
}


def completion() -> bytes:
    """The whole answer, as one JSON body."""
    message: dict[str, object] = {
        "role": "assistant",
        "content": _SENTENCE,
        "refusal": None,
        "annotations": [],
    }
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    return orjson.dumps(_envelope("chat.completion") | {"choices": [choice], "usage": _USAGE})


def events(include_usage: bool) -> list[bytes]:
    """64 SSE events (role, 62 tokens, finish), then the usage event if asked for, then `[DONE]`."""
    deltas: list[dict[str, str | None]] = [{"role": "assistant", "content": "", "refusal": None}]
    deltas += [{"content": token} for token in _tokens(EVENTS - 2)]
    chunks = [_chunk(delta, None, include_usage) for delta in deltas]
    chunks.append(_chunk({}, "stop", include_usage))
    if include_usage:
        chunks.append(_envelope("chat.completion.chunk") | {"choices": [], "usage": _USAGE})
    return [b"data: %b\n\n" % orjson.dumps(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]


def models() -> bytes:
    model = {"id": MODEL, "object": "model", "created": 1721172741, "owned_by": "system"}
    return orjson.dumps({"object": "list", "data": [model]})


def _tokens(count: int) -> list[str]:
    words = _SENTENCE.split(" ")
    return [word if at == 0 else " " + word for at, word in enumerate((words * 2)[:count])]


def _chunk(delta: dict[str, str | None], finish: str | None, include_usage: bool) -> dict[str, object]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    usage: dict[str, object] = {"usage": None} if include_usage else {}
    return _envelope("chat.completion.chunk") | {"choices": [choice]} | usage


def _envelope(kind: str) -> dict[str, object]:
    return {
        "id": _ID,
        "object": kind,
        "created": 1754688929,
        "model": "gpt-4o-mini-2024-07-18",
        "service_tier": "default",
        "system_fingerprint": "fp_07871e2ad8",
    }
