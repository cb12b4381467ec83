"""The command line: `gateway serve`, `check`, `health`, `keys`, `admin-key` and `version`."""

from __future__ import annotations

import os
import sys
import time
import typing
from collections.abc import Mapping, Sequence
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from gateway.config.schema import Config
    from gateway.control.keystore import KeyStore

HEALTH_TIMEOUT_SECONDS = 2.0

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help=__doc__,
    context_settings={"help_option_names": ["-h", "--help"]},
)
keys_cli = typer.Typer(no_args_is_help=True, help="Make, list and revoke the keys that callers use.")
admin_cli = typer.Typer(no_args_is_help=True, help="The key for /admin.")
cli.add_typer(keys_cli, name="keys")
cli.add_typer(admin_cli, name="admin-key")


def _named(value: typing.Any) -> typing.Any:
    """Refuses names that could not be shown, logged or sent."""
    from gateway.config.values import model_name

    for name in value if isinstance(value, list) else [value] if value else []:
        try:
            model_name(name)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from None
    return value


ConfigFile = Annotated[
    Path | None, typer.Option("--config", "-c", envvar="GATEWAY_CONFIG", help="A YAML file with settings; optional.")
]
Host = Annotated[str | None, typer.Option(help="The address to listen on; also GATEWAY_HOST.")]
Port = Annotated[
    str | None, typer.Option(help="The port to listen on, 0 for a free one; also GATEWAY_PORT.", metavar="PORT")
]
LogLevel = Annotated[
    str | None, typer.Option(help="debug, info, warning or error; also GATEWAY_LOG_LEVEL.", metavar="LEVEL")
]
AccessLog = Annotated[
    bool | None, typer.Option("--access-log/--no-access-log", help="A JSON line on standard output for each request.")
]


@cli.command()
def serve(
    config: ConfigFile = None,
    host: Host = None,
    port: Port = None,
    log_level: LogLevel = None,
    access_log: AccessLog = None,
) -> None:
    """Start the gateway. Flags win over the environment, and the environment over the file."""
    flags = {"--host": host, "--port": port, "--log-level": log_level, "--access-log": access_log}
    settings = _load(config, flags)

    from gateway.config.datadir import DataDirUnusable, data_dir
    from gateway.start import start

    try:
        start(settings, data_dir(settings, os.environ))
    except (DataDirUnusable, OSError) as error:
        _fail(str(error))


@cli.command()
def check(config: ConfigFile = None, host: Host = None, port: Port = None, log_level: LogLevel = None) -> None:
    """Say all that is wrong with the configuration at once, environment and flags included."""
    settings = _load(config, {"--host": host, "--port": port, "--log-level": log_level})
    from gateway.config.checks import notices
    from gateway.config.datadir import data_dir
    from gateway.config.providers import providers

    names = ", ".join(provider.name for provider in providers(settings, os.environ))
    typer.echo(f"The configuration is valid. Providers: {names}. Data directory: {data_dir(settings, os.environ)}")
    for notice in notices(settings, os.environ):
        typer.echo(f"Note: {notice}")


@cli.command()
def health(config: ConfigFile = None, host: Host = None, port: Port = None) -> None:
    """Ask the gateway that runs on this data directory, or at this address, whether it is alive; the exit status tells."""
    from http.client import HTTPConnection, HTTPException
    from urllib.parse import urlsplit

    from gateway.config.datadir import data_dir, kept_address

    settings = _load(config, {"--host": host, "--port": port}, tool=True)
    kept = None if host or port else kept_address(data_dir(settings, os.environ))
    parts = urlsplit(kept or f"//{settings.server.host}:{settings.server.port}")
    asked = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(parts.hostname or "", parts.hostname or "")  # noqa: S104
    try:
        connection = HTTPConnection(asked, parts.port, timeout=HEALTH_TIMEOUT_SECONDS)
        connection.request("GET", "/health/live")
        status = connection.getresponse().status
    except (OSError, HTTPException) as error:
        _fail(f"{asked}:{parts.port} does not answer: {error}")
    if status != 200:
        _fail(f"{asked}:{parts.port} answers with status {status}.")
    typer.echo("alive")


@cli.command()
def version() -> None:
    """Print the version."""
    typer.echo(installed_version("llm-gateway"))


