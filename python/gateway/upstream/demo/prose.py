"""Plain text that answers a question, or at least talks about it."""

from __future__ import annotations

from collections.abc import Iterator

from gateway.upstream.demo.question import Question

_SHORT = 3
_TOKENS_A_SENTENCE = 18
_SENTENCES_A_PARAGRAPH = 5
_ABOUT_THE_DEMO = (
    "This text comes from the demo built into the gateway, so no model has read your message.",
    "Send the same request again, and the gateway answers it from its cache in well under a millisecond.",
    "Set OPENAI_API_KEY, or another provider's key, and restart to talk to a real model.",
    "The limits, the cache, the ledger and the token counts around it work as they would with a real provider.",
    "The costs shown for it are what the named model would have cost; the demo itself is free.",
)
_ABOUT_A_TOPIC = (
    "A model would say more about {topic} here.",
    "Much of what matters about {topic} depends on what it is needed for.",
    "It helps to look at {topic} one part at a time.",
    "There is usually more than one good way to see {topic}.",
    "An example often explains {topic} better than a definition does.",
    "Those who know {topic} well tend to begin with the simple cases.",
    "What is true of {topic} today may change, so it is worth checking a second source.",
    "The first question to ask of {topic} is what problem it solves.",
    "In practice {topic} is judged by its results.",
    "None of this settles the matter of {topic}, but it is a start.",
)


def prose(question: Question, seed: int, tokens: int | None) -> str:
    """About so many tokens of text, or a few sentences where the length is None. The seed picks among equals."""
    repeated, alone = question.to_repeat
    if repeated:
        return repeated if alone else f"{repeated[0].upper()}{repeated[1:]}! {_ABOUT_THE_DEMO[0]}"
    count = _SHORT if tokens is None else max(1, round(tokens / _TOKENS_A_SENTENCE))
    found: list[str] = []
    for sentence in _sentences(question, seed):
        if len(found) == count:
            break
        found.append(sentence)
    paragraphs = range(0, count, _SENTENCES_A_PARAGRAPH)
    return "\n\n".join(" ".join(found[start : start + _SENTENCES_A_PARAGRAPH]) for start in paragraphs)


def _sentences(question: Question, seed: int) -> Iterator[str]:
    """Without end."""
    yield f"You asked: “{question.shown}”" if question.text else "Hello from the demo."
    yield _ABOUT_THE_DEMO[0]
    others = _ABOUT_THE_DEMO[1:]
    yield from (others[(seed + offset) % len(others)] for offset in range(len(others)))
    topics = question.topics() or ["this question"]
    turn = seed
    while True:
        yield _ABOUT_A_TOPIC[turn % len(_ABOUT_A_TOPIC)].format(topic=topics[turn // len(_ABOUT_A_TOPIC) % len(topics)])
        turn += 1
