"""How a source's objects are recognised: the `recognize:` part of `content/sources/<id>/source.yaml`."""

from __future__ import annotations

import msgspec
from msgspec.structs import force_setattr

from tidewaiter.core.objects import Codec, ObjectKind

LOG_EVENTS = ("logEvents", "events")
MESSAGE = "message"
"""A subscription of CloudWatch Logs hands on documents with the list of the first name, `aws logs
filter-log-events` answers with one of the second; their elements hold a record each in the member `message`.
Any record may come so ("Log group-level subscription filters", Amazon CloudWatch Logs User Guide, and
"FilterLogEvents", its API Reference, read 2026-11); shippers call the record as it was `message`, too."""


class PathRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An object whose relative path (forward slashes) is found by the regex `match` is of this `kind`."""

    match: str
    kind: ObjectKind


class OtherForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A form of the same records that is put into the one the source reads, before anything reads it.

    A record with all of `members` becomes one with those of `into`: name to where its value stands in the
    record (`status.value`), or "." for the record as a whole. `says` are members with a text of their own.
    """

    members: tuple[str, ...]
    into: dict[str, str]
    says: dict[str, str] = {}


class JsonShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a JSON object of this kind looks like inside.

    `members`: names that a record (or, for a digest, the document) has, all of them; `or_members`: other
    such sets, for a record that comes in several forms. `values`: the texts of a member, where it is there,
    that tell records of this source from those of others in the same form. `envelopes`: names of a
    member that holds the list of records, in the document itself (`Records`) or in an object of it
    (`detail.findings`). `wrappers`: names of a member that holds one
    record of this source inside a shipper's record, as an object or as a JSON string. CloudWatch Logs' names
    are among them for every source. `other_forms`: forms that are put into the one that is read.
    """

    kind: ObjectKind
    members: tuple[str, ...]
    envelopes: tuple[str, ...] = ()
    wrappers: tuple[str, ...] = ()
    or_members: tuple[tuple[str, ...], ...] = ()
    values: dict[str, frozenset[str]] = {}
    other_forms: tuple[OtherForm, ...] = ()

    def __post_init__(self) -> None:
        """Add what CloudWatch Logs lays around a record."""
        force_setattr(self, "envelopes", tuple(dict.fromkeys((*self.envelopes, *LOG_EVENTS))))
        force_setattr(self, "wrappers", tuple(dict.fromkeys((*self.wrappers, MESSAGE))))

    @property
    def forms(self) -> tuple[tuple[str, ...], ...]:
        """The sets of names of which a record has one."""
        return (self.members, *self.or_members)


class TextShape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a delimited text object looks like inside.

    `fields`: every field name a header line may hold. `default`: the fields, in order, of lines without
    a header, recognised by the regex `line`. `separator`: one character. Where logs of two sources lie in
    one place, a header has at least one of the names `needs`, if there are any, and none of `lacks`.

    `header`: what a header line begins with, where it is no plain line of names (`#Fields: `); other lines
    that begin with its first character are remarks. `quoted`: how many values stand in double quotes at most,
    where those with separators do, or in square brackets. `least`: how many of the `default` fields a line
    has at least, where fields were added behind the others over the years; those of a line with more are
    called `field_<number>`. `strict`: every line is of the form `line`, so that a quote that a client put
    into a value cannot move the values behind it; where it is false, only lines with such a quote are asked.
    """

    fields: tuple[str, ...]
    default: tuple[str, ...]
    line: str
    separator: str = " "
    needs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    header: str = ""
    quoted: int = 0
    least: int = 0
    strict: bool = False


class Recognition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Path and content rules of one source; a path only suggests, the content decides."""

    codec: Codec
    paths: tuple[PathRule, ...] = ()
    json: tuple[JsonShape, ...] = ()
    text: TextShape | None = None
