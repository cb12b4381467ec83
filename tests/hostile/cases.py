"""One case each of the two borders: what is sent comes from a seed, and what comes back is judged."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.end_to_end.upstream import Received, completion
from tests.hostile.clients import Conversation, conversation
from tests.hostile.judging import decent, hold, kept_rightly
from tests.hostile.markers import mark, marks
from tests.hostile.providers import Reply, reply
from tests.hostile.site import Site, chat
from tests.hostile.strict import Answer, read

CROSSINGS = 10
FAREWELLS = (b"closed the connection without an answer.", b"is not a valid HTTP response.", b"did not answer in time.")


@dataclass
class Script:
    """The provider of a fuzz: answers a marked question with the reply that is set for its marker, and any other with an echo."""

    replies: dict[str, Reply] = field(default_factory=dict)

    def __call__(self, request: Received) -> AsyncIterator[Any]:
        found = marks(request.body)
        said = mark(*found[0]) if found else "nothing"
        if found and (hostile := self.replies.get(found[0][0])):
            return hostile.play()
        return completion(f"You said {said}.")(Lenient(request))


class Lenient(Received):
    """A request of which only the shape of its answer matters."""

    def __init__(self, request: Received) -> None:
        super().__init__(request.method, request.path, request.headers, request.body)

    @property
    def json(self) -> Any:
        return {"stream": re.search(rb'"stream"\s*:\s*true', self.body) is not None}


class Tally:
    """The answers that must be in the ledger, from all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.answers: list[Answer] = []

    def add(self, answers: Iterable[Answer]) -> None:
        with self._lock:
            self.answers += [answer for answer in answers if answer.cache and answer.status not in (401, 403)]


@dataclass
class Case:
    """One case of a run; `evidence` grows as it plays."""

    seed: int
    index: int
    site: Site
    script: Script
    tally: Tally
    evidence: list[bytes] = field(default_factory=list)

    @property
    def kind(self) -> str:
        return "client" if self.index % 2 else "provider"

    @property
    def name(self) -> str:
        return f"{self.kind}.{self.index}"

    def play(self) -> None:
        """Raises what does not hold."""
        chance = Random(f"{self.seed}.{self.index}")
        if self.kind == "client":
            self._client(conversation(chance, self.name, self.site.lines))
        else:
            self._provider(chance)

    def _client(self, talk: Conversation) -> None:
        self.evidence.append(talk.sent)
        with self.site.line() as line:
            line.send(*talk.pieces, pause=talk.pause)
            if talk.leaves:
                line.reset()
                return
            data = line.rest()
        self.evidence.append(data)
        answers = read(data, reset=line.was_reset or talk.sent.startswith(b"HEAD"))
        self.tally.add(answers)
        for answer in answers:
            decent(answer)
        hold(len(answers) <= talk.sent.count(b"HTTP/") + 1, "more answers than requests")
        theirs = [found for answer in answers for found in marks(answer.body)]
        hold({name for name, _ in theirs} <= {self.name}, "somebody else's answer")
        hold([number for _, number in theirs] == sorted(number for _, number in theirs), "answers out of order")
        if talk.tame:
            hold(len(answers) == len(talk.calls), f"{len(talk.calls)} good requests, {len(answers)} answers")
            for call, answer in zip(talk.calls, answers, strict=True):
                hold(answer.sound or crossed(answer), f"a good request was answered {answer.status} {answer.error}")
                hold(call.marker.encode() in answer.body or crossed(answer), "the answer to another request")

    def _provider(self, chance: Random) -> None:
        stream, marker = chance.random() < 0.5, mark(self.name)
        sent = self.script.replies[self.name] = reply(chance, marker, stream)
        self.evidence.append(sent.sent)
        try:
            first = self._ask(marker, stream)
        finally:
            del self.script.replies[self.name]
        again = [self._ask_well(marker, shape) for shape in chance.choice(((stream, not stream), (not stream, stream)))]
        kept_rightly(first, again[0])
        hold(again[1].sound, f"in the other shape: {again[1].status} {again[1].error}")
        hold(again[0].cache == "hit" or marker.encode() in again[0].body, "the answer to another request")

    def _ask_well(self, marker: str, stream: bool) -> Answer:
        """Asks of a healthy provider, again where the request met what a hostile one still had to say."""
        for _ in range(CROSSINGS):
            if not crossed(answer := self._ask(marker, stream)):
                break
        return answer

    def _ask(self, marker: str, stream: bool) -> Answer:
        with self.site.line() as line:
            line.send(self.site.request(chat(marker, stream=stream), lines=["connection: close"]))
            data = line.rest()
        self.evidence.append(data)
        answers = read(data, reset=line.was_reset)
        hold(len(answers) == 1, f"{len(answers)} answers to one request")
        decent(answers[0])
        self.tally.add(answers)
        return answers[0]


def crossed(answer: Answer) -> bool:
    """Whether the request may have met what a hostile provider did on that connection after its last answer: it closed it, sent
    more, or never read on. No gateway can know that beforehand, and what may have been read is not sent twice."""
    return answer.status in (502, 504) and any(words in answer.body for words in FAREWELLS)
