"""`mapping test` must see what is wrong: each kind of fault is planted and must be found."""

from __future__ import annotations

import shutil
from importlib.resources import as_file
from pathlib import Path

import msgspec
import pytest

from tidewaiter.content import Folder, SourceSpec, load_source, sources
from tidewaiter.pipeline.normalize import check
from tidewaiter.pipeline.normalize.check import SourceCheck, check_source, write_expected
from tidewaiter.pipeline.normalize.coverage import coverage

KEPT = {
    "aws_vpcflow": ["v2_default.log", "quarantined_lines.log", "v10_with_a_field_of_tomorrow.log"],
    "aws_cloudtrail": ["console_login_root_mfa.json", "s3_put_object.json", "quarantined_records.json"],
}


@pytest.fixture(params=sorted(KEPT))
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a source's folder with three of its samples."""
    source = sources()[str(request.param)]
    target = tmp_path / source.id
    with as_file(source.folder.root) as real:
        shutil.copytree(real, target, ignore=shutil.ignore_patterns("samples", "expected"))
        (target / "samples").mkdir()
        (target / "expected").mkdir()
        for name in KEPT[source.id]:
            shutil.copy(real / "samples" / name, target / "samples")
            expected = f"{Path(name).stem}.json"
            shutil.copy(real / "expected" / expected, target / "expected")
    return target


def load(folder: Path) -> SourceSpec:
    return load_source(Folder(folder.name, folder))


def checked(folder: Path) -> SourceCheck:
    return check_source(load(folder))


def first_expected(folder: Path) -> Path:
    return folder / "expected" / f"{Path(KEPT[folder.name][0]).stem}.json"


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def test_a_sound_copy_has_no_problems(folder: Path):
    found = checked(folder)
    assert (found.problems, found.mismatches, found.asim_errors) == ((), 0, 0)
    assert found.samples == 3
    assert found.records == found.rows + found.quarantined
    assert found.quarantined > 0


def test_a_changed_value_is_named_with_its_sample_and_column(folder: Path):
    edit(first_expected(folder), '"EventVendor": "AWS"', '"EventVendor": "Amazon"')
    [problem] = checked(folder).problems
    assert (problem.kind, problem.sample, problem.column) == ("snapshot", KEPT[folder.name][0], "EventVendor")
    assert (problem.expected, problem.got) == ('"Amazon"', '"AWS"')


def test_a_missing_row_is_seen(folder: Path):
    path = first_expected(folder)
    rows = msgspec.json.decode(path.read_bytes(), type=list[msgspec.Raw])
    path.write_bytes(msgspec.json.encode(rows[1:]))
    assert checked(folder).problems[0].kind == "snapshot"


def test_another_table_is_seen(folder: Path):
    edit(first_expected(folder), '"table": "ASim', '"table": "BSim')
    [problem] = checked(folder).problems
    assert (problem.kind, problem.column) == ("snapshot", "table")


def test_a_quarantine_that_is_not_expected_is_seen(folder: Path):
    path = next(path for path in (folder / "expected").iterdir() if path.name.startswith("quarantined"))
    edit(path, '"quarantined": "wrong_type"', '"quarantined": "invalid"')
    [problem] = checked(folder).problems
    assert (problem.kind, problem.expected, problem.got) == ("snapshot", "invalid", "wrong_type")


def test_missing_damaged_and_stale_expected_files_are_named(folder: Path):
    first_expected(folder).unlink()
    (folder / "expected" / "gone.json").write_text("[]")
    second = folder / "expected" / f"{Path(KEPT[folder.name][1]).stem}.json"
    second.write_text("[{]")
    problems = checked(folder).problems
    assert {problem.kind for problem in problems} == {"expected"}
    assert {problem.sample for problem in problems} == {"gone.json", *KEPT[folder.name][:2]}


def test_a_value_that_asim_does_not_allow_is_an_error_and_no_mismatch(folder: Path):
    name = "mapping.network_session.yaml" if folder.name == "aws_vpcflow" else "mapping.authentication.yaml"
    edit(folder / name, "EventType: ", "EventType: \"'Party'\"\n  DvcDescription: ")
    write_expected(load(folder), folder / "expected")
    found = checked(folder)
    assert found.mismatches == 0
    assert found.asim_errors == 1
    assert {problem.kind for problem in found.problems} == {"asim"}
    assert not found.ok


def test_a_compiler_that_departs_from_the_interpreter_is_caught(
    folder: Path, monkeypatch: pytest.MonkeyPatch
):
    real = check._run

    def departed(*args: object) -> object:
        sample = real(*args)  # type: ignore[arg-type]
        for row in sample.rows:
            row.columns["EventVendor"] = b'"AWSX"'  # type: ignore[index]
        return sample

    monkeypatch.setattr(check, "_run", departed)
    kinds = [problem.kind for problem in checked(folder).problems]
    assert kinds.count("interpreter") == kinds.count("snapshot") > 0


def test_a_re_serialised_member_is_caught(folder: Path, monkeypatch: pytest.MonkeyPatch):
    real = check._judged

    def altered(sample: check._Sample) -> object:
        for row in sample.rows:
            object.__setattr__(
                row, "additional", row.additional.replace(b'"Yes"', b'"yes"').replace(b'"1"', b"1")
            )
        return real(sample)

    monkeypatch.setattr(check, "_judged", altered)
    assert "verbatim" in {problem.kind for problem in checked(folder).problems}


def test_expected_files_are_written_once_and_then_left_alone(folder: Path):
    first_expected(folder).unlink()
    assert write_expected(load(folder), folder / "expected") == [first_expected(folder).name]
    assert write_expected(load(folder), folder / "expected") == []
    assert not checked(folder).problems


def test_coverage_counts_what_the_table_has_and_names_what_is_missing(folder: Path):
    before = coverage(load(folder))
    path = (
        folder / "mapping.network_session.yaml"
        if folder.name == "aws_vpcflow"
        else folder / "mapping.common.yaml"
    )
    edit(
        path,
        "  SrcIpAddr:",
        "  SrcDescription:" if folder.name == "aws_vpcflow" else "  SrcOriginalRiskLevel:",
    )
    after = coverage(load(folder))
    assert after.share < before.share
    assert all("SrcIpAddr" in part.missing for part in after.schemas)
    compiled = "polars" if folder.name == "aws_vpcflow" else "python"
    assert before.targets == (compiled, "kql", "transform", "docs")
