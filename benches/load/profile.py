"""Where the time of one case goes: a flame graph by py-spy, while wrk saturates the gateway.

python -m benches.load.profile miss [--seconds 10] [--server proxy] [--process gateway.control] [--native] [--raw]
"""

import argparse
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

from benches import machine
from benches.load.cases import CASES, PATH, Case, check
from benches.load.generator import BenchError, saturate
from benches.load.rig import Rig
from benches.load.server import Server


def profile(case: Case, server: Server, seconds: int, options: argparse.Namespace, core: int) -> Path:
    """Record `server` under `case`; folded stacks with `--raw`, a flame graph otherwise."""
    if not shutil.which("py-spy"):
        raise BenchError("py-spy is not installed: run `pip install py-spy`")
    machine.OUT.mkdir(exist_ok=True)
    file = machine.OUT / f"{options.server}_{case.name}.{'txt' if options.raw else 'svg'}"
    shape = ["--format", "raw" if options.raw else "flamegraph", "--output", str(file)]
    native = ["--native"] if options.native else []
    pid, *_ = [*server.pids(options.process), server.pid]
    recorded = ["--pid", str(pid), "--rate", "400", "--threads", *native]
    command = ["taskset", "-c", str(core), "py-spy", "record", *recorded]
    check(case, server)
    command += ["--duration", str(seconds), *shape]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as recorder:
        saturate(server.url + PATH, case.body, server.key, seconds + 1, core)
        _, said = recorder.communicate()
    if recorder.returncode:
        raise BenchError(f"py-spy: {said.decode()}")
    return file


def main() -> int:
    arguments = argparse.ArgumentParser(prog="python -m benches.load.profile", description=__doc__)
    arguments.add_argument("case", choices=[case.name for case in CASES])
    arguments.add_argument("--server", choices=["gateway", "handler", "proxy"], default="gateway")
    arguments.add_argument("--process", default="gateway.app", help="the gateway's module that is recorded")
    arguments.add_argument("--seconds", type=int, default=10)
    arguments.add_argument("--native", action="store_true", help="native frames too, the Rust core among them")
    arguments.add_argument("--raw", action="store_true", help="folded stacks instead of a flame graph")
    options = arguments.parse_args()
    case = next(case for case in CASES if case.name == options.case)
    try:
        with ExitStack() as running:
            rig = Rig(running)
            server = {"gateway": rig.gateway, **rig.references}[options.server]
            print(profile(case, server, options.seconds, options, rig.load_core))
    except BenchError as error:
        print(f"The profile failed: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
