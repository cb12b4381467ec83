"""The command line, as a newcomer types it."""

from __future__ import annotations

import contextlib
import os
import pty
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
    assert done.returncode == 0


def test_a_key_for_a_directory_that_no_gateway_has_used_comes_with_a_hint(
    demo: Callable[..., Gateway], run: Callable[..., subprocess.CompletedProcess[str]], environ: dict[str, str]
) -> None:
    early = run("keys", "create", "--quiet")
    demo().stop()
    late = run("keys", "create", "--quiet")

    hint = f"No gateway has run in {environ['GATEWAY_DATA_DIR']} yet. If yours keeps its data elsewhere, set GATEWAY_DATA_DIR.\n"
    assert [(done.returncode, done.stdout[:6], done.stderr) for done in (early, late)] == [
        (0, "sk-gw-", hint),
        (0, "sk-gw-", ""),
    ]


def test_the_log_has_a_line_for_the_start_and_one_for_the_stop(demo: Callable[..., Gateway]) -> None:
    gateway = demo()
    gateway.stop()

    lines = [orjson.loads(line) for line in gateway.log().splitlines() if line.startswith('{"at"')]
    (start,) = [line["message"] for line in lines if "serves on" in line["message"]]
    assert start == (
        f"llm-gateway {version('llm-gateway')} serves on {gateway.url}, data directory {gateway.data_dir}, providers demo"
    )
    assert [line["message"] for line in lines].count("stopped") == 1
    assert lines[-1]["message"] == "stopped"


def test_keys_are_made_listed_and_revoked(
    run: Callable[..., subprocess.CompletedProcess[str]], environ: dict[str, str]
) -> None:
    created = run("keys", "create", "--name", "team", "--tenant", "acme", "--model", "openai/*", "--rpm", "60")
    (secret,) = re.findall(r"sk-gw-\S+", created.stdout)
    public_id = secret.split("-")[2]

    listed = run("keys", "list").stdout
    revoked = run("keys", "revoke", public_id)
    afterwards = run("keys", "list").stdout

    assert f"Key {public_id} (shown this once, stored as a hash in {environ['GATEWAY_DATA_DIR']})" in created.stdout
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


def test_revoking_what_is_not_there_is_an_error(
    run: Callable[..., subprocess.CompletedProcess[str]], environ: dict[str, str]
) -> None:
    done = run("keys", "revoke", "nobody")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"There is no live key 'nobody' in {environ['GATEWAY_DATA_DIR']}. See gateway keys list.\n"


def test_check_says_who_there_is(run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path) -> None:
    (tmp_path / "my.yaml").write_text("providers: {mine: {base_url: 'https://h/v1'}}\n")

    data = f"Data directory: {tmp_path / 'data'}\n"

    assert run("check").stdout.startswith(f"The configuration is valid. Providers: demo. {data}Note: ")
    assert run("check", "--config", "my.yaml").stdout == f"The configuration is valid. Providers: mine. {data}"
    assert run("check", GATEWAY_CONFIG="my.yaml").stdout == f"The configuration is valid. Providers: mine. {data}"
    assert run("check", XAI_API_KEY="x").stdout == f"The configuration is valid. Providers: xai. {data}"
    assert "ANTHROPIC_API_KEY is set, but" in run("check", ANTHROPIC_API_KEY="x").stdout


