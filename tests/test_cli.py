"""The command line, as a newcomer types it."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

import httpx2 as httpx
import orjson
import pytest

from tests.end_to_end.gateway import Gateway

HEAVY = ("aiohttp", "pydantic", "genai_prices", "gateway.native", "yaml", "uvloop", "rich.table", "numpy")


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Without providers, and with a data directory of its own."""
    named = ("_API_KEY", "_BASE_URL")
    kept = {name: value for name, value in os.environ.items() if not name.endswith(named) and "GATEWAY" not in name}
    return {**kept, "GATEWAY_DATA_DIR": str(tmp_path / "data"), "COLUMNS": "200"}


@pytest.fixture
def run(environ: dict[str, str], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def call(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "gateway", *arguments]
        return subprocess.run(
            command, env={**environ, **more}, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False
        )

    return call


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    """Starts gateways that have no provider but the demo, each on the same data directory."""
    started: list[Gateway] = []

    def start(**environ: str) -> Gateway:
        gateway = Gateway(tmp_path / "data", environ)
        if "GATEWAY_ADMIN_KEY" not in environ:
            del gateway.environ["GATEWAY_ADMIN_KEY"]
        started.append(gateway)
        gateway.start()
        return gateway

    yield start
    for gateway in started:
        gateway.stop()


def pasted(greeting: str) -> str:
    """The curl line of the greeting, as somebody copies it."""
    found = re.search(r"Try it:\n(curl .*?)\n\n", greeting, re.DOTALL)
    assert found
    return found[1]


def in_a_shell(line: str, **environ: str) -> dict[str, object]:
    assert shutil.which("curl"), "curl is part of every machine that this is developed on"
    done = subprocess.run(
        ["sh", "-c", line + " --silent --show-error"],
        env={**os.environ, **environ},
        capture_output=True,
        timeout=30,
        check=True,
    )
    return dict(orjson.loads(done.stdout))


def test_the_curl_line_of_the_greeting_works_as_pasted(demo: Callable[..., Gateway]) -> None:
    gateway = demo()

    answer = in_a_shell(pasted(gateway.output))

    assert answer["object"] == "chat.completion"
    assert "Providers: demo" in gateway.output
    assert "Models:    demo" in gateway.output


def test_the_curl_line_works_once_there_are_keys_too(demo: Callable[..., Gateway]) -> None:
    first = demo()
    secret = first.create_key()
    first.stop()

    line = pasted(demo().output)

    assert "$GATEWAY_KEY" in line
    assert in_a_shell(line, GATEWAY_KEY=secret)["object"] == "chat.completion"
    assert "error" in in_a_shell(line, GATEWAY_KEY="sk-gw-wrong")


def test_an_admin_key_is_made_and_shown_once(demo: Callable[..., Gateway]) -> None:
    first = demo()
    (admin,) = re.findall(r"Admin key: (\S+)", first.output)
    first.stop()
    second = demo()

    headers = {"authorization": f"Bearer {admin}"}
    costs = httpx.get(f"{second.url}/admin/analytics/costs", headers=headers)

    assert costs.status_code == 200
    assert "Admin key" not in second.output
    assert admin not in second.output


def test_an_admin_key_of_ones_own_is_not_shown(demo: Callable[..., Gateway]) -> None:
    gateway = demo(GATEWAY_ADMIN_KEY="my own admin key")

    assert "my own admin key" not in gateway.log()
    assert "Admin key" not in gateway.log()


def test_create_quietly_prints_the_secret_alone(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("keys", "create", "--quiet")

    assert re.fullmatch(r"sk-gw-[0-9a-f]{12}-[0-9a-f]{48}\n", done.stdout)
    assert (done.returncode, done.stderr) == (0, "")


def test_keys_are_made_listed_and_revoked(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    created = run("keys", "create", "--name", "team", "--tenant", "acme", "--model", "openai/*", "--rpm", "60")
    (secret,) = re.findall(r"sk-gw-\S+", created.stdout)
    public_id = secret.split("-")[2]

    listed = run("keys", "list").stdout
    revoked = run("keys", "revoke", public_id)
    afterwards = run("keys", "list").stdout

    assert f"Key {public_id} (shown this once" in created.stdout
    (line,) = [line for line in listed.splitlines() if public_id in line]
    for shown in ("team", "acme", "openai/*", "60"):
        assert shown in line
    assert (revoked.returncode, revoked.stdout) == (0, f"Key {public_id} is revoked.\n")
    (line,) = [line for line in afterwards.splitlines() if public_id in line]
    assert re.search(r"\d\d:\d\d.*\d{4}-\d\d-\d\d \d\d:\d\d", line), "created and revoked"
    assert secret.rpartition("-")[2] not in listed + revoked.stdout + afterwards


def test_a_running_gateway_follows_keys(demo: Callable[..., Gateway]) -> None:
    gateway = demo()
    secret = gateway.create_key()

    def status(key: str) -> int:
        return httpx.get(f"{gateway.url}/v1/models", headers={"authorization": f"Bearer {key}"}).status_code

    assert status(secret) == 200
    gateway.cli("keys", "revoke", secret.split("-")[2])
    while status(secret) == 200:
        pass
    assert (status(secret), status("none")) == (401, 401), "guests do not come back"


def test_revoking_what_is_not_there_is_an_error(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("keys", "revoke", "nobody")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "There is no live key 'nobody'. See gateway keys list.\n"


def test_check_says_who_there_is(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("providers: {mine: {base_url: 'https://h/v1'}}\n")

    assert run("check").stdout == "The configuration is valid. Providers: demo.\n"
    assert run("check", "--config", "my.yaml").stdout == "The configuration is valid. Providers: mine.\n"
    assert run("check", XAI_API_KEY="x").stdout == "The configuration is valid. Providers: xai.\n"


COMMANDS = [["check"], ["serve"], ["keys", "list"], ["keys", "create"], ["keys", "revoke", "x"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_a_wrong_configuration_is_told_on_standard_error(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "my.yaml").write_text("sever: {}\nauth: {anonymous: 5}\n")

    done = run(*command, "--config", "my.yaml")

    assert (done.returncode, done.stdout) == (1, "")
    heading, *problems = done.stderr.splitlines()
    assert heading == "The configuration is not valid:"
    assert "  sever: unknown key; did you mean 'server'?" in problems
    assert len(problems) == 2


def test_a_port_that_is_taken_is_a_clear_message(
    demo: Callable[..., Gateway], run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    port = demo().url.rpartition(":")[2]

    done = run("serve", "--port", port, GATEWAY_DATA_DIR=str(tmp_path / "another"))

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert port in done.stderr
    assert "in use" in done.stderr


@pytest.mark.parametrize("command", [["serve", "--port", "0"], ["keys", "list"]], ids=" ".join)
def test_a_data_directory_that_cannot_be_made_is_a_clear_message(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, command: list[str]
) -> None:
    (tmp_path / "file").write_text("in the way")

    done = run(*command, GATEWAY_DATA_DIR=str(tmp_path / "file" / "data"))

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "file" in done.stderr


def test_version(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    assert run("version").stdout == version("llm-gateway") + "\n"


def test_no_command_is_help(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run()

    assert "serve" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    script = f"import sys, gateway.cli; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n", shlex.join(done.args)