def _version(wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@cli.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """What goes before every command."""


@keys_cli.command("create")
def create_key(
    config: ConfigFile = None,
    name: Annotated[str, typer.Option(help="What the key is for.", callback=_named)] = "",
    tenant: Annotated[
        str,
        typer.Option(help="The organisation it belongs to; tenants do not share cached answers.", callback=_named),
    ] = "default",
    model: Annotated[
        list[str] | None,
        typer.Option(help="A model or pattern that it may use; repeat for more. All by default.", callback=_named),
    ] = None,
    rpm: Annotated[int | None, typer.Option(min=1, max=1_000_000_000, help="Requests per minute.")] = None,
    concurrency: Annotated[int | None, typer.Option(min=1, max=1_000_000_000, help="Requests at once.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the secret alone.")] = False,
) -> None:
    """Make a key. Its secret is shown this once."""
    from gateway.config.datadir import ever_used

    folder, store = _key_store(_load(config, {}, tool=True))
    if not ever_used(folder):
        typer.echo(
            f"No gateway has run in {folder} yet. If yours keeps its data elsewhere, set GATEWAY_DATA_DIR.", err=True
        )
    key, secret = store.create(
        name=name, tenant=tenant, models=tuple(model or ()), requests_per_minute=rpm, concurrency=concurrency
    )
    _tell_the_gateway(folder)
    typer.echo(secret if quiet else f"Key {key.id} (shown this once, stored as a hash in {folder}):\n{secret}")


@keys_cli.command("list")
def list_keys(
    config: ConfigFile = None, json: Annotated[bool, typer.Option("--json", help="Print a JSON array.")] = False
) -> None:
    """List the keys, without their secrets."""
    from gateway.control.key_table import cells, described

    folder, store = _key_store(_load(config, {}, tool=True))
    rows = [described(record) for record in store.records()]
    if json:
        import orjson

        typer.echo(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
    elif rows:
        _print_table([cells(row) for row in rows])
        typer.echo(f"In {folder}", err=True)
    else:
        typer.echo(f"There are no keys in {folder}.", err=True)


@keys_cli.command("revoke")
def revoke_key(
    key: Annotated[str, typer.Argument(help="The key, or its id as `gateway keys list` shows it.")],
    config: ConfigFile = None,
) -> None:
    """End a key, in running gateways too."""
    from gateway.policy.keys import public_id

    folder, store = _key_store(_load(config, {}, tool=True))
    id = public_id(key)
    if not store.revoke(id):
        _fail(f"There is no live key '{id}' in {folder}. See gateway keys list.")
    _tell_the_gateway(folder)
    typer.echo(f"Key {id} is revoked.")


@admin_cli.command("reset")
def reset_admin_key(
    config: ConfigFile = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the key alone.")] = False,
) -> None:
    """Replace the admin key that the gateway made. The new one is shown this once."""
    from gateway.policy.keys import digest, new_admin_secret

    settings = _load(config, {}, tool=True)
    if settings.admin_key is not None:
        _fail("The admin key is set by GATEWAY_ADMIN_KEY or in the configuration file. Change it there.")
    folder, store = _key_store(settings)
    fresh = new_admin_secret()
    store.keep_secret("admin", digest(fresh))
    _tell_the_gateway(folder)
    typer.echo(fresh if quiet else f"Admin key (shown this once, stored as a hash in {folder}):\n{fresh}")


def main() -> None:
    cli()


def _load(path: Path | None, flags: Mapping[str, object], *, tool: bool = False) -> Config:
    from gateway.config.load import load, load_for_tools
    from gateway.config.problem import ConfigError

    try:
        return (load_for_tools if tool else load)(path, os.environ, flags)
    except ConfigError as error:
        _fail("The configuration is not valid:\n" + "\n".join(f"  {problem}" for problem in error.problems))


def _key_store(config: Config) -> tuple[Path, KeyStore]:
    """The data directory that a gateway with these settings uses, and its keys."""
    from gateway.config.datadir import DataDirUnusable, data_dir
    from gateway.control.keystore import open_keys

    try:
        folder = data_dir(config, os.environ).absolute()
        return folder, open_keys(folder, wall=time.time)
    except (DataDirUnusable, OSError, RuntimeError) as error:
        _fail(str(error))


def _print_table(rows: Sequence[Mapping[str, str]]) -> None:
    """A table as wide as the terminal, ids whole; elsewhere plain columns, nothing cut."""
    if not sys.stdout.isatty():
        from gateway.control.key_table import plain

        for line in plain(rows):
            typer.echo(line)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table()
    for name in rows[0]:
        table.add_column(name, no_wrap=name == "id", min_width=12 if name == "id" else None, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row.values()))
    Console().print(table)


def _tell_the_gateway(folder: Path) -> None:
    """Has a gateway that runs on a data directory take up its keys before this command returns."""
    from gateway.control.notice import keys_changed

    keys_changed(folder)


def _fail(message: str) -> typing.NoReturn:
    typer.echo(message, err=True)
    raise typer.Exit(1)