@pytest.mark.parametrize("command", ["check", "serve"])
def test_everything_that_can_be_known_at_start_is_said_at_start(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, command: str
) -> None:
    """File, environment and flags together, by `serve` as by `check`."""
    (tmp_path / "my.yaml").write_text(
        "admin_key: ${NOBODY_SET_THIS:-}\nsecret: os.environ/A-B\nmodels: {fast: groq/llama}\n"
        "providers: {mine: {base_url: 'host/v1'}}\ncache: {exact: {ttl: .inf, capacity: 1}}\n"
    )
    environ = {"OPENAI_API_KEY": "kéy", "OLLAMA_BASE_URL": "http://bad..host", "GATEWAY_LOG_LEVEL": "loud"}
    (tmp_path / "file").write_text("")

    done = run(
        command,
        "-c",
        "my.yaml",
        "--port",
        "99999",
        "--host",
        "http://h",
        **environ,
        GATEWAY_DATA_DIR=str(tmp_path / "file"),
    )

    assert (done.returncode, done.stdout) == (1, "")
    heading, *problems = done.stderr.splitlines()
    assert heading == "The configuration is not valid:"
    assert sorted(problem.strip().partition(":")[0] for problem in problems) == [
        "OLLAMA_BASE_URL",
        "OPENAI_API_KEY",
        "admin_key",
        "cache.exact.capacity",
        "cache.exact.ttl",
        "data_dir",
        "log.level (from GATEWAY_LOG_LEVEL)",
        "models.fast",
        "providers.mine.base_url",
        "secret",
        "server.host (from --host)",
        "server.port (from --port)",
    ]


@pytest.mark.parametrize("command", ["check", "serve"])
def test_the_gateways_own_address_is_refused_after_all_overrides(
    run: Callable[..., subprocess.CompletedProcess[str]], command: str
) -> None:
    own = {"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://localhost:4567/v1"}

    done = run(command, "--port", "4567", "--host", "0.0.0.0", **own)

    assert done.returncode == 1
    assert "OPENAI_BASE_URL: this is the gateway itself" in done.stderr


@pytest.mark.parametrize(
    "text", ["secret: ''", "cache: {exact: {capacity: 1}}", "[" * 100_000, "a: &a [*a]", "a: !!int x"]
)
def test_nothing_in_a_file_is_a_traceback(
    run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path, text: str
) -> None:
    (tmp_path / "my.yaml").write_text(text)

    done = run("serve", "--config", "my.yaml", "--port", "0")

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert done.stderr.startswith("The configuration is not valid:\n")


@pytest.mark.parametrize("variable", ["GATEWAY_ADMIN_KEY", "GATEWAY_SECRET"])
def test_a_short_secret_is_refused(run: Callable[..., subprocess.CompletedProcess[str]], variable: str) -> None:
    done = run("serve", "--port", "0", **{variable: "hunter2"})

    assert done.returncode == 1
    assert f"(from {variable}): must have 16 to 1024 characters" in done.stderr
    assert "hunter2" not in done.stderr


