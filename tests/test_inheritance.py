from __future__ import annotations

from gateway.inheritance import Inheritance


def test_an_inheritance_survives_the_command_line() -> None:
    given = Inheritance(
        "/var/lib/a gateway", "http://127.0.0.1:4000", patience=50, listener=3, control=4, config=5, lock=6, lifeline=7
    )

    assert Inheritance.of(given.arguments()) == given
