from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tidewaiter.content import Folder, folders, load_source, sources
from tidewaiter.core.errors import ContentError

SOURCE = b"title: Test\ndescription: A source of tests.\nrecord: {eventTime: text}\nroutes: []\n"
RECOGNIZE = b"codec: json_records\njson:\n  - {kind: events, members: [eventTime]}\n"


@pytest.fixture
def installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[dict[str, bytes]], Path]]:
    """Install a content package with the given files, as a third party would."""
    root = tmp_path / "site" / "their_content"

    def install(files: dict[str, bytes]) -> Path:
        for name, content in {"__init__.py": b"", **files}.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)
        monkeypatch.syspath_prepend(str(root.parent))
        entry = EntryPoint("theirs", "their_content", "tidewaiter.content")
        module = sys.modules[folders.__module__]
        monkeypatch.setattr(module, "entry_points", lambda group: [entry] if group == entry.group else [])
        return root

    yield install
    sys.modules.pop("their_content", None)


def test_the_folders_of_this_package_are_found_sorted_by_their_names():
    found = [folder.id for folder in folders("sources")]

    assert found == sorted(found)
    assert {"aws_cloudtrail", "aws_vpcflow"} <= set(found)
    assert [folder.id for folder in folders("no such kind")] == []


def test_a_package_adds_a_source_by_bringing_a_folder(installed):
    installed({"sources/their_logs/source.yaml": SOURCE, "sources/their_logs/recognize.yaml": RECOGNIZE})

    found = {folder.id: folder for folder in folders("sources")}

    assert {"aws_cloudtrail", "their_logs"} <= set(found)
    assert load_source(found["their_logs"]).title == "Test"


def test_folders_that_are_hidden_or_private_and_stray_files_are_no_content(installed):
    installed({"sources/.hidden/x": b"", "sources/__pycache__/x": b"", "sources/stray.yaml": b""})

    assert {folder.id for folder in folders("sources")} == set(sources())


def test_two_packages_cannot_bring_the_same_source(installed):
    root = installed({"sources/aws_cloudtrail/source.yaml": SOURCE})

    with pytest.raises(ContentError, match="two sources have the id 'aws_cloudtrail'") as caught:
        list(folders("sources"))

    assert str(root) in str(caught.value)


def test_a_content_package_that_is_not_there_is_named(monkeypatch):
    entry = EntryPoint("theirs", "no_such_package", "tidewaiter.content")
    monkeypatch.setattr(sys.modules[folders.__module__], "entry_points", lambda group: [entry])  # noqa: ARG005

    with pytest.raises(ContentError, match=r"'theirs' cannot be found.*no_such_package") as caught:
        list(folders("sources"))

    assert "install it again" in caught.value.hint


def test_a_missing_file_is_named_with_its_folder(tmp_path):
    with pytest.raises(ContentError, match=r"cannot read source\.yaml") as caught:
        Folder("mine", tmp_path).read("source.yaml")

    assert str(caught.value.at) == str(tmp_path)


def test_files_below_a_folder_are_listed_sorted_and_read_by_name(tmp_path):
    for name in ("b.json", "a.json", "deeper/c.json"):
        (tmp_path / "samples" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "samples" / name).write_bytes(name.encode())
    folder = Folder("mine", tmp_path)

    assert folder.names("samples") == ["a.json", "b.json"]
    assert folder.names("expected") == []
    assert folder.read("samples/deeper/c.json") == b"deeper/c.json"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("source.yaml", b"title: Test\n", "description"),
        ("source.yaml", SOURCE + b"tittle: oops\n", "tittle"),
        ("source.yaml", b"title: [", "while parsing"),
        ("recognize.yaml", b"codec: avro\n", "avro"),
    ],
)
def test_a_file_of_the_wrong_shape_is_an_error_with_its_place(tmp_path, name, content, said):
    for each, sound in (("source.yaml", SOURCE), ("recognize.yaml", RECOGNIZE)):
        (tmp_path / each).write_bytes(content if each == name else sound)

    with pytest.raises(ContentError, match=said) as caught:
        load_source(Folder("mine", tmp_path))

    assert str(caught.value.at) == f"mine/{name}"


def test_a_lookup_lists_the_values_of_a_key_or_gives_one(tmp_path):
    lookups = b"lookups: [verbs]\n"
    for name, content in {
        "source.yaml": SOURCE + lookups,
        "recognize.yaml": RECOGNIZE,
        "lookups/verbs.yaml": b"Create: [Run, Make]\nStop: End\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    mapping = load_source(Folder("mine", tmp_path)).mapping

    assert mapping.lookups == {"verbs": {"Run": "Create", "Make": "Create", "Stop": "End"}}


def test_a_value_with_two_meanings_in_one_lookup_is_an_error(tmp_path):
    for name, content in {
        "source.yaml": SOURCE + b"lookups: [verbs]\n",
        "recognize.yaml": RECOGNIZE,
        "lookups/verbs.yaml": b"Create: [Run, Make]\nExecute: [Run]\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ContentError, match="'Run' is both 'Create' and 'Execute'"):
        _ = load_source(Folder("mine", tmp_path)).mapping


def test_a_lookup_of_the_wrong_shape_is_an_error_with_its_place(tmp_path):
    for name, content in {
        "source.yaml": SOURCE + b"lookups: [verbs]\n",
        "recognize.yaml": RECOGNIZE,
        "lookups/verbs.yaml": b"- no table\n",
    }.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)

    with pytest.raises(ContentError) as caught:
        _ = load_source(Folder("mine", tmp_path)).mapping

    assert str(caught.value.at) == "sources/mine/lookups/verbs.yaml"
