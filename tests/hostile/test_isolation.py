"""Answers stay with whom they were given to, however tenants and namespaces are called."""

from __future__ import annotations

from itertools import product

from tests.hostile.site import Site, unique

TENANTS = ("a", "a\n", "a\nb", "b", "a:b")
NAMESPACES = ("", "a", "b", "b\n", "\nb", "\n", "\0", "a\nb", " ", "A", "\u0430", ":b", "/b", "x" * 200, "default")


def test_no_two_names_lead_to_the_same_answer(site: Site) -> None:
    keys = {}
    for tenant in TENANTS:
        try:
            keys[tenant] = site.gateway.create_key("--tenant", tenant)
        except AssertionError:
            continue  # a name that is refused leads nowhere
    assert len(keys) > 1
    question, mine = unique(), site.key
    try:
        for (tenant, key), namespace in product(keys.items(), NAMESPACES):
            site.key = key
            answer = site.ask(question, cache={"namespace": namespace})
            if answer.status != 400:
                assert (answer.cache, tenant, namespace) == ("miss", tenant, namespace)
    finally:
        site.key = mine


def test_what_decides_the_answer_decides_the_key(site: Site) -> None:
    """Bodies that only a careless reader takes for the same."""
    plain = '{"model":"gpt-4o-mini","messages":[{"role":"user","content":"%s"}]%s}'
    question = unique()
    texts = [question, question + " ", question + "\\u0000", question + "\\u0301", question.lower(), question + "\\n"]
    more = [
        "",
        ',"seed":1',
        ',"seed":1.5',
        ',"seed":"1"',
        ',"seed":18446744073709551617',
        ',"seed":18446744073709551618',
    ]
    more += [
        ',"stop":[]',
        ',"stop":["a"]',
        ',"stop":"a"',
        ',"x":0.1',
        ',"x":0.10000000000000001',
        ',"x":{"y":[]}',
        ',"x":{"y":{}}',
    ]
    same = {',"x":0.1', ',"x":0.10000000000000001'}

    for text, extra in product(texts, more):
        answer = site.ask(raw=(plain % (text, extra)).encode())
        if answer.status == 200 and extra not in same:
            assert (answer.cache, text, extra) == ("miss", text, extra)
