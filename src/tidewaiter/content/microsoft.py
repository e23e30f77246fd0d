"""What is known of Microsoft's own ASIM parsers for a source: `microsoft.yaml` in its folder."""

from __future__ import annotations

import msgspec

from tidewaiter.content.sources import SourceSpec
from tidewaiter.core.errors import ContentError, Location


class MicrosoftParser(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A parser of Microsoft's: its name and version, and what ASIM's testers say of its rows.

    `warnings` counts recommended columns that stay empty, `extra_columns` those that ASIM does not have.
    """

    parser: str
    warnings: int
    extra_columns: int


def microsoft_parsers(source: SourceSpec) -> dict[str, MicrosoftParser]:
    """Return Microsoft's parsers for a source by ASIM schema; none where nothing is known of one.

    Raises:
        ContentError: the file is not of its shape.
    """
    if not source.folder.root.joinpath("microsoft.yaml").is_file():
        return {}
    try:
        return msgspec.yaml.decode(source.folder.read("microsoft.yaml"), type=dict[str, MicrosoftParser])
    except msgspec.MsgspecError as error:
        raise ContentError(str(error), at=Location(f"sources/{source.id}/microsoft.yaml")) from None
