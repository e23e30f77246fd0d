"""The npm packages of set-up: one exact version each, by hash, from whichever registry the machine uses."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def lock(repo):
    return json.loads((repo / "requirements" / "node" / "package-lock.json").read_text())


def test_the_lock_has_a_hash_for_each_package_and_no_address(lock):
    packages = {name: each for name, each in lock["packages"].items() if name}

    assert packages
    assert all(each["integrity"].startswith("sha512-") for each in packages.values())
    assert not any("resolved" in each for each in packages.values())
    assert not any(each.get("hasInstallScript") for each in packages.values())


def test_the_lock_and_the_package_file_name_the_same_exact_versions(repo, lock):
    wanted = json.loads((repo / "requirements" / "node" / "package.json").read_text())["dependencies"]

    assert wanted == lock["packages"][""]["dependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted.values())


def test_what_is_installed_is_what_the_lock_says(lock):
    installed = Path(sys.prefix) / "lib" / "tidewaiter-node"

    for name, each in lock["packages"].items():
        if name:
            found = json.loads((installed / name / "package.json").read_text(encoding="utf-8-sig"))
            assert found["version"] == each["version"], "run `make setup`"
