"""`tidewaiter assess`: what lies in a folder, in figures that can be worked out by hand."""

from __future__ import annotations

import gzip
import json
from hashlib import sha256

import pytest

from tests.app import logs

ACCOUNT, REGION, BUCKET = "210987654321", "eu-north-1", "harbour-trail"
FOLDER = f"AWSLogs/{ACCOUNT}/CloudTrail"


def at(number: int, minute: int) -> dict[str, object]:
    moment = f"2026-03-01T{minute // 60:02}:{minute % 60:02}:00Z"
    return logs.event(number) | {"eventTime": moment, "recipientAccountId": ACCOUNT, "awsRegion": REGION}


def put(root, key, document):
    path = root / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    return path


@pytest.fixture(scope="module")
def day(tmp_path_factory):
    """An event every 5 minutes of a day but for 2 hours, four of them twice; a digest that names 3 files."""
    root = tmp_path_factory.mktemp("assess") / "logs"
    events = [
        at(number, minute) for number, minute in enumerate(range(0, 1440, 5)) if not 600 <= minute < 720
    ]
    keys = []
    for part, some in enumerate((events[:130], events[130:])):
        name = f"{ACCOUNT}_CloudTrail_{REGION}_20260301T{8 + part:02}05Z_part{part}.json.gz"
        keys.append(f"{FOLDER}/{REGION}/2026/03/01/{name}")
        put(root, keys[-1], {"Records": some})
    put(root, f"{FOLDER}/{REGION}/2026/03/01/again.json.gz", {"Records": events[:4]})
    named = [
        {"s3Object": key, "hashValue": sha256(gzip.decompress((root / key).read_bytes())).hexdigest()}
        for key in keys
    ]
    gone = {"s3Object": f"{FOLDER}/{REGION}/2026/03/01/gone.json.gz", "hashValue": "00"}
    name = f"{ACCOUNT}_CloudTrail-Digest_{REGION}_harbour_eu-north-1_20260302T000000Z.json.gz"
    digest = {
        "awsAccountId": ACCOUNT,
        "digestStartTime": "2026-03-01T00:00:00Z",
        "digestEndTime": "2026-03-02T00:00:00Z",
        "digestS3Bucket": BUCKET,
        "digestS3Object": f"AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/03/02/{name}",
        "logFiles": [*named, gone],
    }
    put(root, digest["digestS3Object"], digest)
    logs.write(root / "notes.txt", b"not a log")
    return root


@pytest.fixture
def found(cli, day):
    said = cli("assess", day, "--json", "--workers", "1", "--price", "4")
    assert said.code == 3, "a file that a digest names is gone"
    return json.loads(said.out)


def test_it_counts_what_is_there(found):
    trail = found["sources"]["aws_cloudtrail"]
    assert (trail["objects"], trail["records"], trail["valid"], trail["quarantined"]) == (4, 268, 268, 0)
    assert (trail["accounts"], trail["regions"]) == ({ACCOUNT: 268}, {REGION: 268})
    assert (trail["first"][:16], trail["last"][:16]) == ("2026-03-01T00:00", "2026-03-01T23:55")
    assert [each["path"] for each in found["unrecognized"]] == ["notes.txt"]


def test_the_bill_is_that_of_the_rows_in_sentinels_own_table(found, cli, day, tmp_path):
    trail = found["sources"]["aws_cloudtrail"]
    (tmp_path / "settings.toml").write_text('[sources.aws_cloudtrail]\ndestination = "native"\n')
    assert (
        cli(
            "run", "--from", day, "--once", "--state", tmp_path / "s", "--config", tmp_path / "settings.toml"
        ).code
        == 0
    )
    report = json.loads((tmp_path / "s" / "report.json").read_bytes())["sources"]["aws_cloudtrail"]
    # A run delivers an event once; Sentinel would keep, and bill, both copies.
    assert trail["billed_bytes"] == {"AWSCloudTrail": report["billed_bytes_after"] + trail["duplicate_bytes"]}
    assert trail["duplicates"] == report["duplicate"] == 4
    month = sum(trail["billed_bytes"].values()) / trail["days"] * 30
    assert trail["billed_bytes_per_month"] == pytest.approx(month, rel=1e-3)
    assert trail["cost_per_month"] == pytest.approx(month / 1e9 * 4, abs=0.01)


