#!/bin/sh
# toolchain.sh PYTHON CACHE: prints the shell line that puts a new enough cargo on the PATH, which is nothing where there is one
# already. Where there is none, it installs Rust into CACHE first, and touches nothing else.
set -eu
python=$1 cache=$2
oldest=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/Cargo.toml")

new_enough() {
    found=$("$1" --version 2>/dev/null | cut -d ' ' -f 2)
    [ -n "$found" ] && [ "$(printf '%s\n' "$oldest" "$found" | sort -V | head -n 1)" = "$oldest" ]
}

if new_enough cargo; then exit; fi
export CARGO_HOME="$cache/cargo" RUSTUP_HOME="$cache/rustup"
if ! new_enough "$CARGO_HOME/bin/cargo"; then
    echo "make: there is no cargo $oldest or newer here; installing Rust into $cache" >&2
    "$python" -m pip install --quiet 'puccinialin>=0.1.14,<0.2' >&2
    "$python" -m puccinialin --location "$cache" >&2
fi
echo "export CARGO_HOME='$CARGO_HOME' RUSTUP_HOME='$RUSTUP_HOME' PATH='$CARGO_HOME/bin':\"\$PATH\""
