"""The request bodies, of about 1 KB; the generator puts another word for each `@unique@` in every request."""

import orjson

from benches.load.answers import MODEL

MARK = "@unique@"

_SYSTEM = (
    "You are the support assistant of a company that sells network equipment to small offices. Answer "
    "in plain English, in at most three sentences, and only from what the manual says. If the manual "
    "does not say, answer that you will pass the question on to a colleague, and ask for a telephone "
    "number. Never promise a delivery date, never quote a price, never discuss other companies' "
    "products. Use metric units. Refer to products by their full names. When a customer is upset, say "
    "once that you are sorry, then help. When a customer writes in another language, answer in it."
)
_QUESTION = (
    "The switch in our meeting room drops every video call after about ten minutes, and the lamp beside "
    "port four turns amber when it happens. We changed the cable twice already. How does the rate "
    "limiter of that port work, and which setting should I look at first?"
)


def body(unique: bool, streamed: bool = False, paced: bool = False, kept: bool = True) -> str:
    """A chat completion request: the same each time (a cache may answer) or another each time (none may). Its answer may
    be `kept` in the cache."""
    question = f"[{MARK}] {_QUESTION}" if unique else _QUESTION
    messages = [{"role": "system", "content": _SYSTEM}, {"role": "user", "content": question}]
    request: dict[str, object] = {"model": MODEL, "messages": messages}
    if streamed:
        request["stream"] = True
    if paced:
        request["user"] = "paced"
    if not kept:
        request["cache"] = {"no-store": True}
    return orjson.dumps(request).decode()
