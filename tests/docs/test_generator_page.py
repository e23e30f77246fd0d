"""The page about the generated company is made from the generator, and tells of everyone and everything."""

from __future__ import annotations

import pytest

from tidewaiter.lab.generator.faults.bodies import BODIES
from tidewaiter.lab.generator.personas import PERSONAS
from tidewaiter.lab.generator.stories import CAMPAIGNS, LOOKALIKES
from tidewaiter.lab.generator.truth import Truth
from tools import generator_reference


@pytest.fixture(scope="module")
def page():
    return generator_reference.PAGE.read_text(encoding="utf-8")


def test_the_page_is_the_one_that_the_generator_gives(page):
    assert page == generator_reference.render(), "run `make docs`"


@pytest.mark.parametrize(
    "name",
    [
        *(each.id for each in PERSONAS),
        *(each.id for each in CAMPAIGNS),
        *(each.id for each in LOOKALIKES),
        *BODIES,
        *Truth.__struct_fields__,
    ],
)
def test_every_persona_story_fault_and_member_of_the_truth_is_on_it(page, name):
    assert f"| `{name}` |" in page


def test_a_type_is_named_as_a_reader_of_json_knows_it():
    assert generator_reference._type(int, set()) == "number"
    assert generator_reference._type(tuple[str, ...], set()) == "list of text"
    assert generator_reference._type(dict[str, int], set()) == "object of numbers"
    assert generator_reference._type(Truth, {"Truth"}) == "[Truth](#truth)"
