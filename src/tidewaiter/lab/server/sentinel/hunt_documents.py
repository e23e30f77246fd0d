"""Hunts as they are kept, with their comments and relations."""

from __future__ import annotations

import msgspec

from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.sentinel.incidents.incident import Owner


class Hunt(msgspec.Struct, frozen=True, rename="camel"):
    """A hunt: a hypothesis and how far its proof has come."""

    display_name: str = ""
    description: str = ""
    status: str | None = None
    hypothesis_status: str | None = None
    attack_tactics: tuple[str, ...] | None = None
    attack_techniques: tuple[str, ...] | None = None
    labels: tuple[str, ...] | None = None
    owner: Owner | None = None
    etag: str = ""


class Part(msgspec.Struct, frozen=True, rename="camel"):
    """A comment (`message`) on a hunt, or what belongs to it (`related_resource_id`, with labels)."""

    message: str = ""
    related_resource_id: str = ""
    labels: tuple[str, ...] | None = None
    etag: str = ""


class HuntStore:
    """Hunts by name; their parts by `<hunt>/comments/<name>` and `<hunt>/relations/<name>`."""

    def __init__(self, documents: Documents) -> None:
        self.documents = documents
        self.hunts = documents.collection("hunt", Hunt)
        self.parts = documents.collection("hunt-part", Part)

    def parts_of(self, hunt: str, segment: str) -> dict[str, Part]:
        """Return the comments or the relations of a hunt by their keys."""
        return {key: part for key, part in self.parts.items() if key.startswith(f"{hunt}/{segment}/")}

    def drop(self, hunt: str) -> None:
        """Forget a hunt with its parts; in a transaction.

        Raises:
            KeyError: there is none.
        """
        self.hunts.drop(hunt)
        for key in [key for key in self.parts if key.startswith(f"{hunt}/")]:
            self.parts.drop(key)
