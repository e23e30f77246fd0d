"""What all rows of the tenant share: times with seven digits, texts of dynamic values, ids."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from uuid import UUID

import msgspec

from tidewaiter.lab.generator.company import Company
from tidewaiter.lab.generator.entra.tenant import tenant_id, workspace_id

Json = dict[str, object]
encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Row:
    """One row: table, time of the day, the row's own id, its columns as Log Analytics names them."""

    table: str
    at: int
    id: str
    columns: Json


class Pen:
    """Draws what rows need: one per log, so that the logs do not disturb each other."""

    def __init__(self, company: Company, name: str) -> None:
        """Open the stream of that name."""
        self.company = company
        self.draw = company.stream("entra", name)
        self.tenant = tenant_id(company)
        self.workspace = workspace_id(company)
        self.resource = f"/tenants/{self.tenant}/providers/Microsoft.aadiam"

    def stamp(self, at: int) -> str:
        """Return a time with seven digits, `2026-03-17T08:15:42.1234567Z`; its last four are by chance."""
        fraction = at % 1000 * 10_000 + self.draw.whole(0, 9_999)
        return f"{self.company.stamp(at)[:-1]}.{fraction:07d}Z"

    def text(self, value: object) -> str:
        """Return a dynamic value as the JSON text that string columns hold."""
        return encode(value).decode()

    @staticmethod
    def token(identifier: str) -> str:
        """Return the unique token identifier of a sign-in: its id in base64url."""
        return base64.urlsafe_b64encode(UUID(identifier).bytes).decode().rstrip("=")
