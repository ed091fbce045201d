#!/bin/sh
# Prints the path of the Python to use, or one line on standard error that says why there is none.
#
#     find_python.sh          $PYTHON if that is set (a path, a command, or a version such as 3.12),
#                             else the newest release of CPython, 3.11 or newer, that runs here
#     find_python.sh 3.12     the first CPython 3.12
#
# A candidate counts when it runs and can make a virtual environment with pip: a file of the right name proves nothing.
set -u

newest=15
oldest=11
root=$(cd "$(dirname "$0")/.." && pwd)

# Exits 0 and prints the interpreter's own path, or exits 1 and prints what is wrong with it. Old Pythons must parse it.
probe='
import sys
strict, version = sys.argv[1] == "strict", sys.argv[2]
found = "%d.%d.%d" % sys.version_info[:3]
problem = None
if sys.version_info < (3, 11):
    problem = "is Python " + found
elif sys.implementation.name != "cpython":
    problem = "is " + sys.implementation.name
elif version and version != "%d.%d" % sys.version_info[:2]:
    problem = "is Python " + found
elif strict and sys.version_info.releaselevel in ("alpha", "beta"):
    problem = "is a pre-release of Python " + found
elif strict and "t" in sys.abiflags:
    problem = "is a free-threaded Python " + found
else:
    try:
        import ensurepip, venv
    except ImportError:
        package = "python%d.%d-venv" % sys.version_info[:2]
        problem = "is Python %s without venv and pip, which Debian has in %s" % (found, package)
print(problem or getattr(sys, "_base_executable", None) or sys.executable)
sys.exit(1 if problem else 0)
'

# try HOW VERSION COMMAND: prints the path and ends the script if the command will do; else remembers why not.
rejected=
try() {
    answer=$("$3" -c "$probe" "$1" "$2" 2>/dev/null </dev/null)
    if [ $? -eq 0 ]; then
        printf '%s\n' "$answer"
        exit 0
    fi
    # Of several that will not do, name the first, which is the newest.
    [ -n "$rejected" ] || [ -z "$answer" ] || rejected="$3 $answer"
}

# try_named HOW VERSION NAME: tries the command of that name in each folder of PATH, not only in the first: a version
# manager's shim may stand in front of an interpreter that runs. The checkout's own environments are not candidates.
try_named() {
    old_ifs=$IFS
    IFS=:
    for folder in $PATH; do
        IFS=$old_ifs
        case $folder in "$root"/*) continue ;; esac
        [ -x "$folder/$3" ] && try "$1" "$2" "$folder/$3"
        IFS=:
    done
    IFS=$old_ifs
}

# try_minor VERSION: python3.12 on PATH, then pyenv's.
try_minor() {
    try_named strict "$1" "python$1"
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$1"*/bin/python; do
        [ -x "$candidate" ] && try strict "$1" "$candidate"
    done
}

if [ $# -eq 1 ]; then
    case $1 in
    [012].* | 3.? | 3.10)
        echo "CPython $1 is too old: cladding needs 3.$oldest or newer" >&2
        exit 1
        ;;
    esac
    try_minor "$1"
    reason=${rejected:+ that will do: $rejected}
    try_named strict "$1" python3
    echo "CPython $1 was not found${reason:-, neither on PATH nor in pyenv}" >&2
    exit 1
fi

case ${PYTHON:-} in
'') ;;
[0-9].[0-9] | [0-9].[0-9][0-9])
    exec "$0" "$PYTHON"
    ;;
*)
    command=$(command -v "$PYTHON") && try any '' "$command"
    echo "cladding needs CPython 3.11 or newer with pip, but PYTHON=${rejected:-$PYTHON does not run}" >&2
    exit 1
    ;;
esac

minor=$newest
while [ "$minor" -ge "$oldest" ]; do
    try_minor "3.$minor"
    minor=$((minor - 1))
done
try_named strict '' python3
try_named strict '' python
reason=${rejected:-no python was found}
echo "cladding needs CPython 3.11 or newer with pip ($reason): see https://www.python.org/downloads" >&2
exit 1
