"""The source distributions of peers: fetched when a test first wants one, and unpacked under build/."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
SDISTS = ROOT / "build" / "sdists"
UNPACKED = ROOT / "build" / "peers"

FETCHING = 120.0  # seconds, after which the network is taken to be down


class NotFetchedError(RuntimeError):
    """A source distribution could not be had."""


def sources(name: str, version: str) -> Path:
    """The unpacked sources of the newest release of ``name`` that matches ``version``, such as ``2.5.*``.

    What is there already is used as it is, so a run without a network needs one run with it.
    """
    SDISTS.mkdir(parents=True, exist_ok=True)
    UNPACKED.mkdir(parents=True, exist_ok=True)
    with (SDISTS / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        archive = _newest(name, version) or _fetch(name, version)
        folder = UNPACKED / archive.name.removesuffix(".tar.gz")
        if not folder.exists():
            _unpack(archive, folder)
        return folder


def _newest(name: str, version: str) -> Path | None:
    """The fetched archive that matches."""

    def release(path: Path) -> list[int]:
        number = path.name.removeprefix(f"{name}-").removesuffix(".tar.gz")
        return [int(part) for part in number.split(".") if part.isdigit()]

    return max(SDISTS.glob(f"{name}-{version}.tar.gz"), key=release, default=None)


def _fetch(name: str, version: str) -> Path:
    """Asks pip for the source distribution, without what it depends on."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--no-binary", ":all:", f"{name}=={version}"]
    with tempfile.TemporaryDirectory(dir=SDISTS) as folder:
        try:
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=FETCHING, check=False)
        except subprocess.TimeoutExpired:
            raise NotFetchedError(f"{name}=={version} was not there after {FETCHING:.0f} s: {command}") from None
        if done.returncode:
            raise NotFetchedError(f"{name}=={version} could not be fetched by {command}:\n{done.stdout}{done.stderr}")
        for path in Path(folder).glob(f"{name}-*.tar.gz"):
            path.replace(SDISTS / path.name)
    archive = _newest(name, version)
    if archive is None:
        raise NotFetchedError(f"{command} ended well, but left no {name}-{version}.tar.gz")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    """Unpacks beside the place and moves there, so that nobody sees a half of it."""
    with tempfile.TemporaryDirectory(dir=UNPACKED) as beside:
        with tarfile.open(archive) as tar:
            tar.extractall(beside, filter="data")
        shutil.move(Path(beside) / folder.name, folder)
