"""Sign-ins, directory changes and Azure operations of the company's Entra tenant."""

from __future__ import annotations

from tidewaiter.lab.generator.entra.log import EntraCounts, Form, write_entra

__all__ = ["EntraCounts", "Form", "write_entra"]
