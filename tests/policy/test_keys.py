"""Who is calling."""

from __future__ import annotations

import hmac

import pytest

from gateway.api.credentials import credential
from gateway.errors import AuthenticationFailed, PermissionRefused
from gateway.policy import keys
from gateway.policy.keys import Key, Keyring, digest, new_public_id, new_secret

ADMIN = "the admin key"
SECRET = new_secret("abc123")
KEY = Key("abc123", digest(SECRET), name="team")


def keyring(*live: Key, anonymous: bool = False, ever: bool = True) -> Keyring:
    ring = Keyring(anonymous=anonymous)
    ring.replace(live, admin=digest(ADMIN), ever=ever)
    return ring


FORMS = {
    "bearer": {"authorization": f"Bearer {SECRET}"},
    "bearer in small letters": {"authorization": f"bearer {SECRET}"},
    "bearer in capitals": {"authorization": f"BEARER {SECRET}"},
    "bearer with spaces": {"authorization": f"Bearer   {SECRET} "},
    "bare authorization": {"authorization": SECRET},
    "x-api-key": {"x-api-key": SECRET},
    "api-key": {"api-key": SECRET},
    "x-goog-api-key": {"x-goog-api-key": f" {SECRET} "},
    "authorization before another": {"authorization": f"Bearer {SECRET}", "x-api-key": "something else"},
    "an empty authorization": {"authorization": "", "x-api-key": SECRET},
}


@pytest.mark.parametrize("form", FORMS)
def test_a_key_is_known_in_every_header_that_clients_use(form: str) -> None:
    assert keyring(KEY).authenticate(credential(lambda name: FORMS[form].get(name, ""))) is KEY


def test_no_header_is_an_empty_credential() -> None:
    assert credential(lambda name: "") == ""


FALSE = {
    "nothing": "",
    "another kind of key": "sk-proj-something",
    "an unknown id": new_secret("ffffff"),
    "the right id alone": "sk-gw-abc123",
    "the right id with another secret": new_secret("abc123"),
    "the secret cut short": SECRET[:-1],
    "the secret and more": SECRET + "0",
    "the secret without its prefix": SECRET.removeprefix("sk-gw-"),
    "the id of the admin": "sk-gw-admin-" + "0" * 48,
    "its hash": digest(SECRET).hex(),
    "not ASCII": "sk-gw-abc123-\udcff\xe9",
    "very long": "sk-gw-" + "x" * 100_000,
}


@pytest.mark.parametrize("false", [name for name in FALSE if FALSE[name]])
def test_every_failure_looks_the_same(false: str) -> None:
    with pytest.raises(AuthenticationFailed) as refused:
        keyring(KEY).authenticate(FALSE[false])

    assert refused.value.body() == AuthenticationFailed().body()
    assert refused.value.status == 401
    assert not refused.value.headers


def test_who_sends_no_key_is_told_how() -> None:
    with pytest.raises(AuthenticationFailed, match=r"No API key was sent.*Authorization: Bearer sk-gw-"):
        keyring(KEY).authenticate("")


def test_refusals_are_counted_and_questions_are_not() -> None:
    ring = keyring(KEY)
    for false in ("", "sk-gw-x-y", "whatever"):
        assert not ring.is_guest(false)
        with pytest.raises(AuthenticationFailed):
            ring.authenticate(false)
        with pytest.raises(AuthenticationFailed):
            ring.require_admin(false)
    ring.authenticate(SECRET)
    with pytest.raises(PermissionRefused):
        ring.require_admin(SECRET)

    assert ring.refused == 6


