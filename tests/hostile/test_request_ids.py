"""The ids that clients give their requests."""

from __future__ import annotations

from tests.hostile.site import Site, unique


def test_request_ids_of_clients_cannot_make_rows_disappear(site: Site) -> None:
    answers = [site.ask(unique(), lines=["x-request-id: mine"]) for _ in range(5)]

    rows = site.rows(len(answers))
    assert len(rows) == len(answers)
    assert [row.get("request_id") or row["id"] for row in rows] == [answer.id for answer in answers]
