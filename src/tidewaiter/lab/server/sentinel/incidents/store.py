"""The incidents of a workspace, with their comments and relations."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import msgspec

from tidewaiter.lab.server.sentinel.documents import Documents
from tidewaiter.lab.server.sentinel.incidents.incident import (
    Comment,
    Incident,
    Relation,
    security_incident,
)
from tidewaiter.lab.server.sentinel.own_rows import OwnRows
from tidewaiter.lab.server.tenant import Tenant

_COUNTER = "incident"
_STEP = timedelta(microseconds=1)
"""What a datetime column of the lab's workspace can tell apart."""


class _Counter(msgspec.Struct, frozen=True):
    last: int = 0


class IncidentStore:
    """Incidents by name. Whatever changes one writes a row of SecurityIncident, in the same transaction."""

    def __init__(
        self, documents: Documents, own_rows: OwnRows, now: Callable[[], datetime], tenant: Tenant
    ) -> None:
        self.documents = documents
        self.now = now
        self.incidents = documents.collection("incident", Incident)
        self.comments = documents.collection("comment", Comment)
        self.relations = documents.collection("relation", Relation)
        self._counter = documents.collection("counter", _Counter)
        self._own_rows = own_rows
        self._tenant = tenant
        self._groups: dict[tuple[str, str], list[str]] = {}
        for incident in self.incidents.values():
            self._note_group(incident)

    def next_number(self) -> int:
        """Return the number of the next incident; in a transaction."""
        number = self._counter.get(_COUNTER, _Counter()).last + 1
        self._counter.put(_COUNTER, _Counter(number))
        return number

    def save(self, incident: Incident) -> Incident:
        """Keep an incident and write its row; in a transaction. Return it as it is kept.

        Each change of an incident is later than the one before, if by the least step of a datetime column:
        on the stream's clock several may be of one time, and a query asks for the latest.
        """
        before = self.incidents.get(incident.name)
        if before is None:
            self._note_group(incident)
        else:
            incident = _later(incident, before)
        self.incidents.put(incident.name, incident)
        row = security_incident(incident, self.comments_on(incident.name), self._tenant)
        self._own_rows.add("SecurityIncident", [row])
        return incident

    def drop(self, name: str) -> None:
        """Forget an incident with its comments and relations; in a transaction. Its rows stay, as in Azure.

        Raises:
            KeyError: there is none.
        """
        self.incidents.drop(name)
        for key in [key for key, comment in self.comments.items() if comment.incident == name]:
            self.comments.drop(key)
        for key in [key for key, relation in self.relations.items() if relation.incident == name]:
            self.relations.drop(key)

    def comments_on(self, name: str) -> list[Comment]:
        """Return the comments on an incident, oldest first."""
        return [comment for comment in self.comments.values() if comment.incident == name]

    def relations_of(self, name: str) -> list[Relation]:
        """Return what was related to an incident beside the alerts of its rules."""
        return [relation for relation in self.relations.values() if relation.incident == name]

    def of_group(self, rule: str, group: str) -> list[Incident]:
        """Return the incidents of a rule whose alerts have that in common, the newest first."""
        names = self._groups.get((rule, group), [])
        return [self.incidents[name] for name in reversed(names) if name in self.incidents]

    def _note_group(self, incident: Incident) -> None:
        for rule in incident.rules:
            self._groups.setdefault((rule, incident.group), []).append(incident.name)


def _later(incident: Incident, before: Incident) -> Incident:
    at = max(incident.modified, before.modified + _STEP)
    return msgspec.structs.replace(incident, modified=at, first_modified=before.first_modified or at)
