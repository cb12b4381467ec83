"""The reading and the keys of requests, against a slow canonicaliser written from the rules."""

import json
import os
import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from gateway.native import Canon, CanonError, Grammar, Reading

settings.register_profile("canon", max_examples=int(os.environ.get("CANON_EXAMPLES", "150")), deadline=None)
settings.load_profile("canon")

HARMLESS = {
    "stream", "stream_options", "user", "metadata", "store", "cache",
    "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
}  # fmt: skip
ORDERED = {"tools", "functions", "response_format", "guided_json", "structured_outputs"}
CANON = Canon(b"secret")
BASE: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "hi"}]}


def key(body: bytes | dict[str, Any], scope: bytes = b"") -> bytes:
    return CANON.read(body if isinstance(body, bytes) else json.dumps(body).encode()).key(scope)


def context(body: dict[str, Any], scope: bytes = b"") -> bytes:
    return CANON.read(json.dumps(body).encode()).context(scope)


def refused(body: bytes | dict[str, Any]) -> CanonError:
    with pytest.raises(CanonError) as caught:
        CANON.read(body if isinstance(body, bytes) else json.dumps(body).encode())
    assert str(caught.value) == caught.value.message
    return caught.value


# The oracle: a value with everything that must not matter taken out of it.


def plain(value: Any, ordered: bool) -> Any:
    match value:
        case dict():
            members = [(name, plain(member, ordered)) for name, member in value.items()]
            return ("object", *(members if ordered else sorted(members, key=lambda member: member[0])))
        case list():
            return ("array", *(plain(item, ordered) for item in value))
        case bool() | None | str():
            return (type(value).__name__, value)
        case _:
            return ("number", Decimal(str(value)))


def oracle(request: dict[str, Any]) -> Any:
    return sorted((name, plain(v, name in ORDERED)) for name, v in request.items() if name not in HARMLESS)


# Requests, and respellings that mean the same. They grow from a seed: strategies are too slow.

ALPHABET = 'abZ0 "\\/\n\t\0\x1f\x7f\u00e9\u4e2d\u2028\U0001f600'
NAMES = ["", "type", "text", "name", "role", "content", "a", "ab", "\0", "a\0", "\u00e9"]
NAMES += ["abcdefgh", "abcdefghi", "abcdefgh\0"]


def printable(text: str) -> str:
    """The text as a model may be called: without control characters."""
    return "".join(c for c in text if c >= " " and c != "\x7f")


class Grower:
    """Grows random requests."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def text(self) -> str:
        return "".join(self.random.choices(ALPHABET, k=self.random.choice([0, 1, 2, 5, 20, 70])))

    def name(self) -> str:
        return self.random.choice(NAMES) if self.random.random() < 0.8 else self.text()

    def number(self) -> int | float:
        how = self.random
        numbers: list[int | float] = [
            how.randint(-20, 20),
            how.randint(-(10**40), 10**40),
            how.randint(-99, 99) * 10 ** how.randint(0, 30),
            how.uniform(-2, 2),
            how.uniform(-1, 1) * 10.0 ** how.randint(-300, 300),
        ]
        return how.choice(numbers)

    def value(self, depth: int = 3) -> Any:
        match self.random.randrange(8 if depth else 5):
            case 0:
                return self.random.choice([None, True, False])
            case 1 | 2:
                return self.number()
            case 3 | 4:
                return self.text()
            case 5:
                return [self.value(depth - 1) for _ in range(self.random.randrange(4))]
            case _:
                return self.object(depth - 1)

    def object(self, depth: int = 2, size: int = 5) -> dict[str, Any]:
        return {self.name(): self.value(depth) for _ in range(self.random.randrange(size))}

    def message(self) -> dict[str, Any]:
        message: dict[str, Any] = {"role": self.random.choice(["system", "user", "user", "assistant", "tool"])}
        parts = [{"type": self.text(), **self.object(1)} for _ in range(self.random.randrange(4))]
        parts = [part for part in parts if isinstance(part["type"], str)]
        options = {
            "content": self.random.choice([None, self.text(), self.text(), parts]),
            "name": self.text(),
        }
        options["tool_calls"] = self.value()
        return message | {name: v for name, v in options.items() if self.random.random() < 0.6}

    def request(self) -> dict[str, Any]:
        how = self.random
        known = {
            "temperature": how.uniform(0, 2),
            "n": how.randint(1, 128),
            "stop": how.choice([self.text(), [self.text(), self.text()]]),
            "tools": [self.object() for _ in range(how.randrange(3))],
            "response_format": self.object(),
            "logit_bias": self.object(),
            "user": self.text(),
            "stream": how.random() < 0.5,
            "metadata": self.object(),
            "cache": self.object(),
        }
        request = {name: value for name, value in known.items() if how.random() < 0.4}
        request |= {f"x_{name}": value for name, value in self.object().items()}
        request |= {
            "model": printable(self.text()) or "m",
            "messages": [self.message() for _ in range(how.randint(1, 4))],
        }
        members = list(request.items())
        how.shuffle(members)
        return dict(members)


seeds = st.integers(0, 2**64 - 1)
requests = seeds.map(lambda seed: Grower(seed).request())
texts = seeds.map(lambda seed: Grower(seed).text())


class Speller:
    """Writes JSON in random spellings."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def space(self) -> str:
        return "".join(self.random.choices(" \n\t\r", k=self.random.choice([0, 0, 0, 1, 3])))

    def write(self, value: Any, ordered: bool) -> str:
        return self.space() + self.bare(value, ordered) + self.space()

    def bare(self, value: Any, ordered: bool) -> str:
        match value:
            case dict():
                members = list(value.items())
                if not ordered:
                    self.random.shuffle(members)
                return "{" + (",".join(self.member(m, ordered) for m in members) or self.space()) + "}"
            case list():
                return "[" + (",".join(self.write(item, ordered) for item in value) or self.space()) + "]"
            case str():
                return '"' + "".join(map(self.character, value)) + '"'
            case bool() | None:
                return json.dumps(value)
            case _:
                return self.number(value)

    def member(self, member: tuple[str, Any], ordered: bool) -> str:
        return self.space() + self.bare(member[0], ordered) + self.space() + ":" + self.write(member[1], ordered)

    def character(self, c: str) -> str:
        short = {
            '"': '\\"',
            "\\": "\\\\",
            "\n": "\\n",
            "\t": "\\t",
            "\r": "\\r",
            "\b": "\\b",
            "\f": "\\f",
            "/": "\\/",
        }
        units = c.encode("utf-16-be").hex()
        long = "".join(f"\\u{self.cased(units[i : i + 4])}" for i in range(0, len(units), 4))
        choices = [long, short.get(c, long)]
        return self.random.choice(choices if c in '"\\' or c < " " else [*choices, c, c, c, c])

    def cased(self, digits: str) -> str:
        return self.random.choice([digits.upper(), digits.lower()])

    def number(self, value: int | float) -> str:
        if isinstance(value, int) and self.random.random() < 0.5:
            return str(value)
        sign, digits, exponent = Decimal(str(value)).as_tuple()
        assert isinstance(exponent, int)
        zeros = self.random.randint(0, 3)
        text = "".join(map(str, digits)).lstrip("0") + "0" * zeros
        power = exponent - zeros
        if not text.strip("0"):
            return self.random.choice(["0", "-0", "0.0", "0e7", "-0.00E-3"])
        point = self.random.randint(1, len(text))
        fraction = f".{text[point:]}" if point < len(text) else ""
        power += len(text) - point
        mark = self.random.choice(["e", "E"]) + (self.random.choice(["", "+"]) if power >= 0 else "-")
        written = text[:point] + fraction + (f"{mark}{abs(power)}" if power or self.random.random() < 0.5 else "")
        return "-" * sign + written


