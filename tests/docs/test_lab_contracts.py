"""The table of the lab's contracts names tests that exist, run, and use the client that is named."""

from __future__ import annotations

from tools import contracts_reference


def test_the_page_of_contracts_is_what_the_tests_say(repo):
    page = (repo / "docs/reference/lab-contracts.md").read_text(encoding="utf-8")

    assert page == contracts_reference.render(), "run `make docs` and commit docs/reference/lab-contracts.md"


def test_every_entry_names_a_test_that_runs_with_its_client():
    assert list(contracts_reference.problems()) == []


def test_an_entry_that_lies_is_found():
    entry = contracts_reference.Entry
    here = "tests/docs/test_lab_contracts.py::"

    lies = {
        entry("C", "HTTP", "", here + "test_none"): "no such test",
        entry("C", "HTTP", "", "tests/none.py::test_none"): "no such file",
        entry("C", "azure-identity", "", here + "test_an_entry_that_lies_is_found"): "azure.identity",
    }

    for lie, problem in lies.items():
        assert problem in " ".join(contracts_reference._problems_of(lie))
