"""The restated public rules run on a delivered day, and find what was planted for them and nothing else."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.kql.public_rules.events import ACCOUNTS, END_OF_DAY, NOW, RULES, Rule, Scenario
from tidewaiter.core.errors import NotExecutable
from tidewaiter.kql.prepared import Prepared
from tidewaiter.lab.workspace import Workspace

pytestmark = pytest.mark.long

RUNNING = 0.85
ACCOUNT_COLUMNS = {"AWSCloudTrail": "RecipientAccountId", "AWSGuardDuty": "AccountId"}
LEAKED_KEY = {
    f"AWSCloudTrail/{slug}"
    for slug in (
        "access-key-created", "cloudtrail-logs-changed", "cloudtrail-tampered", "create-login-profile",
        "new-access-key-for-user", "user-iam-enumeration",
    )
}  # fmt: skip
"""What the generated day's one attack does: it looks around, makes ways back in, and stops the trail."""


@pytest.fixture(scope="module")
def taken(lab: Workspace) -> dict[str, Prepared | str]:
    """What the executor makes of each rule, or the construct for which it refuses it."""
    return {rule.name: _taken(rule, lab) for rule in RULES}


def _taken(rule: Rule, lab: Workspace) -> Prepared | str:
    try:
        return lab.executor().prepare(rule.query)
    except NotExecutable as error:
        return error.construct


def _of_account(account: str) -> dict[str, str]:
    """Return the AWS tables as they would be if there were but one account."""
    return {
        table: f'SELECT * FROM main."{table}" WHERE "{column}" = \'{account}\''
        for table, column in ACCOUNT_COLUMNS.items()
    }


def _not_planted() -> dict[str, str]:
    """Return the AWS tables as the generated day alone fills them."""
    return {
        table: f'SELECT * FROM main."{table}" WHERE "{column}" NOT LIKE \'{ACCOUNTS}%\''
        for table, column in ACCOUNT_COLUMNS.items()
    }


def test_most_rules_run_on_a_delivered_day(
    lab: Workspace, taken: dict[str, Prepared | str], capsys: pytest.CaptureFixture[str]
):
    ran = {name: each for name, each in taken.items() if isinstance(each, Prepared)}
    day = {
        name: lab.executor().run_prepared(each, now=END_OF_DAY, parts=_not_planted())
        for name, each in ran.items()
    }
    firing = {name for name, answer in day.items() if answer.rows}
    assert firing >= LEAKED_KEY
    assert len(firing) < len(ran) / 4, "the day is an ordinary one"
    refused = Counter(each for each in taken.values() if isinstance(each, str))
    with capsys.disabled():
        print(f"\n{len(ran)} of {len(RULES)} restated public rules run; refused: {dict(refused) or 'none'}")
    assert len(ran) / len(RULES) >= RUNNING, refused


def test_rules_find_the_planted_events_and_not_their_lookalikes(
    lab: Workspace, taken: dict[str, Prepared | str], planted: list[Scenario]
):
    wrong, found = [], {"hit": set[str](), "lookalike": set[str]()}
    for each in planted:
        query = taken[each.rule.name]
        if isinstance(query, Prepared):
            answer = lab.executor().run_prepared(query, now=NOW, parts=_of_account(each.account))
            found[each.kind].add(each.rule.name)
            wrong += [each.name] if bool(answer.rows) != (each.kind == "hit") else []
    assert wrong == []
    assert len(found["hit"]) >= 95
    assert found["hit"] == found["lookalike"]
