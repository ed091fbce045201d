#!/bin/sh
# Runs a command in the virtual environment of the chosen Python, after bringing it up to date.
#
#     in_venv.sh NEED... -- COMMAND...
#
# A need is `wheel` (cladding, built for release and installed), `fast-wheel` (the same, built quickly), `servers` (those
# that tests start), or the name of a file in requirements/. Everything lies inside the checkout: .venvs/, build/ and target/.
set -eu

cd "$(dirname "$0")/.."
python=$(scripts/find_python.sh)
cargo=$(scripts/find_cargo.sh)
PATH=$cargo:$PATH
export PATH
# The installed package is what runs, whatever the caller's shell points at.
unset PYTHONPATH PYTHONHOME

needs=
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    needs="$needs $1"
    shift
done
shift

# shellcheck disable=SC2086 # the needs are words
venv=$("$python" scripts/prepare.py $needs)

VIRTUAL_ENV=$venv
PATH=$venv/bin:$PATH
# PyO3 configures itself for one Python at a time: each has its own folder, so that changing Python rebuilds nothing.
PYO3_PYTHON=$venv/bin/python
CARGO_TARGET_DIR=$PWD/target/$(basename "$venv")
export VIRTUAL_ENV PATH PYO3_PYTHON CARGO_TARGET_DIR
exec "$@"