@pytest.mark.parametrize("false", FALSE)
def test_a_credential_is_compared_in_constant_time_found_or_not(false: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    compare = hmac.compare_digest

    def watched(presented: bytes, kept: bytes) -> bool:
        compared.append((presented, kept))
        return compare(presented, kept)

    ring = keyring(KEY)
    monkeypatch.setattr(keys.hmac, "compare_digest", watched)
    with pytest.raises(AuthenticationFailed):
        ring.authenticate(FALSE[false])

    assert len(compared) in (2, 4), "as often for an unknown id as for a wrong secret"
    assert {len(presented) for presented, _ in compared} == {32}
    assert {len(kept) for _, kept in compared} == {32}


def test_a_revoked_key_is_unknown() -> None:
    ring = keyring(KEY)
    assert ring.authenticate(SECRET) is KEY

    ring.replace([], admin=digest(ADMIN), ever=True)

    with pytest.raises(AuthenticationFailed):
        ring.authenticate(SECRET)


def test_guests_are_welcome_while_no_key_was_ever_made() -> None:
    ring = keyring(anonymous=True, ever=False)

    assert ring.open_to_guests
    assert ring.authenticate("").id == "anonymous"
    assert ring.authenticate("whatever an SDK insists on").id == "anonymous"


def test_who_claims_a_key_is_no_guest() -> None:
    with pytest.raises(AuthenticationFailed):
        keyring(anonymous=True, ever=False).authenticate(SECRET)


def test_guests_go_for_good_with_the_first_key_even_when_it_is_revoked() -> None:
    ring = keyring(anonymous=True, ever=False)

    ring.replace([KEY], admin=digest(ADMIN), ever=True)
    ring.replace([], admin=digest(ADMIN), ever=True)
    ring.replace([], admin=digest(ADMIN), ever=False)

    assert not ring.open_to_guests
    with pytest.raises(AuthenticationFailed):
        ring.authenticate("")


def test_guests_are_not_welcome_where_the_gateway_listens_to_the_world() -> None:
    with pytest.raises(AuthenticationFailed):
        keyring(anonymous=False, ever=False).authenticate("")


def test_the_admin_key_is_a_callers_key_too() -> None:
    assert keyring(KEY).authenticate(ADMIN).id == "admin"


def test_admin_rights_are_the_admin_keys_alone() -> None:
    ring = keyring(KEY)

    ring.require_admin(ADMIN)
    with pytest.raises(PermissionRefused, match="admin key"):
        ring.require_admin(SECRET)
    for stranger in FALSE.values():
        with pytest.raises(AuthenticationFailed):
            ring.require_admin(stranger)


def test_a_guest_is_no_admin() -> None:
    with pytest.raises(PermissionRefused):
        keyring(anonymous=True, ever=False).require_admin("")


@pytest.mark.parametrize(
    ("models", "model", "permitted"),
    [
        ((), "anything", True),
        (("gpt-4o",), "gpt-4o", True),
        (("gpt-4o",), "gpt-4o-mini", False),
        (("openai/*",), "openai/gpt-4o", True),
        (("openai/*",), "gpt-4o", False),
        (("openai/*",), "OpenAI/gpt-4o", False),
        (("a", "b?"), "bc", True),
    ],
)
def test_a_key_may_use_its_models_only(models: tuple[str, ...], model: str, permitted: bool) -> None:
    key = Key("id", digest("x"), models=models)

    if permitted:
        key.permit(model)
    else:
        with pytest.raises(PermissionRefused) as refused:
            key.permit(model)
        assert (refused.value.status, refused.value.param, refused.value.code) == (403, "model", "model_not_allowed")


def test_a_secret_is_long_and_fresh_and_names_its_id() -> None:
    first, second = new_secret(new_public_id()), new_secret(new_public_id())

    assert first != second
    assert first.startswith("sk-gw-")
    assert len(first.rpartition("-")[2]) == 48


def test_a_keys_repr_does_not_show_its_hash() -> None:
    assert digest(SECRET).hex() not in repr(KEY)
    assert "digest" not in repr(KEY)


@pytest.mark.parametrize("anonymous", [False, True])
def test_nothing_is_nobodys_key(anonymous: bool) -> None:
    """Even where an empty admin key or an empty secret was stored."""
    ring = Keyring(anonymous=anonymous)
    ring.replace([Key("", digest(""))], admin=digest(""), ever=not anonymous)

    with pytest.raises(AuthenticationFailed if not anonymous else PermissionRefused):
        ring.require_admin("")
    if anonymous:
        assert ring.authenticate("").id == keys.ANONYMOUS
    else:
        with pytest.raises(AuthenticationFailed):
            ring.authenticate("")
