"""The settings reference has every setting, and no other."""

from __future__ import annotations

import re

from tidewaiter.core.settings import Settings, flat, load
from tools import settings_reference as page


def test_every_setting_has_a_meaning_and_every_meaning_a_setting():
    assert set(page.MEANINGS) == set(page.settings())


def test_the_settings_page_is_what_the_code_says():
    text = page.PAGE.read_text(encoding="utf-8")

    assert text == page.render(), "run `make docs` and commit docs/reference/settings.md"


def test_every_variable_on_the_page_changes_its_setting(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text('[sources.NAME]\nphase = "active"\ndestination = "asim"\npull = false\npull_days = 1\n')
    shown = re.findall(r"`(TIDEWAITER_[A-Z_]+)` \|", page.PAGE.read_text(encoding="utf-8"))

    for variable in shown:
        number = any(part in variable for part in ("RETRY", "PRICE", "DAYS"))
        value = "7" if number else "native" if "DESTINATION" in variable else "shadow"
        value = "True" if variable.endswith("_PULL") else value
        loaded = load(path, {variable: value})
        (name,) = [name for name, origin in loaded.origins.items() if origin == variable]
        assert str(dict(flat(loaded.settings))[name]).removesuffix(".0") == value
    assert len(shown) > len(list(flat(Settings()))) - 3, "all but the three that hold lists and tables"
