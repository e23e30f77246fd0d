"""Microsoft's public AWS rules on our native rows: they bind, they run, and find what they were made to find.

Each `.kql` is ours, restated from the rule's name, as a Sentinel engineer would write it; the YAML beside it
has events that it must find and look-alikes that it must not. The rules are those of Microsoft's solutions on
AWSCloudTrail, AWSGuardDuty and AWSVPCFlow (as of 2026-11, no public one reads AWSVPCFlow) whose other tables,
if any, a source of ours fills.
"""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.kql.public_rules.events import NOW, RULES, Rule, Scenario
from tests.kql.service.test_kql_native import narrowed
from tidewaiter.core.errors import NotExecutable
from tidewaiter.kql.lint import check
from tidewaiter.kql.prepared import Prepared
from tidewaiter.kql.service import Catalog, LanguageService, standard
from tidewaiter.lab.workspace import Workspace

RUNNING = 0.85
ACCOUNT_COLUMNS = {"AWSCloudTrail": "RecipientAccountId", "AWSGuardDuty": "AccountId"}


@pytest.fixture(scope="module")
def ours() -> Catalog:
    return narrowed(standard())


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


def test_every_rule_says_which_public_rule_it_restates():
    ids = [rule.id for rule in RULES]
    assert len(ids) == 104
    assert len(set(ids)) == len(ids)
    for rule in RULES:
        assert re.match(r"// [0-9a-f-]{36}: \S.*\n", rule.query), rule.name


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_a_rule_binds_against_the_columns_of_our_rows(rule: Rule, ours: Catalog, service: LanguageService):
    findings = check(rule.query, ours, service=service)
    assert [
        f"{each.line}: {each.message}" for each in findings if each.severity in ("error", "warning")
    ] == []


def test_most_rules_run_on_a_delivered_day(
    lab: Workspace, taken: dict[str, Prepared | str], capsys: pytest.CaptureFixture[str]
):
    ran = [each for each in taken.values() if isinstance(each, Prepared)]
    answers = [lab.executor().run_prepared(each, now=NOW, parts={}) for each in ran]
    assert all(answer.columns for answer in answers)
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
