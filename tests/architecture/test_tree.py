from __future__ import annotations

import pytest

from tools import check_tree

HOST = "pypi" + ".org"
KEY = "AKIA" + "Q7ZT3M5XK2VB4N6J"


@pytest.mark.parametrize(
    "line",
    [
        f"see https://{HOST}/simple",
        "--extra-index" + "-url https://mirror.example",
        "find_files('/wo" + "rk/shared')",
        "/ho" + "me/ada/tidewaiter",
        "fi" + "le:///srv/wheels",
        f'"accessKeyId": "{KEY}"',
        "-----BEGIN " + "RSA PRIVATE KEY-----",
        "aws_secret" + "_access_key = " + "wJalrXUtnFEMI/K7MDENG/bPxRfiCYzzzzzzzzzz",
    ],
)
def test_what_may_not_be_in_the_tree_is_found(line):
    assert [number for number, _ in check_tree.find(f"fine\n{line}\nfine")] == [2]


@pytest.mark.parametrize(
    "line",
    [
        '"accessKeyId": "AKIA' + 'IOSFODNN7EXAMPLE"',
        '"accessKeyId": "ASIATIDEWTR000000031"',
        "s3://bucket/home/reports/2026",
        "../shared/corpora",
        "the index of the record",
        'url = "file://archive"',
        "/usr/bin/python3",
    ],
)
def test_ordinary_text_is_let_through(line):
    assert list(check_tree.find(line)) == []


def test_the_tree_names_no_registry_no_machine_and_no_secret(repo):
    finds = [
        f"{path.relative_to(repo)}:{line}: {what}"
        for path in check_tree.tree(repo)
        for line, what in check_tree.find(path.read_bytes().decode(errors="replace"))
    ]

    assert finds == []


@pytest.mark.parametrize("lock", ["run.txt", "dev.txt", "lock.txt"])
def test_every_locked_package_has_an_exact_version_and_hashes(repo, lock):
    text = (repo / "requirements" / lock).read_text().replace("\\\n", " ")
    packages = [line for line in text.splitlines() if line and not line.startswith("#")]

    assert packages
    assert [line for line in packages if "==" not in line or "--hash=sha256:" not in line] == []


def test_the_development_lock_holds_the_runtime_lock_in_the_same_versions(repo):
    run, dev = (
        {
            line.split("==")[0]: line
            for line in (repo / "requirements" / name).read_text().splitlines()
            if "==" in line
        }
        for name in ("run.txt", "dev.txt")
    )

    assert {name: dev.get(name) for name in run} == run
