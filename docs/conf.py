"""Sphinx settings: Markdown by MyST, theme Furo; `make docs` builds with warnings as errors."""

import re
from pathlib import Path

_PACKAGE = Path(__file__).parent.parent / "src" / "tidewaiter" / "__init__.py"

project = "Tidewaiter"
author = "The Tidewaiter authors"
project_copyright = "2026, The Tidewaiter authors"
release = re.findall(r'__version__ = "(.+)"', _PACKAGE.read_text())[0]

extensions = ["myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
suppress_warnings = ["myst.strikethrough"]

html_theme = "furo"
html_title = f"Tidewaiter {release}"
html_copy_source = False
# No page asks another server for anything.
html_theme_options = {"source_edit_link": "", "source_view_link": "", "footer_icons": []}
