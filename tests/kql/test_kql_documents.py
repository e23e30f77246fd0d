"""Queries in files, and their places."""

from __future__ import annotations

import pytest

from tidewaiter.core.errors import ContentError
from tidewaiter.kql.documents import documents, in_text


def found(name: str, text: str) -> list[tuple[str, int, int, bool]]:
    return [(each.text, each.line, each.indent, each.windowed) for each in in_text(name, text)]


def test_a_file_of_kql_is_one_query():
    assert found("a.kql", "A\n| take 1\n") == [("A\n| take 1\n", 0, 0, False)]


def test_fences_of_markdown_that_are_marked_kql_or_kusto_are_queries():
    text = "# Title\n\n```kql\nA | take 1\n```\n\n```json\n{}\n```\n\n  ~~~ Kusto title\nB\n| count\n  ~~~\n"

    assert found("a.md", text) == [("A | take 1\n", 3, 0, False), ("B\n| count\n", 11, 0, False)]


def test_the_query_of_a_rule_is_found_with_its_indent_and_bounded_by_the_rule():
    text = "id: x\nqueryPeriod: 1h\nquery: |\n  A\n  | take 1\nname: n\n"

    assert found("a.yaml", text) == [("A\n| take 1\n", 3, 2, True)]


def test_queries_are_found_however_deep_and_in_each_document_of_yaml():
    text = "queries:\n  - query: 'A | take 1'\n  - {queryText: B}\n---\nquery: C | count\n"

    assert found("a.yml", text) == [
        ("A | take 1", 1, 12, False),
        ("B", 2, 16, False),
        ("C | count", 4, 7, False),
    ]


def test_yaml_without_a_query_and_yaml_that_refers_to_itself_have_none():
    assert found("a.yaml", "a: 1\n") == []
    assert found("a.yaml", "") == []
    assert found("a.yaml", "a: &x\n  b: *x\n") == []


def test_text_that_is_no_yaml_is_named_with_its_place():
    with pytest.raises(ContentError, match=r"a\.yaml:2:\d+: not YAML"):
        found("a.yaml", "a: [1\nb: 2\n")


def test_pieces_are_what_blank_lines_separate_with_their_lines():
    (document,) = in_text("a.kql", "A\n| take 1\n\n  \nB\n")

    assert [(each.text, each.line) for each in document.pieces()] == [("A\n| take 1", 0), ("B\n", 4)]
    for piece in document.pieces():
        assert document.text[piece.offset :].startswith(piece.text)


def test_a_folder_is_read_by_name_without_hidden_files_and_other_kinds(tmp_path):
    for name in ("b/two.kql", "a.md", "c.txt", ".git/x.kql", "b/.hidden.kql", "z.yaml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("```kql\nA\n```\n" if name.endswith(".md") else "query: A\n")

    names = [each.path.removeprefix(f"{tmp_path}/") for each in documents(tmp_path)]

    assert names == ["a.md", "b/two.kql", "z.yaml"]


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "a.kql").write_bytes(b"A\xff")

    with pytest.raises(ContentError, match="not UTF-8"):
        list(documents(tmp_path))


def test_the_mark_at_the_start_of_a_windows_file_is_no_part_of_the_query(tmp_path):
    (tmp_path / "a.kql").write_bytes(b"\xef\xbb\xbfA | take 1")

    assert [each.text for each in documents(tmp_path)] == ["A | take 1"]
