"""Microsoft's public AWS rules bind against the columns that our native rows fill.

Each `.kql` is ours, restated from the rule's name, as a Sentinel engineer would write it; the YAML beside it
has events that it must find and look-alikes that it must not. The rules are those of Microsoft's solutions on
AWSCloudTrail, AWSGuardDuty and AWSVPCFlow (as of 2026-11, no public one reads AWSVPCFlow) whose other tables,
if any, a source of ours fills.
"""

from __future__ import annotations

import re

import pytest

from tests.kql.public_rules.events import RULES, Rule
from tests.kql.service.test_kql_native import narrowed
from tidewaiter.kql.lint import check
from tidewaiter.kql.service import Catalog, LanguageService, standard


@pytest.fixture(scope="module")
def ours() -> Catalog:
    return narrowed(standard())


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
