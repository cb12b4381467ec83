"""`native.Redactor`: what it finds, what it leaves, and that every text comes back."""

import itertools
import json
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.native import RedactError, Redactor

EVERYTHING = Redactor()
KINDS = ("email", "phone", "card", "iban", "national_id", "ip", "secret")
EXAMPLES = settings(max_examples=int(os.environ.get("GATEWAY_EXAMPLES", "150")), deadline=None)

FOUND = {
    "email": [
        "ann@example.com", "o'neil.x+tag@mail.example.co.uk", "_a_b@xn--bcher-kva.example", "a@b-c.io",
    ],
    "phone": [
        "+14155552671", "+44 (0)20 7946 0958", "+49-30-123456", "(212) 555-0134", "212-555-0134", "1-212-555-0134",
        "212.555.0134", "020 7946 0958", "01 23 45 67 89", "0171/1234567", "0049 30 123456", "03-1234-5678",
        "138 1234 5678", "+33\u00a01\u00a023\u00a045\u00a067\u00a089",
    ],
    "card": [
        "4111111111111111", "4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "3782 822463 10005",
        "6011111111111117", "3530111333300000", "30569309025904", "2223003122003222", "6200000000000005",
    ],
    "iban": [
        "DE89370400440532013000", "DE89 3704 0044 0532 0130 00", "GB82WEST12345698765432", "fr1420041010050500013m02606",
        "NO93 8601 1117 947", "MT84MALT011000012345MTLCAST001S",
    ],
    "national_id": [
        "536-90-4399", "529.982.247-25", "52998224725", "2341 2341 2346", "130 692 544", "12345678Z", "12345678-Z",
        "X1234567L", "AB123456C", "RSSMRA85T10A562S", "11010519491231002X", "756.9217.0769.85", "44051401359",
        "811218-9876", "1 84 12 76 451 089 46", "86095742719",
    ],
    "ip": [
        "192.168.10.4", "8.8.8.8", "2001:db8::8a2e:370:7334", "fe80::1", "::ffff:192.0.2.128",
        "2001:0db8:85a3:0:0:8a2e:370:7334",
    ],
    "secret": [
        "sk-gw-abc123-SECRETsecret", "sk-proj-Ab12Cd34Ef56Gh78Ij90", "sk-ant-api03-Ab12Cd34Ef56Gh78Ij90",
        "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "AKIAIOSFODNN7EXAMPLE", "xoxb-1234567890-abcdefghij",
        "AIzaSyA1234567890abcdefghijklmnopqrstuv", "sk_live_4eC39HqLyjWDarjtT1zdp7dc",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    ],
}  # fmt: skip

LEFT = [
    "On 2024-01-02 10:00 and 01.02.2024 12:30 it took 12:30:45.123456",
    "pi is 3.14159265358979, e is 2.718281828459045, 0.1234567890 is small",
    "1712345678901 ms, 1712345678 s, id 12345678901234567890, 1,234,567,890 people, 100 000 000 things",
    "v1.2.3, section 4.5.6, 10.5.2 and 300.1.1.1, 1.2.3.4.5",
    "std::vec::Vec, a::b, ::, 10:20, key: value, 00:1A:2B:3C:4D:5E",
    "4111111111111112 DE89370400440532013001 12345678A 000-12-3456 529.982.247-26",
    "risk-management-of-many-things, sk-learn, task-1234567890123456, basket_1, AKIA, eyJ.eyJ",
    "@ann a@b a@b.c ann@ @example.com user@localhost, f(x)@2",
    "https://example.com:8080/a/b?c=1, 550e8400-e29b-41d4-a716-446655440000, 0x1F600, #4111",
    "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20",
    "",
]

ALL = [(kind, value) for kind, values in FOUND.items() for value in values]


