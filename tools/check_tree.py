"""Checks that no file of the tree names a package registry, a path of one machine, or a secret.

python tools/check_tree.py

Looks at every file that git tracks or would track. Exit code 1 and one line per find when there is any.
Patterns are put together from parts, so that this file passes its own check.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

_REGISTRIES = "|".join(
    re.escape(host)
    for host in (
        "pypi" + ".org",
        "pythonhosted" + ".org",
        "registry." + "npmjs",
        "deb." + "debian",
        "proxy." + "golang",
        "crates" + ".io",
        "conda." + "anaconda",
    )
)

PATTERNS: dict[str, re.Pattern[str]] = {
    "the address of a package registry": re.compile(_REGISTRIES, re.IGNORECASE),
    "an option that names a package index": re.compile(
        r"(?:^|\s)--?(?:extra-index" + r"-url|index" + r"-url|find" + r"-links|trusted" + r"-host)[ =]\S"
    ),
    "a path of one machine": re.compile(
        r"(?<![\w.$}/-])/(?:work|root|opt|Users|home)/(?!user\b|ec2-user\b)[\w.]"
        + r"|file:"
        + r"//(?:/|localhost)(?![\w%/]*archive|absolute/path)"  # examples of archive.url are nobody's
    ),
    # Real ids are base32: one with a 0, 1, 8 or 9 is nobody's key.
    "an AWS access key id (put EXAMPLE or a 0 into fake ones)": re.compile(
        r"\b(?:AKIA|ASIA)(?![A-Z2-7]*EXAMPLE)[A-Z2-7]{16}\b"
    ),
    "a private key": re.compile("-----BEGIN " + "[A-Z ]*PRIVATE KEY"),
    "a signed token": re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}"),
    "a token of a code host": re.compile(r"\b(?:gh[pousr]_\w{36}|github_" + r"pat_\w{22,}|glpat-[\w-]{20})"),
    "a secret access key": re.compile(
        r"(?i)aws_?secret_?(?:access_?)?key\W{1,5}(?![\w/+]*EXAMPLE)[\w/+]{40}\b"
    ),
}


def find(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line number from 1, what it is) for everything in `text` that may not be in the tree."""
    for number, line in enumerate(text.splitlines(), start=1):
        for what, pattern in PATTERNS.items():
            if pattern.search(line):
                yield number, what


def tree(root: Path) -> list[Path]:
    """Return the files that git tracks or would track below `root`."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
    ).stdout
    return [
        root / name for name in sorted(set(listing.decode().split("\0"))) if name and (root / name).is_file()
    ]


def main() -> int:
    """Print every find as path:line; return the exit code."""
    count = 0
    files = tree(ROOT)
    for path in files:
        content = path.read_bytes()
        if b"\0" in content:
            continue
        for line, what in find(content.decode(errors="replace")):
            print(f"{path.relative_to(ROOT)}:{line}: {what}")
            count += 1
    print(f"tree: {len(files)} files, {count} finds", file=sys.stderr)
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
