# ruff: noqa: E501  (a query is read on one line)
from __future__ import annotations

import json

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


TABLE = {
    **{f"key {n}": f"value {n}" for n in range(100)},
    "x'\"y\\": "B",
    "7": 7,
    "a/b~c": "C",
    "$": "D",
    "": "E",
}


@pytest.mark.parametrize("written", ["dynamic({})", "parse_json('{}')"])
def test_a_table_of_keys_gives_what_a_bag_gives(run, written: str):
    text = json.dumps(TABLE)
    listed = written.replace(
        "{}", text if "dynamic" in written else text.replace("\\", "\\\\").replace("'", "\\'")
    )
    keys = json.dumps([*TABLE, "key", "KEY 1"])
    query = f"""let known = {listed};
    datatable(Keys: dynamic) [dynamic({keys})] | mv-expand Keys | extend Key = tostring(Keys)
    | project Key, Found = tostring(known[Key]), Type = gettype(known[Key]), Number = isnull(known[strlen(Key)])"""
    found = {key: (value, kind) for key, value, kind, nothing in run(query).rows if nothing}
    wanted = {
        key: (str(value), "string" if isinstance(value, str) else "long") for key, value in TABLE.items()
    }
    assert found == {**wanted, "key": ("", "null"), "KEY 1": ("", "null")}
