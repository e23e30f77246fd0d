"""Every public method that changes something refuses without a fitting permit before anything is sent."""

from __future__ import annotations

import asyncio
import dataclasses
import inspect
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.sentinel.azure_double import Azure, permit, reply
from tidewaiter.core.errors import PermitError, TidewaiterError
from tidewaiter.core.permit import Capability, Permit, Phase
from tidewaiter.sentinel import (
    HuntDraft,
    Incident,
    IncidentDraft,
    SavedSearch,
    ScheduledRule,
    Sentinel,
    TableProperties,
    WatchlistDraft,
)
from tidewaiter.sentinel.dcr import DcrDraft, DcrProperties
from tidewaiter.sentinel.incidents import IncidentProperties

PROPERTIES = IncidentProperties("title", "High", "New")
INCIDENT = Incident("i-1", PROPERTIES, etag='"1"')

CHANGES: dict[tuple[str, str], tuple[Capability, tuple[Any, ...], dict[str, Any]]] = {
    ("ingestion", "upload"): (
        Capability.DELIVER_ROWS,
        (b"",),
        {"dcr": "dcr-1", "stream": "Custom-ASimAuditEventLogs", "batch_id": "b"},
    ),
    ("incidents", "create"): (Capability.WRITE_INCIDENTS, ("i", IncidentDraft("t", "Low", "New")), {}),
    ("incidents", "update"): (Capability.WRITE_INCIDENTS, (INCIDENT,), {}),
    ("incidents", "close"): (
        Capability.WRITE_INCIDENTS,
        (INCIDENT, "TruePositive", "SuspiciousActivity"),
        {},
    ),
    ("incidents", "delete"): (Capability.WRITE_INCIDENTS, ("i",), {}),
    ("comments", "put"): (Capability.WRITE_INCIDENTS, ("i", "c", "text"), {}),
    ("comments", "delete"): (Capability.WRITE_INCIDENTS, ("i", "c"), {}),
    ("watchlists", "put"): (Capability.WRITE_WATCHLISTS, ("w", WatchlistDraft("w", "Key")), {}),
    ("watchlists", "delete"): (Capability.WRITE_WATCHLISTS, ("w",), {}),
    ("watchlists", "put_item"): (Capability.WRITE_WATCHLISTS, ("w", "i", {"Key": "v"}), {}),
    ("watchlists", "delete_item"): (Capability.WRITE_WATCHLISTS, ("w", "i"), {}),
    ("rules", "put"): (Capability.WRITE_RULES, ("r", ScheduledRule("r", "T", "Low")), {}),
    ("rules", "delete"): (Capability.WRITE_RULES, ("r",), {}),
    ("functions", "put"): (Capability.WRITE_FUNCTIONS, ("f", SavedSearch("c", "d", "T")), {}),
    ("functions", "delete"): (Capability.WRITE_FUNCTIONS, ("f",), {}),
    ("tables", "put"): (Capability.PROVISION, ("T_CL", TableProperties()), {}),
    ("tables", "patch"): (Capability.PROVISION, ("T_CL", TableProperties()), {}),
    ("tables", "delete"): (Capability.PROVISION, ("T_CL",), {}),
    ("dcrs", "put"): (Capability.PROVISION, ("d", DcrDraft("westeurope", DcrProperties())), {}),
    ("dcrs", "delete"): (Capability.PROVISION, ("d",), {}),
    ("hunts", "put"): (Capability.WRITE_HUNTS, ("h", HuntDraft("h", "d")), {}),
    ("hunts", "put_comment"): (Capability.WRITE_HUNTS, ("h", "c", "text"), {}),
    ("hunts", "put_relation"): (Capability.WRITE_HUNTS, ("h", "r", "/id"), {}),
    ("hunts", "delete"): (Capability.WRITE_HUNTS, ("h",), {}),
}
READS: dict[tuple[str, str], tuple[Any, ...]] = {
    ("query", "query"): ("T",),
    ("incidents", "get"): ("i",),
    ("incidents", "list"): (),
    ("comments", "list"): ("i",),
    ("watchlists", "get"): ("w",),
    ("watchlists", "list"): (),
    ("watchlists", "items"): ("w",),
    ("rules", "get"): ("r",),
    ("rules", "list"): (),
    ("functions", "get"): ("f",),
    ("functions", "list"): (),
    ("tables", "get"): ("t",),
    ("tables", "list"): (),
    ("dcrs", "get"): ("d",),
    ("dcrs", "list"): (),
    ("hunts", "get"): ("h",),
    ("hunts", "list"): (),
    ("hunts", "comments"): ("h",),
    ("hunts", "relations"): ("h",),
}
NOUNS = [field.name for field in dataclasses.fields(Sentinel) if field.name != "session"]
ANSWER = {"name": "n", "kind": "Fusion", "location": "x", "properties": {}, "value": [], "tables": []}


