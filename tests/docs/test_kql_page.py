"""The page of what KQL runs says what the executor's registries say, and the executor does what it says."""

from __future__ import annotations

import pytest

from tidewaiter.core.errors import NotExecutable
from tidewaiter.kql import Executor
from tools import kql_reference


def test_the_page_of_kql_is_what_the_executor_says(repo):
    page = (repo / "docs/reference/kql.md").read_text(encoding="utf-8")

    assert page == kql_reference.render(), "run `make docs` and commit docs/reference/kql.md"


@pytest.mark.parametrize("name", kql_reference.KNOWN_REFUSED)
def test_a_function_that_the_page_calls_refused_is_refused_by_its_name(name):
    call = f"{name}(x)" if name != "new_guid" else "new_guid()"
    with Executor(None, {}) as executor, pytest.raises(NotExecutable) as caught:
        executor.check(f"print x = '1' | extend y = {call}")

    assert caught.value.construct == name
