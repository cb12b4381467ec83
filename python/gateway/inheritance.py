"""What the supervisor hands its children on their command lines: open file descriptors, and what goes with them."""

from __future__ import annotations

from dataclasses import dataclass

MARK = {"gateway-process": "1"}
"""The header by which the controller knows the gateway's own processes; what clients send under this name is not forwarded."""

NAME = "gateway-worker"
"""The header by which a worker says who it is."""

UNUSABLE = 78
"""The exit status of a child whose next start would fail too: EX_CONFIG of sysexits.h."""


@dataclass(frozen=True, slots=True)
class Inheritance:
    """A deployment's directory and descriptors."""

    data_dir: str
    address: str
    """Where clients find the gateway, for the greeting."""
    patience: int
    """Seconds that the children may take to end, before they are made to."""
    listener: int
    """The socket on which clients connect."""
    control: int
    """The socket on which workers reach the controller."""
    config: int
    """A file in memory with the configuration, after every override."""
    lock: int
    """The claim on the data directory."""
    lifeline: int = -1
    """The reading end of a pipe whose other end the supervisor alone holds: at its end, the supervisor is gone."""

    @classmethod
    def of(cls, arguments: list[str]) -> Inheritance:
        """What `arguments` wrote."""
        data_dir, address, *numbers = arguments
        return cls(data_dir, address, *map(int, numbers))

    def arguments(self) -> list[str]:
        """The same as a command line."""
        numbers = (self.patience, self.listener, self.control, self.config, self.lock, self.lifeline)
        return [self.data_dir, self.address, *map(str, numbers)]
