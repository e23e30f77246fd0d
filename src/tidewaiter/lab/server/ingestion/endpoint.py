"""POST /dataCollectionRules/{immutableId}/streams/{stream}."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tidewaiter.lab.server.authorization import Audience, caller, guarded
from tidewaiter.lab.server.errors import ServiceError
from tidewaiter.lab.server.ingestion.body import read_body
from tidewaiter.lab.server.ingestion.output import Output, passed, transformed
from tidewaiter.lab.server.lab import Lab
from tidewaiter.lab.server.requests import IngestionRequest
from tidewaiter.lab.server.rules import Rule, Stream
from tidewaiter.lab.server.tenant import Client
from tidewaiter.lab.workspace import Receipt

API_VERSIONS = ("2021-11-01-preview", "2023-01-01")


@dataclass(frozen=True, slots=True)
class _Call:
    client: Client
    rule: str
    stream: str
    body: bytes
    sent: int
    request_id: str


def routes(lab: Lab) -> list[BaseRoute]:
    """Return the route of the Logs Ingestion API."""

    async def upload(request: Request) -> Response:
        rule, stream = request.path_params["rule"], request.path_params["stream"]
        request_id = request.headers.get("x-ms-client-request-id", "")
        entry = IngestionRequest(lab.now(), request_id, rule, stream, 204)
        try:
            _check_headers(request)
            body, sent = await read_body(request)
            call = _Call(caller(request), rule, stream, body, sent, request_id)
            entry = replace(entry, body_bytes=sent, json_bytes=len(body))
            outputs = await lab.run(partial(_take, lab, call))
            billed = sum(output.billed for output in outputs)
            entry = replace(entry, rows=sum(o.frame.height for o in outputs), billed=billed)
        except ServiceError as error:
            entry = replace(entry, status=error.status, code=error.code)
            raise
        finally:
            lab.requests.add(entry)
        return Response(status_code=204, headers={"x-ms-request-id": request_id} if request_id else {})

    path = "/dataCollectionRules/{rule}/streams/{stream}"
    return [Route(path, guarded(lab, Audience.MONITOR, upload), methods=["POST"])]


def _check_headers(request: Request) -> None:
    version = request.query_params.get("api-version", "")
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ServiceError(400, "MissingApiVersionParameter", message)
    if version not in API_VERSIONS:
        message = f"The api-version '{version}' is not supported. Supported are: {', '.join(API_VERSIONS)}."
        raise ServiceError(400, "InvalidApiVersionParameter", message)
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        message = f"The Content-Type '{media}' is not supported: it must be application/json."
        raise ServiceError(400, "UnsupportedContentType", message)


def _take(lab: Lab, call: _Call) -> list[Output]:
    """Store a body's rows durably; on the lab's thread."""
    rule = lab.rules.by_immutable_id(call.rule)
    if rule is None:
        message = f"Data collection rule with immutable Id '{call.rule}' not found."
        raise ServiceError(404, "NotFound", message)
    _check_role(lab, call, rule)
    if lab.quota is not None:
        lab.quota.take(call.rule, len(call.body))
    stream = lab.rules.stream(rule, call.stream)
    if stream is None:
        message = (
            f"The stream {call.stream} was not configured in the data collection rule with immutable Id "
            f"{call.rule}."
        )
        raise ServiceError(400, "InvalidStream", message)
    outputs = _outputs(lab, stream, call)
    for output in outputs:
        lab.workspace.store(output.frame, _receipt(lab, call, output))
        lab.clock.saw(output.latest)
    return outputs


def _check_role(lab: Lab, call: _Call, rule: Rule) -> None:
    effective = rule.created + lab.role_delay
    if call.client.sends and lab.clock.present() >= effective:
        return
    message = (
        "The authentication token provided does not have access to ingest data for the data collection rule "
        f"with immutable Id '{call.rule}' PipelineAccessResult: AccessGranted: False, IsRbacPresent: False, "
        f"Message: Required authorization action was not found for tenantId {lab.tenant.id} objectId "
        f"{call.client.object_id}."
    )
    raise ServiceError(403, "OperationFailed", message)


def _outputs(lab: Lab, stream: Stream, call: _Call) -> list[Output]:
    decoded = stream.reader.read(call.body)
    outputs = []
    for flow in stream.flows:
        table = lab.workspace.tables().get(flow.table)
        if table is None:
            continue  # it was deleted: its rows go nowhere, as in Azure
        if flow.transform is None:
            output = passed(table, decoded)
        else:
            output = transformed(table, decoded, flow.transform, lab.now())
        outputs.append(_timed(lab, output))
    return [output for output in outputs if output.frame.height]


def _timed(lab: Lab, output: Output) -> Output:
    """Give every row the TimeGenerated that the service would give it."""
    present, wall = lab.now(), lab.clock.present()
    oldest = None if lab.clock.name == "stream" else present - timedelta(days=2)
    newest = (wall if lab.clock.name == "stream" else present) + timedelta(days=1)
    return output.with_times(present, oldest, newest)


def _receipt(lab: Lab, call: _Call, output: Output) -> Receipt:
    return Receipt(
        table=output.table,
        rows=output.frame.height,
        received=lab.now(),
        request_id=call.request_id,
        rule=call.rule,
        stream=call.stream,
        body_bytes=call.sent,
        json_bytes=len(call.body),
        billed=output.billed,
    )
