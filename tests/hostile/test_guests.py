"""A gateway without keys lets in programs of this machine, not web pages that a browser of this machine shows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.line import head
from tests.hostile.site import PATH, Site, chat, unique
from tests.hostile.strict import Answer


@pytest.fixture(scope="module")
def open_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    standing = Site(tmp_path_factory.mktemp("open"))
    standing.gateway.start()
    yield standing
    standing.stop()


def send(site: Site, *lines: str, target: str = PATH, method: str = "POST") -> Answer:
    body = chat(unique())
    framed = [*lines, f"content-length: {len(body)}", "connection: close"]
    with site.line() as line:
        line.send(head(target, method, framed) + b"\r\n" + body)
        (answer,) = line.answers()
    return answer


JSON = "content-type: application/json"
LOCAL, OWN = "host: 127.0.0.1", "origin: http://127.0.0.1"
FOREIGN = {
    "a foreign host": ["host: evil.example", JSON],
    "a foreign host with a port": ["host: evil.example:4000", JSON],
    "a host that begins like ours": ["host: 127.0.0.1.evil.example", JSON],
    "a host that begins with localhost": ["host: localhost.evil.example", JSON],
    "a user in the host": ["host: 127.0.0.1@evil.example", JSON],
    "an address of the network": ["host: 192.168.1.5", JSON],
    "no host": [JSON],
    "two hosts": [LOCAL, "host: evil.example", JSON],
    "a foreign origin": [LOCAL, JSON, "origin: https://evil.example"],
    "the null origin": [LOCAL, JSON, "origin: null"],
    "an origin that begins like ours": [LOCAL, JSON, "origin: http://127.0.0.1.evil.example"],
    "a user in the origin": [LOCAL, JSON, "origin: http://127.0.0.1@evil.example"],
    "another site": [LOCAL, JSON, "sec-fetch-site: cross-site"],
    "another origin of the site": [LOCAL, JSON, "sec-fetch-site: same-site"],
    "plain text": [LOCAL, OWN, "content-type: text/plain"],
    "text that claims JSON": [LOCAL, OWN, "content-type: text/plain; application/json"],
    "a form": [LOCAL, OWN, "content-type: application/x-www-form-urlencoded"],
    "a multipart form": [LOCAL, OWN, "content-type: multipart/form-data; boundary=x"],
    "an empty content type": [LOCAL, OWN, "content-type:"],
    "two content types": [LOCAL, OWN, "content-type: text/plain", JSON],
}
WELCOME = {
    "curl": [LOCAL, JSON],
    "localhost": ["host: localhost:4000", JSON],
    "IPv6": ["host: [::1]:4000", JSON],
    "a program without a content type": [LOCAL],
    "a page of ours": [LOCAL, OWN, JSON],
    "a charset": [LOCAL, "content-type: application/json; charset=utf-8"],
    "letters of any case": ["Host: LocalHost", "Content-Type: Application/JSON"],
    "a typed address": [LOCAL, JSON, "sec-fetch-site: none"],
}


@pytest.mark.parametrize("lines", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_page_is_no_guest(open_site: Site, lines: list[str]) -> None:
    answer = send(open_site.reset(), *lines)

    assert answer.status in (400, 401, 403, 415, 421)
    assert open_site.provider.calls == []


@pytest.mark.parametrize("lines", WELCOME.values(), ids=WELCOME)
def test_a_program_of_this_machine_is(open_site: Site, lines: list[str]) -> None:
    assert send(open_site.reset(), *lines).sound


@pytest.mark.parametrize("target", ["/v1/models", "/admin/analytics/costs", "/admin/keys"])
def test_a_page_cannot_read_either(open_site: Site, target: str) -> None:
    for lines in (["host: evil.example"], [LOCAL, "origin: https://evil.example"]):
        answer = send(open_site.reset(), *lines, target=target, method="GET")
        assert answer.status in (400, 401, 403, 404, 405, 421)
        assert "access-control-allow-origin" not in answer.headers


def test_a_browser_is_not_told_that_it_may_ask(open_site: Site) -> None:
    lines = [LOCAL, "origin: https://evil.example", "access-control-request-method: POST"]
    answer = send(open_site.reset(), *lines, method="OPTIONS")

    assert not [name for name in answer.headers if name.startswith("access-control-")]


OTHER_SPELLINGS = (
    "/metrics/", "//metrics", "/%6detrics", "/admin/../metrics", "/admin/%2e%2e/metrics", "/./metrics", "/metrics;a",
    "/metrics?a", "/metrics/?a", "http://127.0.0.1/metrics", "http://127.0.0.1/metrics/", "//", "/?a",
)  # fmt: skip


@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
@pytest.mark.parametrize("target", OTHER_SPELLINGS)
def test_a_page_is_shown_under_no_other_spelling(open_site: Site, site: Site, target: str, keys: bool) -> None:
    where = site if keys else open_site
    for lines in (
        ["host: evil.example"],
        [LOCAL, "origin: https://evil.example"],
        ["host: evil.example", *where.lines],
    ):
        for method in ("GET", "HEAD"):
            answer = send(where, *lines, target=target, method=method)
            assert answer.status in (400, 403, 404), (target, lines)
            assert b"gateway_requests" not in answer.body
