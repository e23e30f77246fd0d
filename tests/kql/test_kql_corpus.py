"""The share of public queries that the executor runs does not fall (issue 4, show 4)."""

from __future__ import annotations

from tools import kql_corpus

BOUND = 0.85
"""42 of 48 ran on 2026-11-28."""
TABLES = kql_corpus.GROUPS[:4]


def test_most_public_queries_on_the_core_tables_run(corpora):
    found = kql_corpus.outcomes(corpora, "kept", TABLES)
    bounded = [each for each in found if set(each.groups) & set(TABLES)]
    runs = [each for each in bounded if not each.reason]
    refused = [f"{each.found.file}: {each.reason}" for each in bounded if each.reason]

    print(f"{len(runs)} of {len(bounded)} public queries on {', '.join(TABLES)} run", *refused, sep="\n")
    assert len(bounded) >= 30
    assert len(runs) / len(bounded) >= BOUND, refused


def test_a_query_is_found_wherever_a_file_has_it(tmp_path):
    (tmp_path / "a.kql").write_text("// one\nT\n| take 1\n\nU\n| take 2\n\nlet x = 1;\n\nT | take x\n")
    (tmp_path / "b.md").write_text("text\n```kql\nT\n| count\n```\n```\nno query\n```\n")
    (tmp_path / "c.jsonl").write_text('{"baseline": "T | where x == 1"}\n')

    texts = [found.text for found in kql_corpus.queries(tmp_path, "all")]

    assert texts == [
        "// one\nT\n| take 1",
        "U\n| take 2",
        "let x = 1;\n\nT | take x",
        "T\n| count",
        "T | where x == 1",
    ]


def test_a_third_of_the_files_is_kept_aside(tmp_path):
    for name in "abcdef":
        (tmp_path / f"{name}.kql").write_text(f"T | where x == '{name}'")

    seen, kept = ({q.file for q in kql_corpus.queries(tmp_path, part)} for part in ("seen", "kept"))

    assert (seen, kept) == ({"a.kql", "b.kql", "d.kql", "e.kql"}, {"c.kql", "f.kql"})
