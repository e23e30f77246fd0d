"""An assessment as a page that can be handed on: what matters first, then the tables behind it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from tidewaiter.app.cli.drift import drift_change, drift_field, drift_words
from tidewaiter.app.cli.strangers import kinds
from tidewaiter.app.cli.terminal import output, plain, some, table
from tidewaiter.app.engine.assess import Assessment, SourceFacts
from tidewaiter.content import sources
from tidewaiter.pipeline.sources.integrity import TOLD, TrailIntegrity

LIST_PRICES = (2.46, 5.50)
"""USD for a GB of analytics logs, the lowest and the highest by region; see docs/assess.md."""
_TALKERS = 10
_SHOWN = 8
_NAME = 76
_DAY = 0.9
_PATH = 200
_CHAINS = 20
_DRIFTS = 12
_TO_MINUTE = "%Y-%m-%d %H:%M"
_WRONG = {
    "missing_log": "gone",
    "changed_log": "changed",
    "unreadable_log": "cannot be read",
    "unnamed_log": "named by no digest",
    "missing_digest": "digest gone",
    "changed_digest": "digest changed",
    "unreadable_digest": "digest cannot be read",
    "forged_digest": "signature does not hold",
    "unsigned_digest": "signature cannot be checked",
    "new_chain": "chain begins anew",
}


def page(made: Assessment, folder: Path, price: float, currency: str, *, with_keys: bool) -> None:
    """Print it on stdout."""
    console = output()
    facts = sorted(made.sources.values(), key=lambda each: (-each.size / made.days(each), each.source))
    _title(console, f"Assessment of {folder}")
    for line in _short(made, facts, price, currency, with_keys=with_keys):
        console.print(Text("- " + plain(line)))
    if not facts:
        _files(console, made)
        return
    _there(console, made, facts)
    _accounts(console, facts)
    _bill(console, made, facts, price, currency)
    _talkers(console, facts)
    _mapping(console, facts)
    _integrity(console, made.trails, with_keys=with_keys)
    _silent(console, facts)
    _drift(console, made)
    _files(console, made)


def _short(
    made: Assessment, facts: Sequence[SourceFacts], price: float, currency: str, *, with_keys: bool
) -> Iterator[str]:
    records, aside = sum(each.records for each in facts), sum(each.quarantined for each in facts)
    if not records:
        yield "no record of a known source lies there"
        return
    accounts = {name for each in facts for name in each.accounts if name}
    regions = {name for each in facts for name in each.regions if name}
    times = [each for source in facts for each in (source.first, source.last) if each]
    span = f"from {_minute(min(times))} to {_minute(max(times))} UTC" if times else "none with a time"
    yield (
        f"{some(records, 'record')} of {some(len(facts), 'source')}, {some(len(accounts), 'account')} and "
        f"{some(len(regions), 'region')}, {span}"
    )
    yield f"Sentinel would bill about {_monthly(made, price, currency)}"
    twice, size = sum(each.duplicates for each in facts), sum(each.duplicate_bytes for each in facts)
    if twice:
        share = size / max(1, sum(each.size for each in facts))
        yield f"{some(twice, 'event')} lie there more than once, {share:.1%} of the bill: Sentinel keeps each"
    told = f"; {some(aside, 'is', 'are')} set aside with a reason" if aside else ""
    yield f"{_share(records - aside, records)} of the records map to ASIM{told}"
    yield from _short_of_trails(made.trails, with_keys=with_keys)
    silent = [each for source in facts for each in source.silences()]
    if silent:
        longest = max(each.hours for each in silent)
        yield f"{some(len(silent), 'unusual silence')} of up to {longest:.1f} hours: look below"
    if made.drift:
        yield f"records changed their form in {some(len(made.drift), 'place')}: look at what changed below"
    if made.faults:
        objects = len({fault.object_id for fault in made.faults})
        yield f"{some(objects, 'file')} could not be read whole: look below"


def _short_of_trails(trails: Sequence[TrailIntegrity], *, with_keys: bool) -> Iterator[str]:
    if not trails:
        yield "no CloudTrail digest lies there: whether log files are gone or changed cannot be said"
        return
    files, intact = sum(each.log_files for each in trails), sum(each.intact for each in trails)
    wrong: Counter[str] = Counter()
    for each in trails:
        wrong.update(each.wrong)
    signed, digests = sum(each.signed for each in trails), sum(each.digests for each in trails)
    vouched = (
        f"; {signed:,} of {digests:,} digests are signed" if with_keys else "; signatures were not checked"
    )
    if not wrong:
        yield f"CloudTrail's digests name {some(files, 'log file')}: all are there and unchanged{vouched}"
        return
    what = ", ".join(f"{count:,} {_WRONG[kind]}" for kind, count in wrong.most_common())
    told = f"{intact:,} are there and unchanged; {what}"
    yield f"CloudTrail's digests name {some(files, 'log file')}, {told}{vouched}"


def _there(console: Console, made: Assessment, facts: Sequence[SourceFacts]) -> None:
    _title(console, "What is there")
    columns = ("source", "files", "records", "accounts", "regions", "from (UTC)", "to (UTC)", "days")
    rows = [
        (
            _called(each), each.objects, each.records, _known(each.accounts), _known(each.regions),
            _minute(each.first), _minute(each.last), f"{made.days(each):.1f}" if each.first else "-",
        )
        for each in facts
    ]  # fmt: skip
    console.print(table(columns, rows, right=("files", "records", "accounts", "regions", "days")))
    odd = sum(each.without_time for each in facts)
    if odd:
        console.print(
            Text(f"{some(odd, 'record')} have a time before AWS or in the future: not in these times.")
        )


def _accounts(console: Console, facts: Sequence[SourceFacts]) -> None:
    """Which source tells of which account: what stays empty is not watched, or not here."""
    counted: Counter[str] = Counter()
    for each in facts:
        counted.update(each.accounts)
    names = [name for name, _ in counted.most_common() if name][:_TALKERS]
    if not names:
        return
    _title(console, "Who is watched by what (records; - for none)")
    told = [each for each in facts if any(each.accounts)]
    columns = ("account", *(each.source.removeprefix("aws_") for each in told))
    rows = [(name, *(each.accounts.get(name, 0) or "-" for each in told)) for name in names]
    console.print(table(columns, rows, right=columns[1:]))
    more = len([name for name in counted if name]) - len(names)
    if more > 0:
        console.print(Text(f"and {some(more, 'account')} with fewer records"))


def _bill(
    console: Console, made: Assessment, facts: Sequence[SourceFacts], price: float, currency: str
) -> None:
    _title(console, "What Sentinel would bill, as a month of 30 such days")
    money = f"{currency}/month"
    columns = ("source", "table", "rows", "bytes/row", "a day", "a month", money, "share")
    days = {each.source: made.days(each) for each in facts}
    whole = sum(each.size / days[each.source] for each in facts)
    rows = []
    for each in facts:
        for name, size in each.billed.most_common():
            daily = size / days[each.source]
            rows.append(
                (
                    _called(each), name, each.rows[name], size // max(1, each.rows[name]), _bytes(daily),
                    _bytes(daily * 30), _money(daily * 30 / 1e9, price), _share(daily, whole),
                )
            )  # fmt: skip
    console.print(table(columns, rows, right=columns[2:]))
    told = f"{price:,.2f} {currency} per GB" if price else "list prices of 2.46 to 5.50 USD per GB by region"
    console.print(
        Text(f"Billed: the string form of the stored columns, per 10^9 bytes; {told}. --price sets yours.")
    )
    short = [_called(each) for each in facts if days[each.source] < _DAY]
    if short:
        more = f" and {len(short) - 3:,} more" if len(short) > 3 else ""
        console.print(Text(f"Less than a day of {', '.join(short[:3])}{more}: the month is a rough figure."))


def _talkers(console: Console, facts: Sequence[SourceFacts]) -> None:
    _title(console, "Who is talking most")
    rows = [
        (_called(each), plain(name, most=_NAME), count, _bytes(size), _share(size, each.size))
        for each in facts for name, count, size in each.talkers.top(_TALKERS if len(facts) < 3 else 3)
    ]  # fmt: skip
    columns = ("source", "what", "rows", "size", "of the source")
    console.print(table(columns, rows, right=columns[2:]))
    if not all(each.talkers.complete for each in facts):
        console.print(
            Text("Of very many names those with the fewest rows were forgotten: counts may be low.")
        )


def _mapping(console: Console, facts: Sequence[SourceFacts]) -> None:
    _title(console, "What maps to ASIM")
    columns = ("source", "mapped", "set aside", "columns filled", "EventType Other")
    rows = [
        (
            _called(each), _share(each.valid, each.records), each.quarantined,
            f"{each.filled:.0%}" if each.valid else "-", _share(each.unspecific, each.valid),
        )
        for each in facts
    ]  # fmt: skip
    console.print(table(columns, rows, right=columns[1:]))
    console.print(Text("Columns filled: of those that ASIM calls mandatory or recommended, on average."))


def _integrity(console: Console, trails: Sequence[TrailIntegrity], *, with_keys: bool) -> None:
    if not trails:
        return
    _title(console, "Whether CloudTrail's files are complete and unchanged")
    columns = ("account", "trail", "regions", "digests", "log files", "intact", "signed", "wrong")
    chains: dict[tuple[str, str], list[TrailIntegrity]] = {}
    for each in trails:
        chains.setdefault((each.account or "?", each.trail), []).append(each)
    rows = [
        (
            *name, len(of), digests := sum(each.digests for each in of), sum(each.log_files for each in of),
            sum(each.intact for each in of),
            f"{sum(each.signed for each in of)} of {digests}" if with_keys else "not checked",
            sum(each.wrong.total() for each in of),
        )
        for name, of in list(chains.items())[:_CHAINS]
    ]  # fmt: skip
    console.print(table(columns, rows, right=("regions", "digests", "log files", "intact", "wrong")))
    if len(chains) > _CHAINS:
        console.print(Text(f"and {some(len(chains) - _CHAINS, 'trail')} more: --json has all"))
    if not with_keys:
        console.print(
            Text("Signatures: write the keys with `aws cloudtrail list-public-keys`, and give --keys FILE.")
        )
    problems = [problem for each in trails for problem in each.problems]
    for problem in problems[:_SHOWN]:
        where, what = plain(problem.key, most=_PATH), plain(problem.detail, most=_PATH)
        console.print(Text(f"  {_WRONG[problem.kind]}: {where}: {what}"), soft_wrap=True)
    more = sum(each.wrong.total() for each in trails) - len(problems[:_SHOWN])
    if more > 0:
        console.print(Text(f"  and {more:,} more: --json has the first {TOLD:,} of each chain"))


def _silent(console: Console, facts: Sequence[SourceFacts]) -> None:
    found = [(each, silence) for each in facts for silence in each.silences()]
    if not found:
        return
    _title(console, "Unusual silences")
    rows = [
        (_called(each), s.account or "?", s.region or "?", f"{s.start:{_TO_MINUTE}}", f"{s.end:{_TO_MINUTE}}",
         f"{s.hours:.1f}")
        for each, s in found[:_SHOWN]
    ]  # fmt: skip
    console.print(table(("source", "account", "region", "from", "to", "hours"), rows, right=("hours",)))
    if len(found) > _SHOWN:
        console.print(Text(f"and {len(found) - _SHOWN:,} more: --json has all"))


def _drift(console: Console, made: Assessment) -> None:
    if not made.drift:
        return
    _title(console, "What changed its form on the way")
    rows = [
        (
            sources()[each.source].title, drift_words(each), plain(drift_field(each), most=_NAME),
            each.account, each.region, plain(drift_change(each), most=_NAME),
        )
        for each in made.drift[:_DRIFTS]
    ]  # fmt: skip
    console.print(table(("source", "what", "field", "account", "region", "before -> now"), rows))
    if len(made.drift) > _DRIFTS:
        console.print(Text(f"and {len(made.drift) - _DRIFTS:,} more: --json has all"))


def _files(console: Console, made: Assessment) -> None:
    if made.faults or made.aside:
        _title(console, "What could not be read")
    for fault in made.faults[:_SHOWN]:
        console.print(
            Text(plain(f"  {fault.object_id} [{fault.kind}] {fault.message}", most=2 * _PATH)), soft_wrap=True
        )
    if len(made.faults) > _SHOWN:
        console.print(Text(f"  and {len(made.faults) - _SHOWN:,} more: --json has all"))
    for aside, count in made.aside.most_common(_SHOWN):
        what = f"  {aside.object_id} [{aside.kind}] {aside.reason}: {some(count, 'record')}"
        console.print(Text(plain(what, most=2 * _PATH)), soft_wrap=True)
    if len(made.aside) > _SHOWN:
        console.print(Text(f"  and {len(made.aside) - _SHOWN:,} reasons more: --json has all"))
    if made.unrecognized:
        _title(console, "Files of no known source")
        rows = [(name, len(paths), plain(paths[0], most=_NAME)) for name, paths in kinds(made.unrecognized)]
        console.print(table(("what", "files", "such as"), rows[:_SHOWN], right=("files",)))


def _monthly(made: Assessment, price: float, currency: str) -> str:
    month = sum(each.size / made.days(each) for each in made.sources.values()) * 30 / 1e9
    cost = _money(month, price)
    what = f"{cost} {currency} at {price:,.2f} per GB" if price else f"{cost} USD at list prices"
    return f"{month:,.2f} GB a month, {what}"


def _money(gigabytes: float, price: float) -> str:
    if price:
        return f"{gigabytes * price:,.2f}"
    low, high = (gigabytes * each for each in LIST_PRICES)
    return f"{low:,.0f} to {high:,.0f}" if low >= 10 else f"{low:,.2f} to {high:,.2f}"


def _bytes(size: float) -> str:
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 999.5:
            return f"{size:,.{0 if size >= 99.5 else 1}f} {unit}"
    return f"{size / 1000:,.1f} TB"


def _called(facts: SourceFacts) -> str:
    return sources()[facts.source].title


def _known(counts: Counter[str]) -> int | str:
    return len([name for name in counts if name]) or "not told"


def _share(part: float, whole: float) -> str:
    """Return a share that never rounds up to all or down to none."""
    if not whole or not part:
        return "0%" if whole else "-"
    percent = 100 * part / whole
    if part < whole and percent >= 99.95:
        return "99.9%"
    return "<0.1%" if percent < 0.05 else f"{percent:.1f}%".replace("100.0%", "100%")


def _minute(at: str) -> str:
    return at[:16].replace("T", " ") if at else "-"


def _title(console: Console, text: str) -> None:
    console.print()
    console.print(Text(plain(text), style="bold"))