def respelled(request: dict[str, Any], seed: int) -> bytes:
    """Another spelling of a request; known integers stay as they are, since 1.0 is none."""
    speller = Speller(seed)
    members = list(request.items())
    speller.random.shuffle(members)
    rows = [
        f"{speller.bare(name, False)}:{value if name == 'n' else speller.write(value, name in ORDERED)}"
        for name, value in members
    ]
    return (speller.space() + "{" + ",".join(rows) + "}" + speller.space()).encode()


@given(requests, seeds)
def test_the_spelling_does_not_matter(request: dict[str, Any], seed: int) -> None:
    one, other = CANON.read(json.dumps(request).encode()), CANON.read(respelled(request, seed))
    assert one.key(b"s") == other.key(b"s")
    assert one.context(b"s") == other.context(b"s")
    assert one.question == other.question
    assert one.model == other.model == request["model"]


@given(requests, requests)
def test_two_requests_share_a_key_only_if_the_oracle_says_so(one: dict[str, Any], other: dict[str, Any]) -> None:
    assert (key(one) == key(other)) == (oracle(one) == oracle(other))


def changed(value: Any, how: random.Random) -> Any:
    """The value with one thing in it changed."""
    if isinstance(value, dict) and value and how.random() < 0.8:
        name = how.choice(list(value))
        if how.random() < 0.3:
            return {k: v for k, v in value.items() if k != name}
        return {**value, name: changed(value[name], how)}
    if isinstance(value, list) and value and how.random() < 0.8:
        at = how.randrange(len(value))
        match how.randrange(3):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value[:at], value[at], *value[at:]]
            case _:
                return [*value[:at], changed(value[at], how), *value[at + 1 :]]
    if isinstance(value, str) and value and how.random() < 0.8:
        at = how.randrange(len(value))
        return value[:at] + how.choice(["", "\\", "x", value[at].swapcase()]) + value[at + 1 :]
    return how.choice([None, True, False, 0, 1, -1, 0.5, "", "0", "null", [], {}, [value], {"": value}])


@given(requests, seeds)
def test_any_change_of_meaning_changes_the_key(request: dict[str, Any], seed: int) -> None:
    how = random.Random(seed)
    name = how.choice(list(request))
    other = {**request, name: changed(request[name], how)}
    try:
        reading = CANON.read(json.dumps(other).encode())
    except CanonError:
        assume(False)
    if request.keys() - other.keys() or any(v is None for v in (request[name], other[name])):
        return
    assert (key(request) == reading.key(b"")) == (oracle(request) == oracle(other))


