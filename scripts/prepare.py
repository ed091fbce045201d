"""Brings the virtual environment of this Python up to date, and prints where it is.

    python scripts/prepare.py NEED...

A need is `wheel`, `fast-wheel`, `servers`, or the name of a file in requirements/. What is up to date already is left
alone: the environment while it belongs to this Python, a list of requirements while its file is the one that was
installed, the wheel while the sources are the ones it was built from, the servers while they are there. Progress goes
to standard error.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

ROOT = Path(__file__).resolve().parent.parent
NAME = f"{sys.version_info.major}.{sys.version_info.minor}{sys.abiflags}"
VENV = ROOT / ".venvs" / NAME
VENV_PYTHON = VENV / "bin" / "python"
STAMPS = VENV / ".cladding"
WHEELS = ROOT / "build" / "wheels" / NAME
TARGET = ROOT / "target" / NAME

# Each wheel that can be asked for: its cargo profile, and whether Cargo.lock must already be right.
PROFILES = {"wheel": ("release", True), "fast-wheel": ("fast", False)}

# The need for the servers that tests start themselves.
SERVERS = "servers"

SOURCE_FOLDERS = ("crates", "python")
SOURCE_FILES = (
    "Cargo.toml",
    "Cargo.lock",
    "pyproject.toml",
    "README.md",
    "LICENSE-MIT",
    "LICENSE-APACHE",
    "rust-toolchain.toml",
    ".cargo/config.toml",
)


def main() -> None:
    """Makes, installs and builds what was asked for."""
    needs = sys.argv[1:]
    with only_one_at_a_time():
        make_venv()
        for need in needs:
            if need == SERVERS:
                install_servers()
            elif need not in PROFILES:
                install_requirements(need)
        for need in needs:
            if need in PROFILES:
                install_wheel(need)
    print(VENV)


def make_venv() -> None:
    """Makes the environment anew unless it was made by this Python, for this place."""
    identity = f"{sys.version}\n{sys.executable}\n{VENV}\n"
    if VENV_PYTHON.exists() and read(STAMPS / "python") == identity:
        return
    say(f"making .venvs/{NAME} with {sys.executable}")
    run(sys.executable, "-m", "venv", "--clear", VENV)
    write(STAMPS / "python", identity)


def install_requirements(name: str) -> None:
    """Installs requirements/NAME.txt unless that very list is installed."""
    lists = requirements(f"{name}.txt")
    if all(read(STAMPS / "requirements" / file) == text for file, text in lists.items()):
        return
    say(f"installing requirements/{name}.txt")
    pip("--requirement", ROOT / "requirements" / f"{name}.txt")
    for file, text in lists.items():
        write(STAMPS / "requirements" / file, text)


def install_servers() -> None:
    """Installs Debian's package of Redis where there is no such server and this user may; says what to do otherwise."""
    if shutil.which("redis-server") or shutil.which("valkey-server"):
        return
    how = "apt-get install redis-server"
    if shutil.which("apt-get") and os.geteuid() == 0:
        say(f"installing a Redis server: {how}")
        # It is not to run as a service: the tests start it on ports of their own.
        env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
        quiet = ("--quiet", "--quiet", "--yes", "--no-install-recommends", "-o", "Acquire::http::Timeout=20")
        for command in (("apt-get", *quiet, "update"), ("apt-get", *quiet, "install", "redis-server")):
            subprocess.run(command, env=env, stdout=sys.stderr, check=False)
        if shutil.which("redis-server"):
            return
    say(f"there is no Redis server, so the tests that need one are skipped; to run them: {how}")


def requirements(file: str) -> dict[str, str]:
    """The text of a list of requirements, and of the lists that it includes."""
    text = (ROOT / "requirements" / file).read_text()
    lists = {file: text}
    for line in text.splitlines():
        if line.startswith("-r "):
            lists |= requirements(line.split()[1])
    return lists


def install_wheel(need: str) -> None:
    """Builds the wheel unless the sources are those of the last one, and installs it unless it is installed."""
    profile, locked = PROFILES[need]
    fingerprint = f"{profile} {sources_hash()}\n"
    folder = WHEELS / profile
    if read(folder / "stamp") != fingerprint:
        install_requirements("build")
        build_wheel(folder, profile, locked=locked)
        write(folder / "stamp", fingerprint)
    if read(STAMPS / "wheel") != fingerprint:
        (STAMPS / "wheel").unlink(missing_ok=True)
        (wheel,) = folder.glob("*.whl")
        say(f"installing {wheel.relative_to(ROOT)}")
        pip("--no-index", "--no-deps", "--force-reinstall", wheel)
        write(STAMPS / "wheel", fingerprint)


def build_wheel(folder: Path, profile: str, *, locked: bool) -> None:
    """Builds the one wheel of the folder."""
    say(f"building the wheel for Python {NAME} (cargo profile {profile})")
    shutil.rmtree(folder, ignore_errors=True)
    command: list[str | Path] = [VENV_PYTHON, "-m", "maturin", "build", "--profile", profile]
    command += ["--interpreter", VENV_PYTHON, "--out", folder]
    if locked and (ROOT / "Cargo.lock").exists():
        command.append("--locked")
    run(*command, env={**os.environ, "CARGO_TARGET_DIR": str(TARGET)})


def sources_hash() -> str:
    """A hash of all that goes into a wheel: contents, not times, so that a checkout changes nothing."""
    paths = [ROOT / name for name in SOURCE_FILES]
    for folder in SOURCE_FOLDERS:
        paths += [path for path in (ROOT / folder).rglob("*") if path.suffix not in {".pyc", ".so"}]
    digest = hashlib.sha256(f"{sys.version}\n{os.environ.get('RUSTFLAGS', '')}\n".encode())
    for path in sorted(paths):
        if path.is_file():
            content = path.read_bytes()
            digest.update(f"{path.relative_to(ROOT)}\n{len(content)}\n".encode() + content)
    return digest.hexdigest()


@contextmanager
def only_one_at_a_time() -> Generator[None]:
    """Waits while another command prepares the same environment."""
    path = ROOT / "build" / f"prepare-{NAME}.lock"
    path.parent.mkdir(exist_ok=True)
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"waiting for another command that prepares .venvs/{NAME}")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def pip(*arguments: str | Path) -> None:
    """Runs pip in the environment."""
    run(VENV_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments)


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Runs a command, and ends the program in one line if it fails: what it wrote says why."""
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=sys.stderr, check=False)
    if done.returncode:
        sys.exit(f"cladding: this failed with status {done.returncode}: {' '.join(map(str, command))}")


def say(what: str) -> None:
    """Tells the user what takes the time."""
    print(f"cladding: {what}", file=sys.stderr, flush=True)


def read(path: Path) -> str | None:
    """The text of a stamp, or None where there is none."""
    try:
        return path.read_text()
    except FileNotFoundError:
        return None


def write(path: Path, text: str) -> None:
    """Leaves a stamp."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


if __name__ == "__main__":
    main()
