from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import zipfile

import pytest
from hatchling.builders.wheel import WheelBuilder

import tidewaiter

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
MODULES = sorted(info.name for info in pkgutil.walk_packages(tidewaiter.__path__, "tidewaiter."))
PACKAGES = sorted(
    info.name for info in pkgutil.walk_packages(tidewaiter.__path__, "tidewaiter.") if info.ispkg
)


def test_the_modules_of_the_package_are_found():
    assert "tidewaiter.core.errors" in MODULES


def test_every_folder_with_code_is_a_package(repo):
    source = repo / "src" / "tidewaiter"
    folders = {path.parent for path in source.rglob("*.py")}
    folders |= {parent for folder in folders for parent in folder.parents if source in parent.parents}

    bare = [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()]

    assert bare == [], "import-linter does not look into folders without __init__.py"


@pytest.mark.parametrize("name", PACKAGES)
def test_every_package_says_what_it_is_for(name):
    assert (importlib.import_module(name).__doc__ or "").strip()


def test_no_module_has_a_name_that_says_nothing():
    vague = [name for name in MODULES if name.rpartition(".")[2].strip("_") in FORBIDDEN_NAMES]

    assert vague == []


@pytest.mark.parametrize("name", ["tidewaiter", *PACKAGES])
def test_everything_a_package_exports_exists_and_has_a_docstring(name):
    package = importlib.import_module(name)
    exported = {public: getattr(package, public) for public in getattr(package, "__all__", ())}

    silent = [
        public
        for public, value in exported.items()
        if (inspect.isfunction(value) or inspect.isclass(value)) and not (value.__doc__ or "").strip()
    ]

    assert silent == []


def test_no_package_reaches_into_a_private_module_of_another(repo):
    source = repo / "src"
    reached = []
    for path in sorted(source.rglob("*.py")):
        home = ".".join(path.relative_to(source).parts[:-1])
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and "._" in node.module:
                owner = node.module.partition("._")[0]
                if owner.startswith("tidewaiter") and not f"{home}.".startswith(f"{owner}."):
                    reached.append(f"{path.relative_to(repo)} -> {node.module}")

    assert reached == []


def test_the_wheel_holds_every_file_of_the_package(repo, tmp_path):
    (wheel,) = WheelBuilder(str(repo)).build(directory=str(tmp_path), versions=["standard"])
    held = set(zipfile.ZipFile(wheel).namelist())

    wanted = {
        path.relative_to(repo / "src").as_posix()
        for path in (repo / "src" / "tidewaiter").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    assert wanted - held == set()
