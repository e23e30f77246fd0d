"""The plausibility page: its statistics are right, and its numbers are those of the generated day."""

from __future__ import annotations

import json
import re
from collections import Counter

import pytest

from tidewaiter.lab.generator import generate
from tools import plausibility
from tools.marginals import Measure, accesses, flows, overlap, quantile, rank_correlation, trail


def record(name, at, arn="arn:a", **more):
    return {
        "eventName": name,
        "eventSource": "s3.amazonaws.com",
        "eventTime": at,
        "userIdentity": {"type": "IAMUser", "arn": arn},
        "readOnly": name.startswith("Get"),
        **more,
    }


@pytest.fixture
def corpora(tmp_path):
    """A folder with a few records in each of the places where a corpus lies."""
    folder = tmp_path / "corpora"
    some = [record("GetObject", f"2026-03-17T08:00:0{second}Z") for second in range(6)]
    flow = "2 1 eni-0 192.0.2.1 10.0.0.1 40000 22 6 1 40 1 59 REJECT OK"
    line = 'o b [17/Mar/2026:08:00:00 +0000] 10.0.0.1 - ID REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 1'
    for each in plausibility.TRAILS:
        write(folder, each.pattern, "\n".join(map(json.dumps, some)))
    for each in plausibility.FLOWS:
        write(folder, each.pattern, json.dumps([{"_raw": flow}, {"body": flow}]))
    for each in plausibility.ACCESSES:
        write(folder, each.pattern, line)
    return folder


def write(folder, pattern, text):
    path = folder / pattern.replace("*", "sample")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def value(measures, name):
    (found,) = [each.value for each in measures if each.name == name]
    return found


def test_statistics_of_a_handful_of_records_are_what_one_counts_by_hand():
    records = [
        record("GetObject", "2026-03-17T08:00:00Z"),
        record("GetObject", "2026-03-17T08:00:01Z"),
        record("GetObject", "2026-03-17T08:01:01Z", errorCode="AccessDenied"),
        record("PutObject", "2026-03-17T08:00:00Z", arn="arn:b", errorCode="SlowDown"),
    ]
    measures = trail(records).measures
    assert value(measures, "events") == 4
    assert value(measures, "calls that failed") == 0.5
    assert value(measures, "of these, refused") == 0.5
    assert value(measures, "calls that only read") == 0.75
    assert value(measures, "share of the busiest caller") == 0.75
    assert value(measures, "same caller again within a second") == 0.5
    assert value(measures, "time to the same caller's next call, 90%") == 60
    lengths = sorted(len(json.dumps(each, separators=(",", ":"))) for each in records)
    assert value(measures, "record size, median") == lengths[2]


def test_rank_correlation_is_one_for_the_same_order_and_minus_one_for_the_reverse():
    up = Counter({name: count for count, name in enumerate("abcdefg", start=1)})
    down = Counter({name: count for count, name in enumerate("gfedcba", start=1)})
    assert rank_correlation(up, up)[0] == pytest.approx(1.0)
    assert rank_correlation(up, down)[0] == pytest.approx(-1.0)
    assert rank_correlation(up, down)[1] == 7
    assert rank_correlation(up, Counter({"a": 1})) == (None, 1)
    assert rank_correlation(up, Counter(dict.fromkeys("abcdefg", 3)))[0] is None


def test_overlap_and_quantiles():
    assert overlap(Counter("ab"), Counter("aabc"), 2) == 1.0
    assert overlap(Counter("xy"), Counter("aabc"), 3) == 0.0
    assert overlap(Counter("xy"), Counter(), 3) is None
    assert quantile([4.0, 1.0, 3.0, 2.0], 0.5) == 3.0
    assert quantile([], 0.5) is None


def test_numbers_are_apart_by_a_factor_of_two_or_twenty_points():
    assert plausibility.apart(Measure("size", 100.0, "count"), Measure("size", 201.0, "count"))
    assert not plausibility.apart(Measure("size", 100.0, "count"), Measure("size", 199.0, "count"))
    assert plausibility.apart(Measure("part", 0.1), Measure("part", 0.31))
    assert not plausibility.apart(Measure("part", 0.1), Measure("part", 0.29))
    assert not plausibility.apart(Measure("part", None), Measure("part", 0.9))
    assert not plausibility.apart(Measure("events", 9.0, "count"), Measure("events", 900.0, "count"))


def test_flow_and_access_lines_are_counted():
    text = "2 1 eni-0 192.0.2.1 10.0.0.1 443 40000 6 2 80 1 59 REJECT OK"
    line, gap = text.split(), text.replace("REJECT OK", "- NODATA").split()
    assert value(flows([line, gap]), "with data") == 0.5
    assert value(flows([line, gap]), "rejected") == 1.0
    assert value(flows([line, gap]), "bytes a packet, median") == 40
    text = 'o b [17/Mar/2026:08:00:00 +0000] 10.0.0.1 - ID REST.GET.OBJECT k "GET /k HTTP/1.1" 403 No 1'
    assert value(accesses([text]), "anonymous") == 1.0
    assert value(accesses([text]), "refused or failed") == 1.0


def test_a_page_is_made_of_any_corpora_in_their_places(corpora, tmp_path):
    generate(tmp_path / "day", events=600)
    assert plausibility.absent(corpora) == []
    page = plausibility.render(tmp_path / "day", corpora, 600)
    assert "600 CloudTrail events" in page
    assert "## Where the day is implausible" in page
    for line in page.splitlines():
        if line.startswith("| ") and "---" not in line:
            assert line.endswith(" |")


def test_missing_corpora_are_named_and_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["plausibility", str(tmp_path)])
    monkeypatch.setattr(plausibility, "PAGE", tmp_path / "page.md")
    with pytest.raises(SystemExit) as caught:
        plausibility.main()
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert "invictus/events.jsonl" in said
    assert "next: give the folder" in said
    assert not (tmp_path / "page.md").exists()


def test_the_page_tells_of_the_day_that_the_generator_makes_today(repo, tmp_path):
    """Corpora are not part of the project, so the page is not made anew here; its first column is."""
    page = (repo / "docs/plausibility.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| ([^|]+) \| ([^|]+) \|", page.split("### Which events")[0], re.MULTILINE))
    generate(tmp_path, events=plausibility.EVENTS, seed=plausibility.SEED)
    for each in trail(list(plausibility._day_records(tmp_path))).measures:
        text = told[each.name]
        assert each.value is not None
        if each.form == "share":
            assert float(text.rstrip("%")) / 100 == pytest.approx(each.value, abs=0.03), each.name
        else:
            assert float(text.replace(",", "")) == pytest.approx(each.value, rel=0.2, abs=2), each.name
