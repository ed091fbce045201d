#!/bin/sh
# Prints the folder of the cargo to use, or one line on standard error that says why there is none.
set -u

needed=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml")
get="see https://rustup.rs"

# A toolchain that was installed a minute ago is on the disk before it is on PATH.
cargo=$(command -v cargo) || cargo=${CARGO_HOME:-$HOME/.cargo}/bin/cargo
if [ ! -x "$cargo" ]; then
    echo "cladding needs a Rust toolchain (cargo was not found): $get" >&2
    exit 1
fi

found=$("$cargo" --version 2>/dev/null | sed -n 's/^cargo \([0-9]*\.[0-9]*\).*/\1/p')
if [ -z "$found" ]; then
    echo "cladding needs a Rust toolchain ($cargo does not run): $get" >&2
    exit 1
fi
# 1.89 is 1 * 1000 + 89.
if [ $((${found%.*} * 1000 + ${found#*.})) -lt $((${needed%.*} * 1000 + ${needed#*.})) ]; then
    echo "cladding needs Rust $needed or newer ($cargo is $found): run 'rustup update', or $get" >&2
    exit 1
fi
dirname "$cargo"