@given(requests)
def test_order_within_schemas_matters(request: dict[str, Any]) -> None:
    one, other = {"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"c": 1, "d": 2}, "a": 1}
    for name in ("tools", "functions"):
        assert key({**request, name: [one]}) != key({**request, name: [other]})
    for name in ORDERED - {"tools", "functions"}:
        assert key({**request, name: one}) != key({**request, name: other})
    assert key({**request, "logit_bias": one}) == key({**request, "logit_bias": other})


@given(seeds)
def test_objects_of_any_size_are_sorted(seed: int) -> None:
    grower = Grower(seed)
    value = {grower.text(): grower.value(0) for _ in range(grower.random.randrange(30))}
    request = {**BASE, "x": {"y": [value, {"z": value, "a": value}]}}
    assert key(request) == key(respelled(request, seed))


@pytest.mark.parametrize("name", sorted(HARMLESS))
def test_harmless_fields_do_not_matter(name: str) -> None:
    value: Any = {
        "stream": True,
        "store": True,
        "stream_options": {},
        "metadata": {"a": "b"},
        "cache": {"ttl": 1},
    }
    assert key({**BASE, name: value.get(name, "x")}) == key(BASE)


@pytest.mark.parametrize("name", ["temperature", "stop", "seed", "tools", "service_tier", "response_format"])
def test_null_is_absent_in_known_fields_only(name: str) -> None:
    assert key({**BASE, name: None}) == key(BASE)
    assert key({**BASE, f"x_{name}": None}) != key(BASE)


def test_the_context_is_all_but_the_last_question() -> None:
    system = {"role": "system", "content": "be kind"}

    def ask(content: Any, **more: Any) -> dict[str, Any]:
        return {**BASE, "messages": [system, {"role": "user", "content": content, **more}]}

    assert context(ask("a")) == context(ask("b")) == context(ask([{"type": "text", "text": "c"}]))
    assert key(ask("a")) != key(ask("b"))
    others = [
        ask("a", name="eve"),
        {**ask("a"), "temperature": 1},
        {**ask("a"), "model": "n"},
        {**BASE, "messages": [{**system, "content": "be terse"}, {"role": "user", "content": "a"}]},
        {**BASE, "messages": [{"role": "user", "content": "a"}]},
        {**BASE, "messages": [system, {"role": "user", "content": "a"}, {"role": "user", "content": "a"}]},
        {**BASE, "messages": [system, {"role": "assistant", "content": "a"}]},
    ]
    seen = {context(other) for other in [ask("a"), *others]}
    assert len(seen) == len(others) + 1


scopes = st.lists(st.binary(max_size=70), max_size=4)


@given(requests, scopes, scopes)
def test_scopes_and_secrets_part_the_keys(request: dict[str, Any], one: list[bytes], other: list[bytes]) -> None:
    body = json.dumps(request).encode()
    reading = CANON.read(body)
    assert (reading.key(*one) == reading.key(*other)) == (one == other)
    assert (reading.context(*one) == reading.context(*other)) == (one == other)
    assert reading.key(*one) != reading.context(*one)
    assert len(reading.key(*one)) == len(reading.context(*one)) == 32
    assert Canon(b"another").read(body).key(*one) != reading.key(*one)
    assert Canon(b"secret").read(body).key(*one) == reading.key(*one)


@given(st.binary(max_size=12), st.data())
def test_parts_of_a_scope_are_told_apart_wherever_they_are_cut(whole: bytes, data: st.DataObject) -> None:
    """No two ways to cut the same bytes into parts give one key, a tenant's line feed included."""
    cuts = st.lists(st.integers(0, len(whole)), max_size=3).map(sorted)

    def cut(at: list[int]) -> list[bytes]:
        return [whole[start:end] for start, end in zip([0, *at], [*at, len(whole)], strict=True)]

    one, other = cut(data.draw(cuts)), cut(data.draw(cuts))
    reading = CANON.read(json.dumps(BASE).encode())
    assert (reading.key(*one) == reading.key(*other)) == (one == other)
    assert (reading.context(*one) == reading.context(*other)) == (one == other)


def test_a_tenants_line_feed_does_not_reach_into_the_namespace() -> None:
    reading = CANON.read(json.dumps(BASE).encode())
    assert reading.key(b"a", b"b\n") != reading.key(b"a\nb", b"")
    assert len({reading.key(), reading.key(b""), reading.key(b"", b"")}) == 3


@pytest.mark.parametrize(
    ("message", "question"),
    [
        ({"role": "user", "content": "a\n\u00e9\U0001f600"}, "a\n\u00e9\U0001f600"),
        ({"role": "user", "content": [{"type": "text", "text": "a"}, {"text": "b", "type": "text"}]}, "a\nb"),
        ({"role": "user", "content": [{"type": "text", "text": "a", "cache_control": {"type": "e"}}]}, "a"),
        (
            {
                "role": "user",
                "content": [{"type": "text", "text": "a"}, {"type": "image_url", "image_url": {}}],
            },
            None,
        ),
        ({"role": "user", "content": [{"type": "text", "text": "a", "weight": 2}]}, None),
        ({"role": "user", "content": [{"type": "text", "text": 1}]}, None),
        ({"role": "user", "content": [{"type": "text"}]}, None),
        ({"role": "user", "content": []}, None),
        ({"role": "user", "content": None}, None),
        ({"role": "user"}, None),
        ({"role": "assistant", "content": "a"}, None),
        ({"role": "users", "content": "a"}, None),
    ],
)
def test_question(message: dict[str, Any], question: str | None) -> None:
    body = json.dumps({"model": "m", "messages": [{"role": "user", "content": "first"}, message]})
    assert CANON.read(body.encode()).question == question


def test_an_escaped_role_is_still_the_users() -> None:
    body = rb'{"model":"m","messages":[{"r\u006fle":"\u0075ser","content":"a\u0062"}]}'
    assert CANON.read(body).question == "ab"
    assert key(body) == key({"model": "m", "messages": [{"role": "user", "content": "ab"}]})


def test_fields() -> None:
    bare = CANON.read(json.dumps(BASE).encode())
    assert (bare.model, bare.stream, bare.include_usage, bare.max_tokens) == ("m", False, False, None)
    assert (bare.temperature, bare.n, bare.cache, bare.question) == (None, 1, None, "hi")
    full = {
        **BASE, "model": "a/b\u00e9\"", "stream": True, "stream_options": {"include_usage": True},
        "max_tokens": 5, "max_completion_tokens": 7, "temperature": 1e-1, "n": 3, "cache": {"ttl": 3},
    }  # fmt: skip
    reading = CANON.read(json.dumps(full).encode())
    assert (reading.model, reading.stream, reading.include_usage) == ('a/b\u00e9"', True, True)
    assert (reading.max_tokens, reading.temperature, reading.n, reading.cache) == (7, 0.1, 3, b'{"ttl": 3}')
    assert CANON.read(json.dumps({**BASE, "max_tokens": 5}).encode()).max_tokens == 5
    nulls = dict.fromkeys(["stream", "stream_options", "max_tokens", "temperature", "n", "cache"])
    reading = CANON.read(json.dumps({**BASE, **nulls}).encode())
    assert (reading.stream, reading.max_tokens, reading.temperature, reading.n, reading.cache) == (
        False, None, None, 1, None,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("body", "spliced"),
    [
        (
            b'{ "a":1.0,\n "model" : "\\u006d" , "messages":@}',
            b'{ "a":1.0,\n "model" : "x\\"" , "messages":@}',
        ),
        (b'{"cache" : {"ttl":1} , "model":"m","messages":@}', b'{ "model":"x\\"","messages":@}'),
        (b'{"model":"m", "cache":null ,"messages":@}', b'{"model":"x\\"" ,"messages":@}'),
        (b'{"model":"m","messages":@ , "cache":{} }', b'{"model":"x\\"","messages":@ }'),
        (
            b'{"stream":true,"model":"m","messages":@}',
            b'{"stream_options":{"include_usage":true},"stream":true,"model":"x\\"","messages":@}',
        ),
        (
            b'{"cache":1,"stream":true,"model":"m","messages":@}'.replace(b"1", b"{}"),
            b'{"stream_options":{"include_usage":true},"stream":true,"model":"x\\"","messages":@}',
        ),
        (
            b'{"stream":true,"stream_options": null,"model":"m","messages":@}',
            b'{"stream":true,"stream_options": {"include_usage":true},"model":"x\\"","messages":@}',
        ),
        (
            b'{"stream":true,"stream_options": { },"model":"m","messages":@}',
            b'{"stream":true,"stream_options": {"include_usage":true },"model":"x\\"","messages":@}',
        ),
        (
            b'{"stream":true,"stream_options":{"x":{"include_usage":1}},"model":"m","messages":@}',
            b'{"stream":true,"stream_options":{"include_usage":true,"x":{"include_usage":1}},"model":"x\\"","messages":@}',
        ),
        (
            b'{"stream":true,"stream_options":{"x":1,"include_usage" : false },"model":"m","messages":@}',
            b'{"stream":true,"stream_options":{"x":1,"include_usage" : true },"model":"x\\"","messages":@}',
        ),
        (
            b'{"stream":true,"stream_options":{"include_usage":true},"model":"m","messages":@}',
            b'{"stream":true,"stream_options":{"include_usage":true},"model":"x\\"","messages":@}',
        ),
    ],
)
def test_splice(body: bytes, spliced: bytes) -> None:
    messages = rb'[ {"role":"user", "content":"\u00e9\/ ", "x":1e0, "y":12345678901234567890123} ]'
    reading = CANON.read(body.replace(b"@", messages))
    assert reading.splice('x"', include_usage=True) == spliced.replace(b"@", messages)
    assert reading.splice(reading.model) == reading.splice(model=reading.model, include_usage=False)


@given(requests, seeds, texts.map(printable).filter(bool))
def test_splicing_changes_nothing_else(request: dict[str, Any], seed: int, model: str) -> None:
    reading = CANON.read(respelled(request, seed))
    spliced = json.loads(reading.splice(model, include_usage=True), parse_float=Decimal)
    expected = {name: value for name, value in request.items() if name != "cache"} | {"model": model}
    if reading.stream:
        expected["stream_options"] = {"include_usage": True}
    assert plain(spliced, ordered=False) == plain(expected, ordered=False)
    assert CANON.read(reading.splice()).key(b"") == reading.key(b"")


def test_where_nothing_changes_the_bytes_are_the_same_object() -> None:
    body = json.dumps(BASE).encode()
    assert CANON.read(body).splice() is body
    assert CANON.read(body).splice(include_usage=True) is body


VALID = b'"model":"m","messages":[{"role":"user"}]'


@pytest.mark.parametrize(
    ("body", "param", "words"),
    [
        (b"", None, "empty"),
        (b"  ", None, "too early"),
        (b"hello", None, "JSON object"),
        (b"[]", None, "JSON object"),
        (b"{" + VALID, None, "too early"),
        (b"{" + VALID + b"} x", None, "after the object at byte 43"),
        (b"{" + VALID + b",}", None, "comma"),
        (b"{" + VALID + b',"a":[1,]}', None, "comma"),
        (b"{" + VALID + b",'a':1}", None, "double quotes"),
        (b"{" + VALID + b',"a" 1}', None, "':'"),
        (b"{" + VALID + b',"a":[1 2]}', None, "',' or ']'"),
        (b"{" + VALID + b',"a":tru}', None, "a value"),
        (b"{" + VALID + b',"a":NaN}', None, "NaN"),
        (b"{" + VALID + b',"a":-Infinity}', None, "digit"),
        (b"{" + VALID + b',"a":01}', None, "begin with 0"),
        (b"{" + VALID + b',"a":1.}', None, "digit"),
        (b"{" + VALID + b',"a":.5}', None, "a value"),
        (b"{" + VALID + b',"a":1e}', None, "digit"),
        (b"{" + VALID + b',"a":+1}', None, "a value"),
        (b"{" + VALID + b',"a":"\n"}', None, "control character"),
        (b"{" + VALID + b',"a":"\\x"}', None, "escape"),
        (b"{" + VALID + b',"a":"\\u12g4"}', None, "hexadecimal"),
        (b"{" + VALID + b',"a":"\xff"}', None, "UTF-8 at byte 47"),
        (b"{" + VALID + b',"a":"\xed\xa0\x80"}', None, "UTF-8"),
        (b"\xef\xbb\xbf{" + VALID + b"}", None, "byte order mark"),
        (b"{" + VALID + b',"a":1e400}', "a", "too large for a double"),
        (b"{" + VALID + b',"a":[{"b":-1.8e308}]}', "a", "too large for a double"),
        (b"{" + VALID + b',"a":' + b"1" * 310 + b"}", "a", "too large for a double"),
        (b"{" + VALID + b',"cache":{"ttl":' + b"1" * 20_000 + b"}}", "cache", "too large for a double"),
        (b"{" + VALID + b',"seed":-2' + b"0" * 308 + b"}", "seed", "too large for a double"),
        (b"{" + VALID + b',"a":1e99999999999999999999}', "a", "exponent"),
        (b"{" + VALID + b',"a":"\\ud83d"}', "a", "lone surrogate"),
        (b"{" + VALID + b',"a":"\\ude00\\ud83d"}', "a", "lone surrogate"),
        (b"{" + VALID + b',"a":"\\ud83d\\u0041"}', "a", "lone surrogate"),
        (b"{" + VALID + b',"a":' + b"[" * 200 + b"]" * 200 + b"}", "a", "deeper than 128"),
        (b"{" + VALID + b',"model":"n"}', "model", "Duplicate"),
        (b"{" + VALID + b',"mod\\u0065l":"n"}', "model", "Duplicate"),
        (b"{" + VALID + b',"x":1,"x":1}', "x", "Duplicate"),
        (b"{" + VALID + b',"a":{"b":1,"c":2,"b":3}}', "a", "duplicate key 'b'"),
        (b"{" + VALID + b',"tools":[{"b":1,"c":2,"b":3}]}', "tools", "duplicate key 'b'"),
        (
            b'{"model":"m","messages":[{"role":"user"},{"content":"a","content":"b","role":"x"}]}',
            "messages[1]",
            "'content'",
        ),
    ],
)
def test_what_cannot_be_read(body: bytes, param: str | None, words: str) -> None:
    error = refused(body)
    assert error.param == param
    assert error.code == ("duplicate_parameter" if "uplicate" in error.message else None)
    assert words in error.message


A_STRING, OBJECTS = "a string", "an array of objects"


@pytest.mark.parametrize(
    ("fields", "param", "expected", "got"),
    [
        ({"model": None}, "model", A_STRING, "null"),
        ({"messages": "hi"}, "messages", OBJECTS, A_STRING),
        ({"messages": [{"role": "user"}, 3]}, "messages[1]", "an object", "an integer"),
        ({"messages": [{"role": 1}]}, "messages[0].role", A_STRING, "an integer"),
        (
            {"messages": [{"role": "user", "content": 1.5}]},
            "messages[0].content",
            "a string or an array of objects",
            "a decimal number",
        ),
        ({"messages": [{"role": "user", "content": ["a"]}]}, "messages[0].content[0]", "an object", A_STRING),
        ({"temperature": "1"}, "temperature", "a number", A_STRING),
        ({"n": 1.0}, "n", "an integer", "a decimal number"),
        ({"stream": "true"}, "stream", "a boolean", A_STRING),
        ({"stream_options": True}, "stream_options", "an object", "a boolean"),
        ({"stream_options": {"include_usage": 1}}, "stream_options.include_usage", "a boolean", "an integer"),
        ({"tools": {}}, "tools", OBJECTS, "an object"),
        ({"tools": [{}, []]}, "tools[1]", "an object", "an array"),
        ({"stop": ["a", None]}, "stop[1]", A_STRING, "null"),
        ({"cache": True}, "cache", "an object", "a boolean"),
    ],
)
def test_fields_of_the_wrong_type(fields: dict[str, Any], param: str, expected: str, got: str) -> None:
    error = refused({**BASE, **fields})
    assert error.code == "invalid_type"
    message = f"Invalid type for '{param}': expected {expected}, but got {got} instead."
    assert (error.param, error.message) == (param, message)


@pytest.mark.parametrize(
    ("fields", "code", "reason"),
    [
        (
            {"model": ""},
            "empty_string",
            "empty string. Expected a string with minimum length 1, but got an empty string instead.",
        ),
        (
            {"messages": []},
            "empty_array",
            "empty array. Expected an array with minimum length 1, but got an empty array instead.",
        ),
        (
            {"n": 0},
            "integer_below_min_value",
            "integer below minimum value. Expected a value >= 1, but got 0 instead.",
        ),
        (
            {"max_tokens": -5},
            "integer_below_min_value",
            "integer below minimum value. Expected a value >= 1, but got -5 instead.",
        ),
        (
            {"model": "m" * 257},
            "string_above_max_length",
            "string too long. Expected a string with maximum length 256, but got a string with length 257 instead.",
        ),
        (
            {"model": "é" * 1_000_000},
            "string_above_max_length",
            "string too long. Expected a string with maximum length 256, but got a string with length 2000000 instead.",
        ),
        *(
            ({"model": f"m{c}"}, "invalid_value", "a control character, which no name may hold.")
            for c in "\0\t\r\n\x1f\x7f\x80\x85\x9f"
        ),
    ],
)
def test_fields_out_of_bounds(fields: dict[str, Any], code: str, reason: str) -> None:
    (param,) = fields
    for body in (json.dumps({**BASE, **fields}), json.dumps({**BASE, **fields}, ensure_ascii=False)):
        error = refused(body.encode())
        assert (error.param, error.code, error.message) == (param, code, f"Invalid '{param}': {reason}")


def test_a_model_may_have_256_bytes_however_they_are_spelt() -> None:
    for model in ("m" * 256, "é" * 128, "\u00a0\u0100", "a b/c:d@e"):
        assert CANON.read(json.dumps({**BASE, "model": model}).encode()).model == model


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": 2.5},
        {"temperature": -1},
        {"top_p": 1.1},
        {"frequency_penalty": 7, "presence_penalty": -7.5},
        {"top_logprobs": 100},
        {"n": 10**30},
        {"max_tokens": 10**30, "max_completion_tokens": 10**300},
        {"seed": -(10**300)},
    ],
)
def test_ranges_are_the_providers_business(fields: dict[str, Any]) -> None:
    reading = CANON.read(json.dumps({**BASE, **fields}).encode())
    assert reading.n == reading.candidates <= 2**64 - 1 >= (reading.max_tokens or 0)
    assert reading.temperature == fields.get("temperature")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Model", "model"),
        ("MODEL", "model"),
        ("mOdEl", "model"),
        ("Messages", "messages"),
        ("me\u017f\u017fages", "messages"),
        ("ME\u017fSAGES", "messages"),
        ("tool\u017f", "tools"),
        ("Max_To\u212aens", "max_tokens"),
        ("Temperature", "temperature"),
        ("Stream", "stream"),
        ("USER", "user"),
        ("Cache", "cache"),
        ("N", "n"),
    ],
)
def test_a_member_that_equals_a_known_one_but_for_case_is_refused(name: str, known: str) -> None:
    for body in (json.dumps({**BASE, name: "big"}), json.dumps({name: "big", **BASE}, ensure_ascii=False)):
        error = refused(body.encode())
        assert (error.param, error.code) == (name, "unknown_parameter")
        assert error.message == f"Unknown parameter: '{name}'. Did you mean '{known}'?"