def methods(client: object) -> set[str]:
    return {name for name, _ in inspect.getmembers(client, inspect.isroutine) if not name.startswith("_")}


def attempt(noun: str, method: str, given: Permit) -> tuple[BaseException | None, Azure]:
    azure = Azure([reply(200, ANSWER)])
    _, args, kwargs = CHANGES[noun, method]

    async def main() -> None:
        sentinel = azure.sentinel()
        try:
            call: Callable[..., Any] = getattr(getattr(sentinel, noun), method)
            await call(*args, **kwargs, permit=given, source="aws_cloudtrail")
        finally:
            await sentinel.aclose()

    try:
        asyncio.run(main())
    except TidewaiterError as error:
        return error, azure
    return None, azure


def test_every_public_method_of_every_client_is_listed_here_as_a_change_or_a_read():
    async def main() -> set[tuple[str, str]]:
        sentinel = Azure([reply()]).sentinel()
        try:
            return {(noun, name) for noun in NOUNS for name in methods(getattr(sentinel, noun))}
        finally:
            await sentinel.aclose()

    assert asyncio.run(main()) == CHANGES.keys() | READS.keys()


@pytest.mark.parametrize(("noun", "method"), READS, ids=lambda part: str(part))
def test_what_takes_no_permit_changes_nothing(noun, method):
    azure = Azure([reply(200, ANSWER)])

    async def main() -> None:
        sentinel = azure.sentinel()
        try:
            found = getattr(getattr(sentinel, noun), method)(*READS[noun, method])
            if inspect.isawaitable(found):
                await found
            else:
                assert [item async for item in found] == []
        except TidewaiterError:
            pass  # the double's answer is not of this shape; what was asked is what counts
        finally:
            await sentinel.aclose()

    asyncio.run(main())

    assert "permit" not in inspect.signature(getattr(type(getattr(_clients(), noun)), method)).parameters
    assert [seen.method for seen in azure.seen] == (["POST"] if noun == "query" else ["GET"])


def _clients() -> Sentinel:
    async def main() -> Sentinel:
        sentinel = Azure([reply()]).sentinel()
        await sentinel.aclose()
        return sentinel

    return asyncio.run(main())


@pytest.mark.parametrize(("noun", "method"), CHANGES, ids=lambda part: str(part))
def test_a_fitting_permit_lets_a_change_through(noun, method):
    capability = CHANGES[noun, method][0]

    _, azure = attempt(noun, method, permit(capability, source="aws_cloudtrail"))

    assert azure.seen[0].method in {"PUT", "POST", "PATCH", "DELETE"}


@pytest.mark.parametrize(("noun", "method"), CHANGES, ids=lambda part: str(part))
def test_no_change_leaves_without_a_fitting_permit(noun, method):
    right = CHANGES[noun, method][0]
    mine = "aws_cloudtrail"
    unfit = [permit(other, source=mine) for other in Capability if other is not right]
    unfit += [permit(right, source=mine, minutes=minutes) for minutes in (0, -1)]
    unfit += [permit(right, source=other) for other in ("aws_guardduty", "*", "")]
    if right is not Capability.PROVISION:
        unfit.append(replace(permit(right, source=mine), phase=Phase.SHADOW))

    for given in unfit:
        error, azure = attempt(noun, method, given)

        assert isinstance(error, PermitError), given
        assert azure.seen == [], given
        assert azure.tokens == 0, "not even a token is asked for"