def test_health_asks_the_port_that_the_gateway_took(
    demo: Callable[..., Gateway], run: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    gateway = demo()
    port = gateway.url.rpartition(":")[2]

    found = [run("health"), run("health", "--port", port, GATEWAY_HOST="0.0.0.0")]
    elsewhere = run("health", GATEWAY_PORT=port, GATEWAY_DATA_DIR=str(tmp_path / "never used"))
    gateway.stop()
    gone = run("health")

    assert [(alive.returncode, alive.stdout) for alive in [*found, elsewhere]] == [(0, "alive\n")] * 3
    assert (gone.returncode, gone.stdout) == (1, "")
    assert f"127.0.0.1:{port} does not answer" in gone.stderr


def test_a_fresh_admin_key_can_be_had(
    demo: Callable[..., Gateway], run: Callable[..., subprocess.CompletedProcess[str]], environ: dict[str, str]
) -> None:
    first = demo()
    (lost,) = re.findall(r"Admin key: (\S+)", first.output)
    first.stop()

    done = run("admin-key", "reset")
    fresh = done.stdout.splitlines()[1]
    second = demo()

    assert environ["GATEWAY_DATA_DIR"] in done.stdout
    costs = f"{second.url}/admin/analytics/costs"
    assert httpx.get(costs, headers={"authorization": f"Bearer {fresh}"}).status_code == 200
    assert httpx.get(costs, headers={"authorization": f"Bearer {lost}"}).status_code == 401
    assert run("admin-key", "reset", "--quiet").stdout.startswith("sk-gw-admin-")


def test_an_admin_key_of_ones_own_is_not_reset(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("admin-key", "reset", GATEWAY_ADMIN_KEY="a key of one's own")

    assert (done.returncode, done.stdout) == (1, "")
    assert "Change it there" in done.stderr


def test_keys_are_listed_for_programs(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    run("keys", "create", "--name", "a very long name" * 8, "--model", "openai/*", "--model", "x", "--rpm", "5")

    plain, as_json = run("keys", "list", COLUMNS="20"), run("keys", "list", "--json")

    (key,) = orjson.loads(as_json.stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", key["created"])
    assert (key["models"], key["rpm"], key["concurrency"], key["revoked"]) == (["openai/*", "x"], 5, None, None)
    heading, line = plain.stdout.splitlines()
    assert heading.startswith("id ")
    assert line.startswith(f"{key['id']}  a very long name")
    assert "openai/*, x" in line


def test_ids_are_whole_on_a_narrow_terminal(
    run: Callable[..., subprocess.CompletedProcess[str]], environ: dict[str, str], tmp_path: Path
) -> None:
    run("keys", "create", "--name", "a name of some length", "--model", "openai/gpt-4o-mini", "--rpm", "60")
    public_id = orjson.loads(run("keys", "list", "--json").stdout)[0]["id"]
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "gateway", "keys", "list"]

    subprocess.run(command, env={**environ, "COLUMNS": "80"}, stdout=follower, stderr=follower, timeout=60, check=True)
    os.close(follower)
    shown = b""
    with contextlib.suppress(OSError):
        while read := os.read(leader, 65536):
            shown += read
    os.close(leader)

    assert public_id.encode() in shown


def test_the_data_directory_is_always_named(
    run: Callable[..., subprocess.CompletedProcess[str]], environ: dict[str, str]
) -> None:
    folder = environ["GATEWAY_DATA_DIR"]

    assert folder in run("keys", "list").stderr
    assert folder in run("keys", "create").stdout
    assert folder in run("keys", "list").stderr


@pytest.mark.parametrize(
    "option", [["--name", "a\nb"], ["--tenant", "x" * 300], ["--model", "\x1b"], ["--rpm", str(1 << 63)]]
)
def test_a_key_takes_no_names_that_cannot_be_shown(
    run: Callable[..., subprocess.CompletedProcess[str]], option: list[str]
) -> None:
    done = run("keys", "create", *option)

    assert (done.returncode, done.stdout, "Traceback" in done.stderr) == (2, "", False)


def test_the_demo_answers_as_any_known_provider(demo: Callable[..., Gateway]) -> None:
    gateway = demo(ANTHROPIC_API_KEY="k")

    for model in ("demo", "gpt-4o-mini", "openai/gpt-4o", "anthropic/claude-sonnet-4-5"):
        call = {"model": model, "messages": [{"role": "user", "content": "Hi"}]}
        answer = httpx.post(f"{gateway.url}/v1/chat/completions", json=call)
        assert (answer.status_code, answer.headers["x-gateway-provider"]) == (200, "demo"), model
    unknown = {"model": "nobody/gpt-4o", "messages": [{"role": "user", "content": "Hi"}]}
    assert httpx.post(f"{gateway.url}/v1/chat/completions", json=unknown).status_code == 404
    assert "the built-in demo answers for every known model" in gateway.output
    assert "ANTHROPIC_API_KEY is set, but" in gateway.output


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
    assert run("version").stdout == run("--version").stdout == version("llm-gateway") + "\n"


@pytest.mark.parametrize("command", [[], ["serve"], ["keys"], ["keys", "create"]], ids=" ".join)
def test_help_has_a_short_name(run: Callable[..., subprocess.CompletedProcess[str]], command: list[str]) -> None:
    short, long = run(*command, "-h"), run(*command, "--help")

    assert (short.returncode, short.stdout) == (0, long.stdout)
    assert "Usage:" in short.stdout


def test_a_flag_that_is_no_port_is_one_of_the_problems(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run("check", "--port", "x")

    assert (done.returncode, done.stderr.splitlines()[1:]) == (
        1,
        ["  server.port (from --port): must be a whole number"],
    )


def test_no_command_is_help(run: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    done = run()

    assert "serve" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_importing_the_command_line_imports_nothing_heavy() -> None:
    script = f"import sys, gateway.cli; print([name for name in {HEAVY} if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n", shlex.join(done.args)