@pytest.mark.parametrize(("kind", "value"), ALL, ids=[f"{kind}-{value[:24]}" for kind, value in ALL])
@pytest.mark.parametrize("around", ["{}", "It is {}.", "«{}»", "({}),", "x: {} and", "电子{}号", "\n{}\n"])
def test_each_kind_is_found_wherever_it_stands(kind: str, value: str, around: str) -> None:
    text = around.format(value)
    redaction = EVERYTHING.redact(text)
    assert value not in redaction.text
    assert [finding[0] for finding in redaction.findings] == [kind]
    assert redaction.restore(redaction.text) == text
    label = f"[{kind.upper()}_1]"
    assert label in redaction.text


@pytest.mark.parametrize("text", LEFT)
def test_what_only_looks_like_it_is_left(text: str) -> None:
    assert EVERYTHING.redact(text).text == text


def test_a_password_in_an_address_goes_and_the_host_stays() -> None:
    assert EVERYTHING.redact("redis://:hunter2@localhost:6379/0").text == "redis://:[SECRET_1]@localhost:6379/0"
    assert EVERYTHING.redact("Authorization: Bearer abcDEF123456ghiJKL").text == "Authorization: Bearer [SECRET_1]"


def test_a_private_key_without_an_end_goes_to_the_end() -> None:
    assert EVERYTHING.redact("a -----BEGIN PRIVATE KEY-----\nMIIE").text == "a [SECRET_1]"


def test_a_number_that_could_be_anything_goes_only_where_a_word_says_what_it_is() -> None:
    assert EVERYTHING.redact("order 5551234567").findings == ()
    assert EVERYTHING.redact("my phone is 5551234567").findings == (("phone", 12, 22),)
    assert EVERYTHING.redact("my SSN: 536904399").findings == (("national_id", 8, 17),)


def test_findings_are_in_characters_of_the_original() -> None:
    text = "😀é ann@example.com, then 电话 13812345678!"
    findings = EVERYTHING.redact(text).findings
    assert [(kind, text[start:end]) for kind, start, end in findings] == [
        ("email", "ann@example.com"),
        ("phone", "13812345678"),
    ]


def test_one_value_has_one_placeholder_and_two_have_two() -> None:
    redaction = EVERYTHING.redact("a@x.com b@x.com a@x.com")
    assert redaction.text == "[EMAIL_1] [EMAIL_2] [EMAIL_1]"
    assert redaction.restore("to [EMAIL_2], not [EMAIL_3] or [EMAIL_1") == "to b@x.com, not [EMAIL_3] or [EMAIL_1"


def test_a_placeholder_that_the_text_has_already_is_not_used_again() -> None:
    text = "[EMAIL_1] is ann@example.com [EMAIL_3]"
    redaction = EVERYTHING.redact(text)
    assert redaction.text == "[EMAIL_1] is [EMAIL_2] [EMAIL_3]"
    assert redaction.restore(redaction.text) == text


def test_nothing_is_remembered_between_texts() -> None:
    first = EVERYTHING.redact("a@x.com")
    second = EVERYTHING.redact("b@x.com")
    assert (first.text, second.text) == ("[EMAIL_1]", "[EMAIL_1]")
    assert (first.restore("[EMAIL_1]"), second.restore("[EMAIL_1]")) == ("a@x.com", "b@x.com")


def test_only_the_chosen_kinds_are_looked_for() -> None:
    assert Redactor(kinds=["ip"]).redact("a@x.com 8.8.8.8").text == "a@x.com [IP_1]"
    assert Redactor(kinds=[]).redact("a@x.com 8.8.8.8").findings == ()


def test_patterns_of_one_s_own_join_in() -> None:
    for patterns in ({"order": r"ORD-\d+", "host": r"\w+\.corp"}, [("order", r"ORD-\d+"), ("host", r"\w+\.corp")]):
        redactor = Redactor(patterns=patterns)
        assert redactor.redact("ORD-12 on db1.corp").text == "[ORDER_1] on [HOST_1]"


