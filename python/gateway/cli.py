"""The command line: `gateway serve`, `check`, `keys` and `version`."""

from __future__ import annotations

import os
import typing
from datetime import UTC, datetime
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.app import App
    from gateway.config.keystore import KeyStore
    from gateway.config.schema import Config

cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
keys_cli = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys that callers use.")
cli.add_typer(keys_cli, name="keys")

ConfigFile = Annotated[Path | None, typer.Option("--config", "-c", help="A YAML file; none is a working set-up too.")]


@cli.command()
def serve(
    config: ConfigFile = None,
    host: Annotated[str | None, typer.Option(help="The address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="The port to listen on; 0 takes a free one.")] = None,
) -> None:
    """Start the gateway."""
    settings = _load(config)
    chosen = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = settings.model_copy(update={"server": settings.server.model_copy(update=chosen)})

    import uvloop

    from gateway.app import App
    from gateway.config import logs
    from gateway.config.datadir import DataDirUnusable, data_dir

    logs.configure()

    async def run() -> None:
        app = App(settings, data_dir(settings, os.environ), os.environ)
        await app.run(lambda host, port: _greet(app, host, port))

    try:
        uvloop.run(run())
    except (DataDirUnusable, OSError) as error:
        _fail(str(error))


@cli.command()
def check(config: ConfigFile = None) -> None:
    """Say all that is wrong with the configuration at once."""
    settings = _load(config)
    from gateway.config.providers import providers

    names = ", ".join(provider.name for provider in providers(settings, os.environ))
    typer.echo(f"The configuration is valid. Providers: {names}.")


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("llm-gateway"))


@keys_cli.command("create")
def create_key(
    config: ConfigFile = None,
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    tenant: Annotated[
        str, typer.Option(help="The organisation it belongs to; caches are not shared between tenants.")
    ] = "default",
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model or pattern that it may use; repeat for more. All by default."),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, help="Requests per minute.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Requests at once.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the secret alone.")] = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    store = _key_store(config)
    key, secret = store.create(
        name=name, tenant=tenant, models=tuple(model or ()), requests_per_minute=rpm, concurrency=concurrency
    )
    typer.echo(secret if quiet else f"Key {key.id} (shown this once, stored as a hash):\n{secret}")


@keys_cli.command("list")
def list_keys(config: ConfigFile = None) -> None:
    """List the keys, without their secrets."""
    from rich.console import Console
    from rich.table import Table

    table = Table("id", "name", "tenant", "models", "rpm", "concurrency", "created", "revoked")
    for record in _key_store(config).records():
        key = record.key
        limits = (str(key.requests_per_minute or "-"), str(key.concurrency or "-"))
        times = (_moment(record.created_at), _moment(record.revoked_at))
        table.add_row(key.id, key.name or "-", key.tenant, ", ".join(key.models) or "all", *limits, *times)
    Console().print(table)


@keys_cli.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key's id, as `gateway keys list` shows it.")],
    config: ConfigFile = None,
) -> None:
    """End a key; running gateways follow within a second."""
    if not _key_store(config).revoke(key):
        _fail(f"There is no live key '{key}'. See gateway keys list.")
    typer.echo(f"Key {key} is revoked.")


def main() -> None:
    cli()


def _load(path: Path | None) -> Config:
    from gateway.config.load import ConfigError, load

    try:
        return load(path)
    except ConfigError as error:
        _fail("The configuration is not valid:\n" + "\n".join(f"  {problem}" for problem in error.problems))


def _key_store(config: Path | None) -> KeyStore:
    from gateway.config.datadir import DataDirUnusable, data_dir, open_keys

    try:
        return open_keys(data_dir(_load(config), os.environ))
    except (DataDirUnusable, OSError) as error:
        _fail(str(error))


def _greet(app: App, host: str, port: int) -> None:
    """Says what somebody needs for the first call."""
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    shown = address.replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1")  # noqa: S104
    models = app.first_models()
    typer.echo(f"llm-gateway {installed_version('llm-gateway')} listens on {address}")
    typer.echo(f"Providers: {', '.join(provider.name for provider in app.providers)}")
    typer.echo(f"Models:    {', '.join(models)}, … (GET /v1/models has them all)")
    if app.admin_key:
        typer.echo(f"Admin key: {app.admin_key}   (shown this once; GATEWAY_ADMIN_KEY sets your own)")
    if app.keyring.open_to_guests:
        typer.echo("Keys:      none yet, so calls from this machine need none; make one with: gateway keys create")
        authorization = ""
    else:
        authorization = f" \\\n  -H 'Authorization: Bearer {app.admin_key or '$GATEWAY_KEY'}'"
        authorization = authorization.replace("'", '"')
    typer.echo(f"""
Try it:
curl {shown}/v1/chat/completions{authorization} \\
  -H 'Content-Type: application/json' \\
  -d '{{"model": "{models[0]}", "messages": [{{"role": "user", "content": "Say hello"}}]}}'
""")


def _moment(seconds: int | None) -> str:
    return "-" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def _fail(message: str) -> typing.NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