@pytest.mark.parametrize("name", ["Role", "ROLE", "Content", "cONTENT"])
def test_so_is_such_a_member_of_a_message(name: str) -> None:
    messages = [{"role": "user", "content": "a"}, {"role": "user", "content": "a", name: "b"}]
    error = refused({**BASE, "messages": messages})
    assert (error.param, error.code) == (f"messages[1].{name}", "unknown_parameter")
    assert f"'{name.lower()}'" in error.message


@pytest.mark.parametrize(
    "name", ["models", "mode", "top_K", "Top_k", "\u212a", "x" * 300, "\u0130", "model\0", "mod\u00e9l"]
)
def test_other_names_pass_whatever_their_case(name: str) -> None:
    assert json.loads(CANON.read(json.dumps({**BASE, name: 1}).encode()).splice())[name] == 1


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([{}], "messages[0].role"),
        ([{"role": "user", "content": [{"type": "text"}, {}]}], "messages[0].content[1].type"),
    ],
)
def test_what_a_message_must_hold(messages: list[dict[str, Any]], param: str) -> None:
    error = refused({**BASE, "messages": messages})
    assert error.code == "missing_required_parameter"
    assert (error.param, error.message) == (param, f"Missing required parameter: '{param}'.")


@pytest.mark.parametrize("name", ["model", "messages"])
def test_what_must_be_there(name: str) -> None:
    error = refused({field: value for field, value in BASE.items() if field != name})
    assert error.code == "missing_required_parameter"
    assert (error.param, error.message) == (name, f"Missing required parameter: '{name}'.")


