from __future__ import annotations

from pathlib import Path

from pydantic import SecretStr

from gateway.config import handover
from gateway.config.schema import Config, ProviderConfig, ServerConfig


def test_a_configuration_survives_with_its_secrets_and_paths() -> None:
    config = Config(
        server=ServerConfig(port=4711),
        data_dir=Path("/somewhere"),
        admin_key=SecretStr("an-admin-key-of-some-length"),
        providers={"local": ProviderConfig(base_url="http://127.0.0.1:1/v1", api_key=SecretStr("sk-secret"))},
    )

    assert handover.load(handover.dump(config)) == config
