from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tidewaiter.content.detection_specs import detections, load_detection
from tidewaiter.content.folders import Folder
from tidewaiter.pipeline.detect import check_detection


@pytest.fixture
def own(tmp_path, bench):
    """A copy of a detection's folder to be spoiled, and what the check then says."""
    place = Path(str(detections()["new_persistence"].folder.root))
    shutil.copytree(place, tmp_path / "mine")

    def problems():
        spec = load_detection(Folder("mine", tmp_path / "mine"))
        return [(problem.sample, problem.message) for problem in check_detection(spec, bench.normalizer)]

    return tmp_path / "mine", problems


def test_a_sound_detection_has_no_problem(own):
    assert own[1]() == []


def test_a_hit_that_does_not_hit_is_a_problem(own):
    folder, problems = own
    shutil.copy(folder / "miss/key_made_inactive.json", folder / "hit/key_reactivated.too.json")

    assert problems() == [
        ("hit/key_reactivated.too.json", "must be taken by 'key_reactivated', but nothing speaks")
    ]


def test_a_hit_that_another_branch_takes_is_a_problem(own):
    folder, problems = own
    shutil.copy(folder / "hit/key_created.json", folder / "hit/password_created.too.json")

    assert "must be taken by 'password_created', but 'key_created' takes it" in problems()[0][1]


@pytest.mark.parametrize("kind", ["miss", "lookalike"])
def test_a_quiet_sample_that_hits_is_a_problem(own, kind):
    folder, problems = own
    shutil.copy(folder / "hit/key_created.json", folder / kind / "x.json")

    ((sample, message),) = problems()
    assert sample == f"{kind}/x.json"
    assert message.startswith("must be silent, but 'key_created' speaks: deploy-bot created")


def test_a_quiet_sample_of_an_event_that_the_rule_does_not_look_at_proves_nothing(own):
    folder, problems = own
    text = (folder / "miss/key_made_inactive.json").read_text().replace("UpdateAccessKey", "DeleteAccessKey")
    (folder / "miss/x.json").write_text(text)

    assert problems() == [("miss/x.json", "an event that the rule does not look at")]


def test_a_branch_without_a_hit_is_a_problem(own):
    folder, problems = own
    (folder / "hit/password_created.json").unlink()

    assert problems() == [("rule.yaml", "no hit proves the branch 'password_created'")]


@pytest.mark.parametrize("kind", ["miss", "lookalike"])
def test_a_detection_without_one_kind_of_sample_has_a_problem(own, kind):
    folder, problems = own
    shutil.rmtree(folder / kind)

    assert problems() == [(kind, "no sample")]


def test_a_sample_that_is_no_json_or_no_record_is_a_problem(own):
    folder, problems = own
    (folder / "miss/a.json").write_text("{")
    (folder / "miss/b.json").write_text('{"eventName": "CreateAccessKey"}')

    (first, said), (second, told) = problems()

    assert (first, second) == ("miss/a.json", "miss/b.json")
    assert said.startswith("not JSON")
    assert told.startswith("not a record of aws_cloudtrail")


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text(" \n")])
def test_a_detection_needs_a_runbook(own, spoil):
    folder, problems = own
    spoil(folder / "runbook.md")

    assert [sample for sample, _ in problems()] == ["runbook.md"]
