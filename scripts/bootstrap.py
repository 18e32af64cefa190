#!/usr/bin/env python3
"""Make .venv fit requirements: `scripts/bootstrap.py run` for the product, `test` with the tools of the tests.

Standard library only, because a bare machine has nothing else. Installs again only when a requirements file changed.
Which index packages come from is decided by the configuration of pip and uv, not here.
"""

import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
VENV = CHECKOUT / ".venv"
PYTHON = VENV / "bin" / "python"
FILES = {"run": ["requirements.txt"], "test": ["requirements.txt", "requirements-dev.txt"]}


def main(arguments: list[str]) -> None:
    """Bring the environment up to date, once at a time."""
    if len(arguments) != 1 or arguments[0] not in FILES:
        sys.exit("usage: scripts/bootstrap.py run|test")
    if sys.version_info < (3, 11):  # noqa: UP036 - this script may meet an older Python and must say so
        sys.exit("Vouch needs Python 3.11 or newer; this is " + sys.version.split()[0])
    (CHECKOUT / "var").mkdir(mode=0o700, exist_ok=True)
    with (CHECKOUT / "var" / "bootstrap.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _bring_up_to_date(arguments[0])


def _bring_up_to_date(purpose: str) -> None:
    wanted = _digest(FILES[purpose])
    stamp = VENV / f"stamp-{purpose}"
    if PYTHON.exists() and stamp.exists() and stamp.read_text() == wanted:
        return
    if not _works(PYTHON):
        _make_venv()
    print(f"Installing what {FILES[purpose][-1]} names (once)", flush=True)
    _install(CHECKOUT / FILES[purpose][-1])
    stamp.write_text(wanted)
    if purpose == "test":
        (VENV / "stamp-run").write_text(_digest(FILES["run"]))


def _digest(names: list[str]) -> str:
    text = b"".join((CHECKOUT / name).read_bytes() for name in names)
    return hashlib.sha256(text + sys.version.encode()).hexdigest()


def _works(python: Path) -> bool:
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def _make_venv() -> None:
    if shutil.which("uv"):
        _run(["uv", "venv", "--quiet", "--clear", "--python", sys.executable, str(VENV)])
        return
    if importlib.util.find_spec("ensurepip") is None:
        _install_venv_package()
    _run([sys.executable, "-m", "venv", "--clear", str(VENV)])


def _install_venv_package() -> None:
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit(f"This Python cannot make environments. Type:  sudo apt-get install {package}")
    print(f"Installing {package}", flush=True)
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], quiet)
    _run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", package], quiet)


def _install(requirements: Path) -> None:
    if shutil.which("uv"):
        _run(["uv", "pip", "install", "--quiet", "--python", str(PYTHON), "-r", str(requirements)])
        return
    if subprocess.run([PYTHON, "-m", "pip", "--version"], capture_output=True, check=False).returncode != 0:
        _make_venv()  # an environment that uv made has no pip
    pip = [
        str(PYTHON),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--only-binary",
        ":all:",
    ]
    _run([*pip, "-r", str(requirements)])


def _run(command: list[str], variables: dict[str, str] | None = None) -> None:
    if subprocess.run(command, env=variables, check=False).returncode != 0:
        sys.exit(f"This did not work:  {' '.join(command)}")


if __name__ == "__main__":
    main(sys.argv[1:])