@pytest.mark.parametrize(
    "number",
    ["1.7976931348623157e308", "-1.7976931348623157e308", "1e-400", f"0e{10**21}", "1" * 309, f"0.{0:0400}1"],
)
def test_numbers_that_a_double_can_stand_for(number: str) -> None:
    CANON.read(b"{" + VALID + f',"a":{number}}}'.encode())


def test_big_integers_are_exact() -> None:
    assert key({**BASE, "seed": 2**64}) != key({**BASE, "seed": 2**64 + 1})
    assert key({**BASE, "seed": 10**30}) != key({**BASE, "seed": 10**31})


def test_hostile_bodies_are_answered() -> None:
    """Deep, wide and long bodies; each would take minutes or the stack if it cost more than n log n."""
    assert refused(b'{"a":' * 1_000_000).param == "a"
    refused(b'{"a":' + b"[" * 5_000_000)
    nested = b"{" + VALID + b',"x":' + b'{"b":0,"c":' * 120 + b'"' + b"z" * 1_000_000 + b'"' + b"}" * 120 + b"}"
    CANON.read(nested)
    assert refused(b"{" + VALID + b',"x":' + b"9" * 200_000 + b"}").param == "x"
    CANON.read(b"{" + VALID + b',"x":0.' + b"9" * 200_000 + b"e-200000}")
    assert len(refused(b"{" + VALID + b',"' + b"x" * 1_000_000 + b'":1e400}').message) < 300
    assert len(refused(b"{" + VALID + (b',"' + "é".encode() * 1_000_000 + b'":1') * 2 + b"}").message) < 300
    names = [f'"{i * 7919 % 200_003}":1' for i in range(200_000)]
    refused(b"{" + VALID + b"," + ",".join(names).encode() + b"}")
    assert refused(b"{" + VALID + b',"tools":[{' + ",".join(names).encode() + b"}]}").param == "tools"
    most = [f'"{i * 7919 % 10_007}":1' for i in range(10_000)]
    CANON.read(b"{" + VALID + b',"x":{' + ",".join(most).encode() + b"}}")
    assert refused(b"{" + VALID + b',"x":{' + ",".join([*most[1:], most[1]]).encode() + b"}}").param == "x"


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for text in (body, b"{" + VALID + b',"x":' + body + b"}"):
        try:
            CANON.read(text)
        except CanonError:
            continue
        json.loads(text)


