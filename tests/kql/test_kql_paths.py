# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import pytest

BAG = """let bag = dynamic({"iam.amazonaws.com:CreateUser": "A", "x\\"y": "B", "7": "S", "a/b~c": {"k": [1, 2]}, "$": "D"});"""


@pytest.mark.parametrize(
    ("step", "found"),
    [
        ("bag[strcat('iam.amazonaws.com', ':CreateUser')]", "A"),
        ("bag[strcat('x', '\"y')]", "B"),
        ("bag[tostring(Id + 6)]", "S"),
        ("bag[strcat('a/', 'b~c')].k[Id]", "2"),
        ("bag[strcat('a/', 'b~c')]['k'][-Id]", "2"),
        ("bag[strcat('$', '')]", "D"),
        ("bag[strcat('', '')]", ""),
        ("bag[strcat('Iam', '')]", ""),
        ("bag[Id]", ""),
        ("dynamic(['p', 'q'])[Id]", "q"),
        ("dynamic(['p', 'q'])[Id - 2]", "q"),
        ("dynamic(['p', 'q'])[Id + 1]", ""),
        ("dynamic(['p', 'q'])[tostring(Id)]", ""),
        ("Data['k'][Name]", ""),
    ],
)
def test_a_text_steps_into_a_bag_and_a_number_into_an_array(run, step: str, found: str):
    assert run(f"{BAG} Calls | where Id == 1 | project Found = tostring({step})").rows == [(found,)]
