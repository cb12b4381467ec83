"""What the Dockerfile says must hold for every way of starting the image."""

from __future__ import annotations

import json
import re
from pathlib import Path

from gateway.config.environment import VARIABLES
from gateway.config.load import load

DOCKERFILE = (Path(__file__).parents[2] / "Dockerfile").read_text()
ENVIRON = dict(re.findall(r"(GATEWAY_\w+)=(\S+)", DOCKERFILE))


def instruction(name: str) -> list[str]:
    """The words of the last CMD, ENTRYPOINT and the like."""
    words: list[str] = json.loads(re.findall(rf"{name} (\[.*\])", DOCKERFILE)[-1])
    return words


def test_it_listens_on_all_addresses_whatever_the_arguments_are(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("server: {port: 5000}\n")

    server = load(tmp_path / "x.yaml", {**ENVIRON, "GATEWAY_DATA_DIR": str(tmp_path)}).server

    assert (server.host, server.port) == ("0.0.0.0", 5000)
    assert instruction("ENTRYPOINT") + instruction("\nCMD") == ["gateway", "serve"]
    assert set(ENVIRON) <= set(VARIABLES)


def test_its_health_is_that_of_the_gateway_wherever_it_listens() -> None:
    assert instruction(r"HEALTHCHECK .*CMD") == ["gateway", "health"]