def test_misuse() -> None:
    with pytest.raises(ValueError, match="at least one byte"):
        Canon(b"")
    with pytest.raises(ValueError, match="1 to 512"):
        Canon(b"s", max_depth=0)
    with pytest.raises(TypeError):
        CANON.read("text")  # type: ignore[arg-type]
    with pytest.raises(CanonError, match="deeper than 3"):
        Canon(b"s", max_depth=3).read(json.dumps({**BASE, "x": {"y": {"z": {}}}}).encode())


# Grammars

COMPLETIONS, EMBEDDINGS = Grammar.built_in("completions"), Grammar.built_in("embeddings")


@pytest.mark.parametrize(("grammar", "name"), [(COMPLETIONS, "prompt"), (EMBEDDINGS, "input")])
def test_one_string_is_the_question(grammar: Grammar, name: str) -> None:
    def read(value: Any, **more: Any) -> Reading:
        return CANON.read(json.dumps({"model": "m", name: value, **more}).encode(), grammar)

    one, other = read("What?", user="a"), read("Why?")
    assert (one.question, one.n, one.grammar) == ("What?", 1, grammar.name)
    assert one.context(b"s") == other.context(b"s") != read("What?", seed=1).context(b"s")
    assert one.key(b"s") != other.key(b"s")
    several = {"What?": ["What?"], "two": ["What?", "Why?"], "tokens": [1, 2], "batch": [[1, 2], [3]]}
    keys = {read(value).key(b"s") for value in several.values()}
    assert len(keys | {one.key(b"s")}) == 5
    assert [read(value).question for value in several.values()] == [None] * 4
    assert [read(value).n for value in several.values()] == [1, 2, 1, 2]