def test_the_talkers_bytes_are_all_of_the_source_where_few_talk(found):
    trail = found["sources"]["aws_cloudtrail"]
    assert sum(each["rows"] for each in trail["talkers"]) == 268
    assert sum(each["billed_bytes"] for each in trail["talkers"]) == sum(trail["billed_bytes"].values())


def test_two_hours_without_records_are_told_and_no_other_silence(found):
    (silence,) = found["sources"]["aws_cloudtrail"]["silences"]
    assert (silence["account"], silence["region"]) == (ACCOUNT, REGION)
    assert (silence["start"], silence["end"]) == ("2026-03-01T10:00:00+00:00", "2026-03-01T12:00:00+00:00")


def test_a_file_that_a_digest_names_and_that_is_not_there_is_told(found):
    (trail,) = found["trails"]
    assert (trail["log_files"], trail["intact"], trail["trail"]) == (3, 2, "harbour")
    assert [(each["kind"], each["key"].rsplit("/")[-1]) for each in trail["problems"]] == [
        ("missing_log", "gone.json.gz"),
        ("unnamed_log", "again.json.gz"),
    ]


def test_the_page_begins_with_what_matters(cli, day):
    said = cli("assess", day, "--workers", "1", "--price", "4")
    assert said.code == 3
    first = said.out.split("What is there")[0]
    assert (
        "268 records of 1 source, 1 account and 1 region, from 2026-03-01 00:00 to 2026-03-01 23:55" in first
    )
    assert "USD at 4.00 per GB" in first
    assert "4 events lie there more than once" in first
    assert "100% of the records map to ASIM" in first
    assert "name 3 log files, 2 are there and unchanged; 1 gone, 1 named by no digest" in first
    assert "1 unusual silence of up to 2.0 hours" in first
    for part in ("What Sentinel would bill", "Who is talking most", "What maps to ASIM", "Unusual silences"):
        assert part in said.out


def test_without_a_price_it_gives_the_range_of_list_prices(cli, day):
    assert "USD at list prices" in cli("assess", day, "--workers", "1").out


def test_what_cannot_be_read_is_told_and_makes_the_exit_code_5(cli, tmp_path):
    good = put(
        tmp_path / "in", f"{FOLDER}/{REGION}/2026/03/01/a.json.gz", {"Records": [at(1, 5), {"eventTime": 5}]}
    )
    good.with_name("b.json.gz").write_bytes(good.read_bytes()[:-9])
    said = cli("assess", tmp_path / "in", "--workers", "1")
    assert said.code == 5
    assert "b.json.gz [truncated]" in said.out.split("What could not be read")[1]
    assert "record" in said.out.split("What could not be read")[1]


def test_a_folder_without_logs_is_said_to_have_none(cli, tmp_path):
    logs.write(tmp_path / "in" / "notes.txt", b"not a log")
    said = cli("assess", tmp_path / "in")
    assert said.code == 2
    assert "no record of a known source lies there" in said.out


def test_records_without_a_time_that_can_be_true_are_a_page_too(cli, tmp_path):
    put(tmp_path / "in", "a.json.gz", {"Records": [at(1, 5) | {"eventTime": "1999-01-01T00:00:00Z"}]})
    said = cli("assess", tmp_path / "in", "--workers", "1")
    assert said.code == 0
    assert "none with a time" in said.out


@pytest.mark.parametrize("price", ["inf", "nan"])
def test_a_price_is_a_number(cli, day, price):
    said = cli("assess", day, "--price", price)
    assert said.code == 2
    assert "price" in said.err


def test_a_bucket_is_refused_with_what_to_do(cli):
    said = cli("assess", "s3://harbour-trail/AWSLogs")
    assert said.code == 2
    assert "aws s3 sync" in said.err


def test_records_that_change_their_form_are_told(cli, tmp_path):
    events = [at(number, number % 1440) for number in range(5_600)]
    for event in events[4_600:]:
        event["userAgent"] = {"name": event.pop("userAgent", "aws-cli")}
    for part in range(56):
        put(
            tmp_path / "in",
            f"{FOLDER}/{REGION}/2026/03/01/part{part:02}.json.gz",
            {"Records": events[part * 100 : part * 100 + 100]},
        )
    found = json.loads(cli("assess", tmp_path / "in", "--workers", "1", "--json").out)
    assert ("type_change", "userAgent") in {(each["kind"], each["field"]) for each in found["drift"]}
    said = cli("assess", tmp_path / "in", "--workers", "1")
    assert "records changed their form in" in said.out
    assert "userAgent" in said.out.split("What changed its form on the way")[1]