def test_where_findings_overlap_all_of_it_goes() -> None:
    redactor = Redactor(patterns={"a": "one two", "b": "two three four"})
    assert redactor.redact("one two three four five").text == "[B_1] five"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kinds": ["mail"]}, 'unknown kind "mail": choose among email, phone'),
        ({"patterns": {"a": "("}}, '(?s)pattern "a" cannot be used: .*unclosed group'),
        ({"patterns": {"a": r"(\w{1000}){1000}"}}, "larger than 1048576 bytes"),
        ({"patterns": {"a": "x*"}}, "matches nothing at all"),
        ({"patterns": {"a": "(?=b)"}}, "look-around"),
        ({"patterns": {"a": ".*x|."}}, "an alternative in it has no longest length"),
        ({"patterns": {"a": r"v\d+(\.\d+)?"}}, "an optional or repeated group in it has no longest length"),
        ({"patterns": {"a": r"(\d\d,)+"}}, "a group in it repeats without end"),
        ({"patterns": {"a": r"x{2000}"}}, "may match 2000 bytes, more than 1024"),
        ({"patterns": {"": "x"}}, "pattern name"),
        ({"patterns": {"a-b": "x"}}, "cannot be a placeholder"),
        ({"patterns": {"Email": "x"}}, "is taken: give"),
        ({"patterns": [("a", "x"), ("A", "y")]}, "is taken: give"),
    ],
)
def test_a_redactor_that_cannot_be_made_says_why(options: dict[str, object], message: str) -> None:
    with pytest.raises(RedactError, match=message):
        Redactor(**options)  # type: ignore[arg-type]


def test_patterns_of_the_wrong_shape_are_a_type_error() -> None:
    with pytest.raises(TypeError, match="a mapping of names"):
        Redactor(patterns=[1])  # type: ignore[list-item]
    with pytest.raises(TypeError):
        EVERYTHING.redact(b"bytes")  # type: ignore[arg-type]


def test_an_irreversible_redaction_keeps_nothing() -> None:
    redaction = Redactor(reversible=False).redact("a@x.com b@x.com a@x.com")
    assert redaction.text == "[EMAIL_1] [EMAIL_2] [EMAIL_1]"
    with pytest.raises(RedactError, match="reversible=True"):
        redaction.restore("[EMAIL_1]")
    assert "x.com" not in repr(redaction)


def test_an_answer_in_pieces_is_restored_and_hardly_held_back() -> None:
    redaction = EVERYTHING.redact("a@x.com")
    restorer = redaction.restorer()
    assert [restorer.feed(piece) for piece in ("Hi [", "EMA", "IL_1", "]! a[0] [EM", "PTY] [EMAIL_")] == [
        "Hi ", "", "", "a@x.com! a[0] ", "[EMPTY] ",
    ]  # fmt: skip
    assert restorer.end() == "[EMAIL_"
    assert restorer.end() == ""


BODY = {
    "model": "gpt-5",
    "user": "ann@example.com",
    "messages": [
        {"role": "system", "content": "Help ann@example.com"},
        {"role": "user", "content": [{"type": "text", "text": 'Line\nann@example.com "q" \\ é😀 8.8.8.8'}]},
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x.com/?m=ann@example.com"}}]},
        {"role": "tool", "tool_call_id": "call_1", "content": '{"ip": "8.8.8.8"}'},
    ],
    "tools": [{"type": "function", "function": {"name": "f", "description": "ann@example.com"}}],
}


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("indent", [None, 2])
def test_a_body_changes_only_where_people_spoke(ascii_only: bool, indent: int | None) -> None:
    body = json.dumps(BODY, ensure_ascii=ascii_only, indent=indent).encode()
    redaction = EVERYTHING.redact_body(body)
    got = json.loads(redaction.body)
    said = [message["content"] for message in got["messages"]]
    assert said[0] == "Help [EMAIL_1]"
    assert said[1][0]["text"] == 'Line\n[EMAIL_1] "q" \\ é😀 [IP_1]'
    assert said[2:] == [message["content"] for message in BODY["messages"][2:3]] + ['{"ip": "[IP_1]"}']  # type: ignore[index]
    assert {key: got[key] for key in ("model", "user", "tools")} == {
        key: BODY[key] for key in ("model", "user", "tools")
    }
    found = [(kind, body[start:end]) for kind, start, end in redaction.findings]
    assert found == [("email", b"ann@example.com")] * 2 + [("ip", b"8.8.8.8")] * 2
    for kind, value in reversed([("email", b"ann@example.com"), ("ip", b"8.8.8.8")]):
        redacted = redaction.body.replace(f"[{kind.upper()}_1]".encode(), value)
    assert redaction.restore(redaction.text).encode() == body
    assert redacted != body