def test_completions() -> None:
    body = {"model": "m", "prompt": "a", "n": 2, "best_of": 5, "max_tokens": 7, "stream": True, "cache": {"ttl": 1}}
    reading = CANON.read(json.dumps(body).encode(), COMPLETIONS)
    assert (reading.n, reading.candidates, reading.max_tokens) == (2, 5, 7)
    assert (reading.stream, reading.cache) == (True, b'{"ttl": 1}')
    several = CANON.read(b'{"model":"m","prompt":["a","b","c"],"n":2,"best_of":1}', COMPLETIONS)
    assert (several.n, several.candidates) == (6, 6)
    assert reading.splice("x", True).startswith(b'{"stream_options":{"include_usage":true},"model": "x", "prompt"')
    assert CANON.read(b'{"model":"m","prompt":null}', COMPLETIONS).question is None
    for wrong, param in [
        ({"prompt": 1}, "prompt"),
        ({"prompt": ["a", 1]}, "prompt[1]"),
        ({"prompt": [None]}, "prompt[0]"),
    ]:
        with pytest.raises(CanonError) as caught:
            CANON.read(json.dumps({"model": "m", **wrong}).encode(), COMPLETIONS)
        assert (caught.value.param, caught.value.code) == (param, "invalid_type")
    with pytest.raises(CanonError, match="an array of integers or an array of integer arrays, but got an integer"):
        CANON.read(b'{"model":"m","prompt":1}', COMPLETIONS)
    with pytest.raises(CanonError, match=r"prompt\[1\]': expected a string, but got an integer"):
        CANON.read(b'{"model":"m","prompt":["a",1]}', COMPLETIONS)
    with pytest.raises(CanonError, match="Missing required parameter: 'prompt'"):
        CANON.read(b'{"model":"m","messages":[]}', COMPLETIONS)


def test_embeddings() -> None:
    body = {"model": "m", "input": "a", "dimensions": 3, "encoding_format": "base64", "user": "u"}

    def key_of(**changed: Any) -> bytes:
        return CANON.read(json.dumps({**body, **changed}).encode(), EMBEDDINGS).key()

    assert key_of() == key_of(user="v") == key_of(cache={"ttl": 3})
    assert len({key_of(), key_of(dimensions=4), key_of(encoding_format="float"), key_of(encoding_format=None)}) == 4
    reading = CANON.read(json.dumps({**body, "stream": True}).encode(), EMBEDDINGS)
    assert not reading.stream
    assert reading.splice(include_usage=True) is reading.body
    with pytest.raises(CanonError, match="Missing required parameter: 'input'"):
        CANON.read(b'{"model":"m","input_":[]}', EMBEDDINGS)


def test_grammars_never_share_a_key() -> None:
    body = b'{"model":"m","prompt":"a","input":"a","messages":[{"role":"user","content":"a"}]}'
    grammars = [None, COMPLETIONS, EMBEDDINGS, Grammar("mine", {"model": {"means": "model"}})]
    readings = [CANON.read(body, grammar) for grammar in grammars]
    assert len({reading.key(b"s") for reading in readings}) == 4
    assert len({reading.context(b"s") for reading in readings}) == 4
    assert CANON.read(body, Grammar.built_in("chat")).key(b"s") == readings[0].key(b"s")


