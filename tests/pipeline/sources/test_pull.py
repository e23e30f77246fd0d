"""Pages of a table, whatever times its rows have; and rows as records, whatever their cells hold."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.asim.mapping.native_reader import Row
from tidewaiter.content import sources
from tidewaiter.pipeline.sources.pull import Page, TooDense, pages, pulled_objects, write_page
from tidewaiter.sentinel import Unreadable
from tidewaiter.sentinel.query import Answer, Column, Problem, QueryTable

START = datetime(2026, 3, 5, tzinfo=UTC)
END = START + timedelta(seconds=10)
COLUMNS = (Column("Id", "string"), Column("tw_received", "datetime"))
_BOUND = re.compile(r"(ingestion_time\(\)|TimeGenerated) (>=|<) datetime\(([^)]+)Z\)")


def ticks(text):
    """A time as ticks of 100 ns, which is what the service compares."""
    whole, _, digits = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(f"{whole}+00:00").timestamp()) * 10**7 + int(digits.ljust(7, "0"))


class Table:
    """Answers as the service does, to the tick; an answer of more than `most` rows is partial."""

    def __init__(self, rows, most=500_000):
        self.rows = rows  # (id, received, generated)
        self.most = most
        self.asked = []

    async def __call__(self, kql):
        self.asked.append(kql)
        [limit] = map(int, re.findall(r"top (\d+) by tw_received asc", kql))
        generated = "tw_received = TimeGenerated" in kql
        found = [row for row in self.rows if self.within(row, kql)]
        found.sort(key=lambda row: ticks(row[2 if generated else 1]))
        shown = [(row[0], row[2 if generated else 1]) for row in found[:limit]]
        partial = Problem("PartialError") if len(shown) > self.most else None
        return Answer((QueryTable(COLUMNS, tuple(shown[: self.most])),), partial)

    @staticmethod
    def within(row, kql):
        for name, sign, text in _BOUND.findall(kql):
            mine, theirs = ticks(row[2] if name == "TimeGenerated" else row[1]), ticks(text)
            if not (mine >= theirs if sign == ">=" else mine < theirs):
                return False
        return True


def read(table, most=3):
    async def main():
        return [page async for page in pages(table, "AWSGuardDuty", START, END, most=most)]

    return asyncio.run(main())


def ids(found):
    return [row["Id"] for page in found for row in page.rows]


def at(second, tick=0):
    return f"2026-03-05T00:00:{second:02d}.{tick:07d}Z"


def test_the_query_filters_by_time_first_and_writes_literals():
    table = Table([])
    read(table)

    assert table.asked == [
        "AWSGuardDuty\n"
        "| where ingestion_time() >= datetime(2026-03-05T00:00:00.000000Z) and "
        "ingestion_time() < datetime(2026-03-05T00:00:10.000000Z)\n"
        "| extend tw_received = ingestion_time()\n"
        "| top 3 by tw_received asc"
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.sampled_from([0, 1, 9, 10, 11]), st.integers(0, 30)), max_size=20
    ),
    st.integers(2, 5),
    st.integers(3, 20),
)
def test_every_row_is_read_once_whatever_the_times_and_limits(times, most, limit):
    rows = [(n, at(second, tick), at(n % 60, extra)) for n, (second, tick, extra) in enumerate(times)]

    found = read(Table(rows, limit), most)

    assert sorted(ids(found)) == list(range(len(rows)))
    assert found[-1].until == END
    assert [page.until for page in found] == sorted(page.until for page in found)


def test_rows_before_and_at_the_end_of_the_window_are_not_asked_for():
    rows = [
        ("before", "2026-03-04T23:59:59.9999999Z", at(1)),
        ("first", at(0), at(1)),
        ("end", at(10), at(1)),
    ]

    assert ids(read(Table(rows))) == ["first"]


def test_what_was_read_is_noted_only_when_all_before_it_was():
    rows = [(n, at(1), at(n)) for n in range(8)]

    found = read(Table(rows))

    instant = START + timedelta(seconds=1)
    assert [page.until <= instant for page in found[:-2]] == [True] * (len(found) - 2)
    assert len({(page.start, page.end, page.part) for page in found}) == len(found)


def test_more_rows_of_one_time_than_an_answer_holds_are_an_error():
    with pytest.raises(TooDense, match="rows of AWSGuardDuty are of one time"):
        read(Table([(n, at(1), at(2)) for n in range(50)], most=20))


@pytest.mark.parametrize(
    "table", [QueryTable(COLUMNS[:1], (("a",),)), QueryTable(COLUMNS, (("a", "soon"),) * 3)]
)
def test_an_answer_that_is_not_of_the_query_is_an_error(table):
    async def ask(_):
        return Answer((table,))

    with pytest.raises(Unreadable):
        read(ask)


# Rows as records

GUARDDUTY: Row = {
    "Id": "5c0f", "AccountId": "900100200301", "ActivityType": "Recon:EC2/Portscan", "Severity": 5,
    "TimeGenerated": "2026-03-04T09:18:02.114Z", "TimeCreated": "2026-03-04T09:18:02Z",
    "ResourceDetails": '{"resourceType": "Instance"}', "ServiceDetails": '{"count":1}', "Region": "",
    "TenantId": "t", "Type": "AWSGuardDuty",
}  # fmt: skip
HUB: Row = {
    "AwsSecurityFindingId": "odd/1", "AwsSecurityFindingUpdatedAt": "2026-03-04T09:18:02.114Z",
    "AwsSecurityFindingSeverity": '{"Label":"HIGH"}', "ComplianceStatus": "FAILED",
}  # fmt: skip


def reader(source):
    found = sources()[source].pulled
    assert found is not None
    return found


def record(source, row):
    found = reader(source).read(row)
    assert b"\n" not in found.record
    return json.loads(found.record), found.cut


def test_a_guardduty_row_is_the_finding_as_the_export_writes_it():
    found, cut = record("aws_guardduty", GUARDDUTY)

    assert cut == ()
    assert found == {
        "id": "5c0f", "accountId": "900100200301", "type": "Recon:EC2/Portscan", "severity": 5,
        "updatedAt": "2026-03-04T09:18:02.114Z", "createdAt": "2026-03-04T09:18:02.000Z",
        "resource": {"resourceType": "Instance"}, "service": {"count": 1},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "written"),
    [
        ("2026-03-04T09:18:02.1140000Z", "2026-03-04T09:18:02.114Z"),
        ("2026-03-04T09:18:02.11Z", "2026-03-04T09:18:02.110Z"),
        ("2026-03-04T09:18:02.114001Z", "2026-03-04T09:18:02.114001Z"),
        ("2026-03-04T09:18:02.1140001Z", "2026-03-04T09:18:02.1140001Z"),
        ("not a time", "not a time"),
    ],
)
def test_times_are_written_as_aws_writes_them(cell, written):
    assert record("aws_guardduty", {**GUARDDUTY, "TimeGenerated": cell})[0]["updatedAt"] == written


def finding(name="odd/1", at="2026-03-04T09:18:02.114Z", **more):
    return {"Id": name, "UpdatedAt": at} | more


def test_a_security_hub_row_is_the_finding_that_its_event_holds():
    several = [finding("other"), finding(at="2026-03-01T00:00:00.000Z", n=1), "no finding", finding(n=2)]
    raw = json.dumps({"findings": several}, indent=1)

    assert record("aws_securityhub", {**HUB, "RawData": raw}) == (finding(n=2), ())


@pytest.mark.parametrize(
    "at",
    [
        "2026-03-04T09:18:02.114Z",
        "2026-03-04T10:18:02.114+01:00",
        "2026-03-04T09:18:02.114000123Z",
        "2026-03-04T09:18:02.114+00:00",
    ],
)
def test_of_several_states_of_a_finding_the_row_is_the_one_of_its_time_however_that_is_written(at):
    several = [finding(at="2026-03-01T00:00:00.000Z", n="old"), finding(at=at, n="new")]

    assert record("aws_securityhub", {**HUB, "RawData": json.dumps({"findings": several})}) == (
        finding(at=at, n="new"),
        (),
    )


def test_of_several_states_of_which_none_has_the_rows_time_the_columns_tell():
    several = [finding(at=f"2026-03-0{day}T00:00:00.000Z", Title="old") for day in (1, 2)]
    found, cut = record("aws_securityhub", {**HUB, "RawData": json.dumps({"findings": several})})

    assert (found["UpdatedAt"], cut) == (HUB["AwsSecurityFindingUpdatedAt"], ())
    assert "Title" not in found


@pytest.mark.parametrize(
    ("raw", "cut"),
    [
        ("", ()),
        ('{"findings":[{"Id":"odd/1","Upd', ("RawData",)),
        ('{"findings":{"Id":"odd/1"}}', ("RawData",)),
        ('{"findings":[{"Id":"another"}]}', ()),
        ('{"detail":[]}', ()),
        ("[" * 100_000, ("RawData",)),
    ],
)
def test_without_the_whole_finding_the_columns_tell(raw, cut):
    found, said = record("aws_securityhub", {**HUB, "RawData": raw})

    assert said == cut
    assert (found["Id"], found["UpdatedAt"]) == ("odd/1", "2026-03-04T09:18:02.114Z")
    assert found["Severity"] == found["FindingProviderFields"]["Severity"] == {"Label": "HIGH"}
    assert found["Compliance"] == {"Status": "FAILED"}


CELLS = st.one_of(
    st.none(),
    st.text(st.characters(), max_size=20),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.sampled_from(['{"a":', "[1,2", '{"a":"\ud800"}', "\ud800", '{"a":1e999}', "{}", "[" * 5_000]),
)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sampled_from(["aws_guardduty", "aws_securityhub"]))
def test_every_row_becomes_a_record_on_one_line_whatever_it_holds(data, source):
    names = {place.column for place in reader(source).places} | {"RawData", "Other"}
    row = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(sorted(names), CELLS)))

    found = reader(source).read(row).record

    assert isinstance(json.loads(found), dict)
    assert b"\n" not in found


def test_a_page_is_an_object_of_the_sources_own_form(tmp_path):
    page = Page(START, END, (GUARDDUTY, {**GUARDDUTY, "ServiceDetails": '{"cut'}), END)

    written = write_page(tmp_path, "aws_guardduty", page, reader("aws_guardduty"))
    [found] = pulled_objects(tmp_path, ["aws_guardduty", "aws_securityhub"])

    assert (written.rows, written.cut) == (2, {"ServiceDetails": 1})
    assert found.id == "pulled/aws_guardduty/20260305T000000.000000Z-20260305T000010.000000Z.ndjson.gz"
    assert len(gzip.decompress(found.path.read_bytes()).splitlines()) == 2
    assert [path.name for path in found.path.parent.iterdir()] == [found.path.name]


def test_only_sources_of_findings_with_a_table_of_their_own_are_pulled():
    assert [name for name, spec in sources().items() if spec.pulled] == ["aws_guardduty", "aws_securityhub"]
