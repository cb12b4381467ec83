"""Requests that two readers could frame differently: refused, and nothing behind them is read."""

from __future__ import annotations

from itertools import product

import pytest

from tests.end_to_end.upstream import Received
from tests.hostile.line import head
from tests.hostile.site import PATH, Site, chat, unique

SMUGGLED = "This was smuggled."
LENGTHS = (
    "content-length: {length}",
    "Content-Length: 0",
    "content-length: 5",
    "content-length:{length}",
    "content-length: ",
)
CODINGS = (
    "transfer-encoding: chunked",
    "Transfer-Encoding: Chunked",
    "transfer-encoding:chunked",
    "transfer-encoding:\tchunked",
    "transfer-encoding: chunked ",
    "transfer-encoding: \x0bchunked",
    "transfer-encoding: xchunked",
    "transfer-encoding: chunked, identity",
    "transfer-encoding: identity, chunked",
    "transfer-encoding: identity",
    "transfer-encoding: gzip, chunked",
    "transfer-encoding: chunked;a=b",
    'transfer-encoding: "chunked"',
    "transfer-encoding : chunked",
    "transfer-encoding\t: chunked",
    " transfer-encoding: chunked",
    "x: y\n transfer-encoding: chunked",
    "transfer-encoding:\n chunked",
    "x: y\ntransfer-encoding: chunked",
    "x: y\rtransfer-encoding: chunked",
    "transfer-encoding: chunked\ntransfer-encoding: identity",
)


def smuggled(site: Site) -> bytes:
    return site.request(chat(SMUGGLED), lines=["connection: close"])


def seen(site: Site) -> list[Received]:
    return [request for request in site.provider.calls if SMUGGLED.encode() in request.body]


@pytest.mark.parametrize("swapped", [False, True], ids=["length first", "coding first"])
@pytest.mark.parametrize("coding", CODINGS, ids=repr)
def test_a_length_and_a_coding(site: Site, coding: str, swapped: bool) -> None:
    body = chat(unique())
    for length, chunked in product(LENGTHS, (False, True)):
        framed = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body) if chunked else body
        lines = [length.format(length=len(framed)), coding]
        request = head(PATH, lines=[*site.lines, *(lines[::-1] if swapped else lines)]) + b"\r\n" + framed

        with site.line() as line:
            line.send(request + smuggled(site))
            answers = line.answers()

        assert [answer.status for answer in answers] in ([400], [411], [501], []), (length, chunked)
        assert site.provider.calls == []


SIZES: tuple[str, ...] = (
    "{size:x}",
    "{size:X}",
    "0{size:x}",
    "0x{size:x}",
    "+{size:x}",
    "-{size:x}",
    " {size:x}",
    "{size:x} ",
    "{size:x}\t",
)
SIZES += (
    "{size:x};a",
    "{size:x};a=b",
    '{size:x};a="\r\n"',
    "{size:x}\n",
    "{size:x}\0",
    "{size:x}\r",
    "{size:x}g",
    "",
    "0" * 20,
)
SIZES += ("1{size:016x}", "{size:x};" + "e" * 20_000, "{size:x}, 5", "{size:x}\r\n\r\n0")


@pytest.mark.parametrize("size", SIZES, ids=lambda size: repr(size[:20]))
@pytest.mark.parametrize("end", ["\r\n", "\n", "\r", "", "\r\n\r\n", "x\r\n"], ids=repr)
def test_a_chunk_of_another_spelling(site: Site, size: str, end: str) -> None:
    body = chat(unique())
    framed = size.format(size=len(body)).encode() + b"\r\n" + body + end.encode() + b"0\r\n\r\n"
    request = head(PATH, lines=[*site.lines, "transfer-encoding: chunked"]) + b"\r\n" + framed

    with site.line() as line:
        line.send(request + smuggled(site))
        answers = line.answers()

    if not (answers and answers[0].sound):
        assert len(answers) <= 1
        assert seen(site) == []
    assert len(answers) <= 2


ENDS = {
    "bare line feeds": ("\n", "\n\n"),
    "bare carriage returns": ("\r", "\r\r"),
    "a line feed at the end": ("\r\n", "\r\n\n"),
    "a null before the end": ("\r\n", "\0\r\n\r\n"),
}


@pytest.mark.parametrize(("between", "end"), ENDS.values(), ids=ENDS)
def test_lines_that_end_otherwise(site: Site, between: str, end: str) -> None:
    body = chat(unique())
    lines = between.join((f"POST {PATH} HTTP/1.1", *site.lines, f"content-length: {len(body)}"))
    with site.line() as line:
        line.send((lines + end).encode() + body + smuggled(site))
        answers = line.answers()

    assert len(answers) <= 2
    if not (answers and answers[0].sound):
        assert seen(site) == []


@pytest.mark.parametrize(
    "lines", [["upgrade: h2c", "connection: upgrade, http2-settings", "http2-settings: AA"], ["upgrade: websocket"]]
)
def test_an_upgrade_is_not_made(site: Site, lines: list[str]) -> None:
    answers = site.together(site.request(chat(unique()), lines=[*lines, "connection: close"]))

    assert [answer.status for answer in answers] in ([200], [400], [426])


@pytest.mark.parametrize("upgrade", ["h2c", "websocket"])
def test_what_follows_an_upgrade_is_answered_or_refused_by_a_closed_connection(site: Site, upgrade: str) -> None:
    asking = site.request(chat(unique()), lines=[f"upgrade: {upgrade}", "connection: upgrade"])
    with site.line() as line:
        line.send(asking + site.request(chat(unique()), lines=["connection: close"]))
        answers = line.answers()

    assert [answer.status for answer in answers] == [200] * len(answers)
    assert answers[-1].headers["connection"] == "close"


def test_the_preface_of_http_2_is_refused(site: Site) -> None:
    with site.line() as line:
        line.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + smuggled(site))
        assert [answer.status for answer in line.answers()] == [400]
    assert seen(site) == []