def test_a_grammar_of_plain_data() -> None:
    mine = Grammar(
        "mine",
        {
            "Engine": {"means": "model"},
            "ask": {"type": "string", "required": True, "means": "question"},
            "topK": {"type": "integer", "minimum": 2, "maximum": 4},
            "heat": {"type": "number", "maximum": 1.5},
            "plan": {"type": "object | object[]", "role": "ordered"},
            "tag": {"type": "string", "max_length": 3, "filled": True, "role": "harmless"},
            "most": {"means": "max_tokens"},
        },
    )

    def read(**fields: Any) -> Reading:
        return CANON.read(json.dumps({"Engine": "e", "ask": "a", **fields}).encode(), mine)

    assert (mine.name, read().grammar, read().model, read().question) == ("mine", "mine", "e", "a")
    assert read(most=3).max_tokens == 3
    assert read(tag="é").key() == read().key() != read(other=1).key()
    assert read(plan={"a": 1, "b": 2}).key() != read(plan={"b": 2, "a": 1}).key()
    assert read(other={"a": 1, "b": 2}).key() == read(other={"b": 2, "a": 1}).key()
    assert json.loads(read(other=1).splice("f"))["Engine"] == "f"
    refusals: list[tuple[dict[str, Any], str]] = [
        ({"engine": "f"}, "unknown_parameter"),
        ({"TOP\u212a": 3}, "unknown_parameter"),
        ({"topK": 1}, "integer_below_min_value"),
        ({"topK": 5}, "integer_above_max_value"),
        ({"heat": 1.6}, "decimal_above_max_value"),
        ({"heat": "hot"}, "invalid_type"),
        ({"plan": [1]}, "invalid_type"),
        ({"tag": ""}, "empty_string"),
        ({"tag": "four"}, "string_above_max_length"),
        ({"ask": None}, "invalid_type"),
        ({"Engine": "m" * 257}, "string_above_max_length"),
    ]
    for fields, code in refusals:
        with pytest.raises(CanonError) as caught:
            read(**fields)
        assert caught.value.code == code


@pytest.mark.parametrize(
    ("name", "members", "words"),
    [
        ("", {}, "1 to 64 bytes"),
        ("g", {}, "must mean the model"),
        ("g", {"m": {"means": "mode"}}, "'mode' is none of model"),
        ("g", {"m": {"means": "model", "type": "string"}}, "leave `type` out"),
        ("g", {"m": {"means": "model", "role": "harmless"}}, "leave `role` out"),
        ("g", {"m": {"means": "model"}, "M": {}}, "but for case"),
        ("g", {"m": {"means": "model"}, "\u212a": {}, "k": {}}, "but for case"),
        ("g", {"m": {"means": "model"}, "x" * 65: {}}, "1 to 64 bytes"),
        ("g", {"m": {"means": "model"}, "a": {"type": "str"}}, "no type"),
        ("g", {"m": {"means": "model"}, "a": {"typ": "string"}}, "there is no 'typ'"),
        ("g", {"m": {"means": "model"}, "a": {"type": "string", "minimum": 1}}, "only numbers"),
        ("g", {"m": {"means": "model"}, "a": {"type": "integer", "max_length": 1}}, "only strings"),
        ("g", {"m": {"means": "model"}, "a": {"type": "number", "minimum": 2, "maximum": 1}}, "above its maximum"),
        ("g", {"m": {"means": "model"}, "a": {"means": "question"}, "b": {"means": "messages"}}, "more than one"),
        ("g", {"m": {"means": "model"}} | {f"r{i}": {"required": True} for i in range(64)}, "more than 64"),
        ("g", {"m": {"means": "model"}} | {f"r{i}": {} for i in range(1000)}, "more than 1000"),
    ],
)
def test_what_makes_no_grammar(name: str, members: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Grammar(name, members)


def test_the_largest_grammar_finds_each_of_its_members() -> None:
    grammar = Grammar("g", {"m": {"means": "model"}, **{f"Name{i}": {"type": "integer"} for i in range(999)}})
    for i in range(999):
        CANON.read(f'{{"m":"m","Name{i}":1,"Name{i}_":"a"}}'.encode(), grammar)
        for wrong in (f'"Name{i}":"a"', f'"name{i}":1'):
            with pytest.raises(CanonError, match=f"ame{i}'"):
                CANON.read(f'{{"m":"m",{wrong}}}'.encode(), grammar)


def test_unknown_grammars_are_named() -> None:
    with pytest.raises(ValueError, match="chat, completions, embeddings"):
        Grammar.built_in("none")


names = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda name: f"x{name}")


@given(st.dictionaries(names, seeds.map(lambda seed: Grower(seed).value()), max_size=4))
def test_unknown_members_pass_through_and_enter_the_key(fields: dict[str, Any]) -> None:
    for grammar in (None, COMPLETIONS, EMBEDDINGS):
        base = {**BASE, "prompt": "a", "input": "a"}
        body = json.dumps({**base, **fields}).encode()
        reading = CANON.read(body, grammar)
        assert reading.splice() is body
        sent = json.loads(reading.splice("other"))
        assert {name: sent[name] for name in fields} == json.loads(json.dumps(fields))
        assert (reading.key() == CANON.read(json.dumps(base).encode(), grammar).key()) == (not fields)
