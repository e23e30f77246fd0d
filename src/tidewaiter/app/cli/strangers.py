"""Files of no known source, for a person: one line per kind of file, named by where AWS and Azure put it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePath

from tidewaiter.app.cli.terminal import say

_SHOWN = 12
_WHERE = (
    (r"/vpcdnsquerylogs/", "Route 53 Resolver query logs"),
    (r"/GuardDuty/", "GuardDuty findings"),
    (r"/SecurityHub/", "Security Hub findings"),
    (r"/WAFLogs/|aws-waf-logs", "WAF logs"),
    (r"(^|/)S3AccessLogs/|/\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$", "S3 server access logs"),
    (r"SignInLogs/", "Entra sign-ins"),
    (r"/(insights-logs-)?AuditLogs/", "Entra audit logs"),
    (r"/AzureActivity/|insights-activity-logs", "Azure activity"),
    (r"/BILLING_PERIOD=|(^|/)CostExports/", "cost exports"),
    (r"(^|/)truth\.json$", "the truth about a generated day"),
)
"""Where a log lies by its service's own layout; the first that fits names the file. Only a name for the eye:
what a file is is decided by `pipeline.sources`."""

_NAMES = frozenset(name for _, name in _WHERE)
_KINDS = tuple((re.compile(pattern, re.IGNORECASE), name) for pattern, name in _WHERE)


def say_unrecognized(unrecognized: Sequence[tuple[str, str]], *, known: bool) -> None:
    """Say which files were left alone; where nothing else lay there, what would have been known.

    Args:
        unrecognized: (path, reason) of every file.
        known: whether files of a known source lay there too.
    """
    if not unrecognized:
        return
    if len(unrecognized) == 1:
        path, reason = unrecognized[0]
        say(f"1 file is of no known source and left alone, such as {path}: {reason}")
    else:
        say(f"{len(unrecognized):,} files are of no known source and left alone:")
        found = kinds(unrecognized)
        for name, paths in found[:_SHOWN]:
            example = "" if name in _NAMES else f", such as {paths[0]}"
            say(f"  {len(paths):,} x {name}{example}")
        rest = sum(len(paths) for _, paths in found[_SHOWN:])
        if rest:
            say(f"  and {rest:,} of other kinds")
    if not known:
        from tidewaiter.content import sources

        titles = ", ".join(spec.title for spec in sources().values())
        say(f"  next: give a folder that holds logs of a known source: {titles}")


def kinds(unrecognized: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """Return what the files are, most frequent first, each with its paths: by place, else by content."""
    found: dict[str, list[str]] = {}
    for path, reason in unrecognized:
        place = PurePath(path).as_posix()
        name = next((name for pattern, name in _KINDS if pattern.search(place)), reason)
        found.setdefault(name, []).append(path)
    return sorted(found.items(), key=lambda each: (-len(each[1]), each[0]))