def test_an_escape_hides_nothing() -> None:
    body = rb'{"messages":[{"content":"\u0061nn\u0040example\u002ecom\u0021 \ud83d\ude00"}]}'
    redaction = EVERYTHING.redact_body(body)
    assert redaction.body == rb'{"messages":[{"content":"[EMAIL_1]\u0021 \ud83d\ude00"}]}'
    assert redaction.restore("[EMAIL_1]") == "ann@example.com"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messages": ["a@x.com]}', b'{"messages": "\xff"}', b"{} {}"])
def test_a_body_that_cannot_be_read_is_refused_not_passed(body: bytes) -> None:
    with pytest.raises(RedactError, match="the body"):
        EVERYTHING.redact_body(body)


def test_a_clean_body_is_the_same_bytes() -> None:
    body = b'{ "messages" : [ {"content":"\\u0041 \\/ 1e5"} ] }'
    assert EVERYTHING.redact_body(body).body == body


PIECES = st.sampled_from(
    [value for _, value in ALL] + ["[EMAIL_1]", "[", "]", "_1]", "[PHONE_", " ", "\n", "@", ".", "-", "+", "é😀"]
)
TEXTS = st.lists(PIECES | st.text(max_size=6), max_size=8).map("".join)


@EXAMPLES
@given(TEXTS, st.lists(st.integers(0, 300), max_size=6))
def test_every_text_comes_back_at_any_split(text: str, cuts: list[int]) -> None:
    redaction = EVERYTHING.redact(text)
    assert redaction.restore(redaction.text) == text
    restorer = redaction.restorer()
    edges = sorted({0, len(redaction.text), *(min(cut, len(redaction.text)) for cut in cuts)})
    pieces = [redaction.text[a:b] for a, b in itertools.pairwise(edges)]
    assert "".join(map(restorer.feed, pieces)) + restorer.end() == text
    assert all(text[start:end] for _, start, end in redaction.findings)


@EXAMPLES
@given(TEXTS, st.booleans())
def test_a_body_says_what_its_text_says(text: str, ascii_only: bool) -> None:
    body = json.dumps({"messages": [{"content": text}]}, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    redaction = EVERYTHING.redact_body(body)
    alone = EVERYTHING.redact(text)
    assert [kind for kind, _, _ in redaction.findings] == [kind for kind, _, _ in alone.findings]
    said = json.loads(redaction.body)["messages"][0]["content"]
    assert redaction.restore(said) == text


@pytest.mark.parametrize(
    "unit",
    ["a", "1", "@", "-", ".", ":", "1 ", "1.", "1-", "a@", "a@b.", "sk-", "eyJ.", "://a:", "+1", "(1)", "AB1", "[EMAIL_", "::1",
     "-----BEGIN PRIVATE KEY-----", "a:b@", "Bearer ", "4111 ", "\u00a01", "1a", "f:"],
)  # fmt: skip
def test_a_megabyte_of_anything_is_read(unit: str) -> None:
    """Quadratic work would not end here."""
    text = unit * (1_000_000 // len(unit))
    redaction = EVERYTHING.redact(text)
    assert redaction.restore(redaction.text) == text


@pytest.mark.parametrize("pattern", [r"a\w*@", r"\S+/admin", r"[a/]+?/", r"a.*z", r"(?:a|/a){1,60}x?"])
@pytest.mark.parametrize("unit", ["a", "a/", "/admin"])
def test_a_megabyte_of_anything_is_read_for_a_pattern_of_one_s_own(pattern: str, unit: str) -> None:
    text = unit * (1_000_000 // len(unit))
    redaction = Redactor(kinds=[], patterns={"own": pattern}).redact(text)
    assert redaction.restore(redaction.text) == text
