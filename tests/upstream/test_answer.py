"""Answers as they are parsed, without a socket."""

from __future__ import annotations

import gzip

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.upstream.answer import BODY, END, FRAMING_LIMIT, HEAD, STEP, Answer, AnswerCut, AnswerError, AnswerParser
from tests.upstream.raw import OK, chunked, sized

TEXT = b"data: hello\n\n" * 50
FORMS = {
    "sized": sized(TEXT),
    "chunked": chunked(TEXT[:100], TEXT[100:]),
    "gzip": sized(gzip.compress(TEXT), b"content-encoding: gzip"),
    "gzip in chunks": chunked(gzip.compress(TEXT), lines=b"content-encoding: gzip\r\n"),
    "after hints": b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n" + sized(TEXT),
    "with trailers": chunked(TEXT)[:-2] + b"retry-after: 9\r\n\r\n",
}


def taken(answer: Answer) -> bytes:
    data = b""
    while more := answer.take():
        data += more
    return data


@settings(deadline=None)
@given(st.sampled_from(list(FORMS)), st.lists(st.integers(1, 400), max_size=40))
def test_any_split_gives_the_same(form: str, sizes: list[int]) -> None:
    wire, parser, data = FORMS[form], AnswerParser(), b""
    answer = parser.expect()
    for size in [*sizes, len(wire)]:
        read, wire = wire[:size], wire[size:]
        if read:
            parser.feed(read)
            data += taken(answer)

    assert (data, answer.status, answer.phase, answer.keep_alive) == (TEXT, 200, END, True)
    assert "retry-after" not in answer.headers, "a trailer is no header"
    assert "link" not in answer.headers


def test_phases() -> None:
    parser = AnswerParser()
    answer = parser.expect()
    phases = []
    for read in (b"HTTP/1.1 100 Continue\r\n\r\n", OK, b"content-length: 2\r\n\r\n", b"h", b"i"):
        parser.feed(read)
        phases.append(answer.phase)

    assert phases == [HEAD, HEAD, BODY, BODY, END]


def test_what_waits_is_counted() -> None:
    parser = AnswerParser()
    answer = parser.expect()
    parser.feed(OK + b"content-length: 10\r\n\r\nhell")
    assert answer.held == 4
    parser.feed(b"o")
    assert (answer.held, answer.take(), answer.held) == (5, b"hello", 0)
    parser.feed(b"more")
    answer.discard()
    assert (answer.held, answer.take()) == (0, b"")


def test_an_encoded_body_comes_in_steps() -> None:
    text = TEXT * 1000
    parser = AnswerParser()
    answer = parser.expect()
    parser.feed(sized(gzip.compress(text), b"content-encoding: gzip"))

    steps = []
    while step := answer.take():
        steps.append(step)
        assert answer.unfinished == (sum(map(len, steps)) < len(text)) or len(step) == STEP

    assert b"".join(steps) == text
    assert max(map(len, steps)) <= STEP


CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"
ENDLESS = {
    "answers before the answer": (b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 40),
    "headers": (OK, b"x-filler: yyyyyyyyyyyyyyyy\r\n" * 40),
    "one header": (OK + b"x: ", b"y" * 1000),
    "a chunk's extension": (CHUNKED, b"0;" + b"e" * 1000),
    "trailers": (CHUNKED + b"0\r\n", b"x-filler: yyyyyyyyyyyyyyyy\r\n" * 40),
    "one trailer": (CHUNKED + b"0\r\nx: ", b"y" * 1000),
}


@pytest.mark.parametrize("what", ENDLESS)
def test_framing_without_end_is_refused(what: str) -> None:
    start, more = ENDLESS[what]
    parser, fed = AnswerParser(), 0
    parser.expect()
    try:
        parser.feed(start)
        while fed <= FRAMING_LIMIT:
            parser.feed(more)
            fed += len(more)
    except AnswerError:
        return
    pytest.fail("it was taken")


def test_small_chunks_are_no_framing_without_end() -> None:
    parser = AnswerParser()
    answer = parser.expect()
    parser.feed(OK + b"transfer-encoding: chunked\r\n\r\n")
    for _ in range(30_000):
        parser.feed(b"1\r\nx\r\n")
        answer.take()

    assert answer.phase is BODY


def test_a_second_answer_is_no_part_of_the_first() -> None:
    parser = AnswerParser()
    answer = parser.expect()
    with pytest.raises(AnswerError):
        parser.feed(sized(b"first") + sized(b"poison"))

    assert answer.take() == b"first"


def test_the_end_of_the_connection_is_the_end_of_an_answer_that_has_no_other() -> None:
    ends = {b"": END, b"content-length: 9\r\n": BODY, b"transfer-encoding: chunked\r\n": BODY}
    for line, phase in ends.items():
        parser = AnswerParser()
        answer = parser.expect()
        parser.feed(OK + line + b"\r\n")
        answer.close()

        assert answer.phase is phase


def test_an_encoded_body_that_was_cut_is_no_whole_one() -> None:
    parser = AnswerParser()
    answer = parser.expect()
    parser.feed(sized(gzip.compress(TEXT)[:-5], b"content-encoding: gzip"))

    with pytest.raises(AnswerCut):
        taken(answer)


@pytest.mark.parametrize("status", [0, 99, 150, 199])
def test_an_interim_answer_has_no_body_and_a_status_of_its_own(status: int) -> None:
    parser = AnswerParser()

    with pytest.raises(AnswerError):
        parser.feed(b'HTTP/1.1 %03d X\r\ncontent-length: 3\r\n\r\n{"a' % status)


CODINGS = [b"gzip, chunked", b"chunked, gzip", b"gzip", b"gzip\r\ntransfer-encoding: chunked", b"br"]


@pytest.mark.parametrize("coding", CODINGS)
def test_a_transfer_encoding_that_nobody_undoes_is_refused(coding: bytes) -> None:
    with pytest.raises(AnswerError):
        AnswerParser().feed(chunked(gzip.compress(TEXT)).replace(b"chunked", coding))


def test_an_encoding_over_another_is_refused() -> None:
    twice = sized(gzip.compress(TEXT), b"content-encoding: br", b"content-encoding: gzip")
    with pytest.raises(AnswerError, match="an encoding that was not asked for"):
        AnswerParser().feed(twice)
