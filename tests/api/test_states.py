"""The table of a connection's states."""

from __future__ import annotations

from gateway.api.request import ServerOptions
from gateway.api.states import ANSWER, CLOSED, MOVES, State, patience


def test_every_state_has_its_row() -> None:
    assert set(MOVES) == set(State)


def test_every_state_can_be_reached_and_closed() -> None:
    assert set().union(*MOVES.values()) | {State.FIRST} == set(State)
    assert all(CLOSED in moves for state, moves in MOVES.items() if state is not CLOSED)
    assert not MOVES[CLOSED]


def test_everything_that_a_client_is_waited_for_has_a_bound() -> None:
    bounds = patience(ServerOptions())

    assert set(bounds) == set(State) - {ANSWER, CLOSED}
    assert all(seconds > 0 for seconds in bounds.values())
