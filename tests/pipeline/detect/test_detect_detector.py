from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tidewaiter.content.detection_specs import detections, load_detection
from tidewaiter.content.folders import Folder
from tidewaiter.core.errors import ContentErrors
from tidewaiter.core.findings import Entity
from tidewaiter.pipeline.detect import Detector
from tidewaiter.pipeline.normalize import JsonRows

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=15,
)
NAMES = [
    *(
        "name",
        "userName",
        "policyDocument",
        "assumeRolePolicyDocument",
        "eventSelectors",
        "bucketName",
        "key",
    ),
    *("advancedEventSelectors", "LifecycleConfiguration", "bucketPolicy", "NotificationConfiguration"),
    *(
        "insightSelectors",
        "kmsKeyId",
        "source",
        "policy",
        "status",
        "retentionInDays",
        "DeleteFlowLogsRequest",
    ),
]
PARAMETERS = st.dictionaries(st.sampled_from(NAMES), JSON)
WATCHED = [
    (source, name)
    for spec in detections().values()
    for source, names in spec.events.items()
    for name in names
]
HITS = [
    (spec.id, name.split(".")[0], msgspec.json.decode(raw))
    for spec in detections().values()
    for name, raw in spec.samples("hit")
]
IRRELEVANT = st.dictionaries(
    st.sampled_from(
        ["userAgent", "requestID", "apiVersion", "eventVersion", "vpcEndpointId", "sharedEventID"],
    ),
    st.text(),
) | st.dictionaries(
    st.sampled_from(["additionalEventData", "tlsDetails", "serviceEventDetails", "addendum", "somethingNew"]),
    JSON,
)


def test_a_hit_becomes_a_signal_with_its_evidence(bench, sample):
    event = sample("trail_tampering/hit/trail_stopped")

    (signal,) = bench.detect(event)

    assert signal.detector == "trail_tampering"
    assert signal.event_id == event["eventID"]
    assert signal.at == event["eventTime"]
    assert signal.actor == "111122223333:user/deploy-bot"
    assert (signal.technique, signal.tactic) == ("T1562.008", "Defense Evasion")
    assert signal.statement == "deploy-bot stopped the trail company-trail"
    assert signal.entities == (
        Entity("Account", "arn:aws:iam::111122223333:user/deploy-bot", "deploy-bot"),
        Entity("IP", "198.51.100.23", "198.51.100.23"),
        Entity(
            "AwsResource", "arn:aws:cloudtrail:eu-west-1:111122223333:trail/company-trail", "company-trail"
        ),
    )


def test_a_key_for_another_user_names_that_user(bench, sample):
    (signal,) = bench.detect(sample("new_persistence/hit/key_created"))

    assert Entity("Account", "arn:aws:iam::111122223333:user/backup-agent", "backup-agent") in signal.entities


def test_the_signals_of_a_batch_come_in_its_order(bench, sample):
    events = [sample("trail_tampering/hit/trail_stopped", eventID=f"e{place}") for place in range(5)]

    assert [signal.event_id for signal in bench.detect(*events)] == ["e0", "e1", "e2", "e3", "e4"]


@pytest.mark.parametrize(
    ("hit", "most"),
    [("trail_tampering/hit/trail_stopped", "Medium"), ("new_persistence/hit/trust_open", "Low")],
)
def test_a_refused_attempt_is_less_grave_than_the_deed(bench, sample, hit, most):
    (deed,) = bench.detect(sample(hit))
    (attempt,) = bench.detect(sample(hit, errorCode="AccessDenied", errorMessage="no"))

    assert deed.severity == "High"
    assert attempt.severity == most
    assert attempt.confidence < deed.confidence
    assert attempt.title == f"Attempted {deed.title[0].lower()}{deed.title[1:]}"
    assert "refused by AWS (AccessDenied)" in attempt.statement


@pytest.mark.parametrize(
    "code", ["AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation", "UnauthorizedOperation"]
)
def test_every_way_of_refusing_is_an_attempt(bench, sample, code):
    assert len(bench.detect(sample("trail_tampering/hit/flow_logs_deleted", errorCode=code))) == 1


@pytest.mark.parametrize("code", ["TrailNotFoundException", "ThrottlingException", "Client.DryRunOperation"])
def test_a_call_that_failed_otherwise_is_nothing(bench, sample, code):
    assert bench.detect(sample("trail_tampering/hit/flow_logs_deleted", errorCode=code)) == []


def test_a_person_in_the_console_is_not_taken_for_a_service(bench, sample):
    event = sample("trail_tampering/hit/trail_stopped")
    event["userIdentity"]["invokedBy"] = "signin.amazonaws.com"

    assert [signal.severity for signal in bench.detect(event)] == ["High"]


@pytest.mark.parametrize("user", ["deploy-bot", "Deploy-Bot", "DEPLOY-BOT"])
def test_a_user_s_own_key_is_nobody_else_s_in_any_case(bench, sample, user):
    assert bench.detect(sample("new_persistence/hit/key_created", requestParameters={"userName": user})) == []


@pytest.mark.parametrize("user", ["deploy", "deploy-bot2", "bot", "-"])
def test_a_name_that_only_contains_the_own_is_another(bench, sample, user):
    assert (
        len(bench.detect(sample("new_persistence/hit/key_created", requestParameters={"userName": user})))
        == 1
    )


def test_a_free_session_name_does_not_make_the_caller_the_same_person(bench, sample):
    event = sample("new_persistence/hit/key_created.same_person")
    (by_sso,) = bench.detect(event)
    event["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] = "arn:aws:iam::111122223333:role/ops"
    (by_role,) = bench.detect(event)

    assert (by_sso.severity, by_role.severity) == ("Low", "Medium")


def test_an_event_that_no_rule_names_is_never_decoded(bench):
    (rows,) = bench.rows(
        {"eventTime": "2026-03-04T10:00:00Z", "eventSource": "ec2.amazonaws.com", "eventName": "RunInstances"}
    )
    rows.raws[0] = rows.heads[0] = None  # any look at it would raise, and be counted

    assert bench.detector.detect(rows) == []
    assert bench.detector.failures == 0


def test_rows_whose_records_are_of_another_shape_are_passed_over(bench):
    class Other(msgspec.Struct):
        kind: str

    rows = JsonRows("ASimAuditEventLogs", ["1"], [b"{}"], [b"{}"], [Other("x")], [b"{}"])

    assert bench.detector.detect(rows) == []


def with_member(event, value):
    return msgspec.json.encode(event)[:-1] + b',"serviceEventDetails":' + value + b"}"


@pytest.mark.parametrize("bad", [b'"\xff"', b"[" * 700 + b"]" * 700, b"1e999", b"9" * 5_000])
def test_a_member_that_cannot_be_read_does_not_hide_the_hit(bench, sample, bad):
    (rows,) = bench.rows(with_member(sample("trail_tampering/hit/trail_stopped"), bad))

    assert len(bench.detector.detect(rows)) == 1


@pytest.mark.parametrize("bad", [b'"\\ud800"', b"[" * 100_000, b"{", b""])
def test_a_record_that_cannot_be_read_at_all_gives_nothing_and_harms_nobody(bench, sample, bad):
    hit = sample("trail_tampering/hit/trail_stopped")
    (rows,) = bench.rows(hit, hit)
    rows.raws[0] = with_member(hit, bad)

    assert len(bench.detector.detect(rows)) == 1


def test_hostile_texts_are_one_line_of_visible_characters(bench, sample):
    name = "x\r\n\u2028\u202e\x1b[31m\u0000" + "y" * 5_000

    (signal,) = bench.detect(sample("trail_tampering/hit/trail_stopped", requestParameters={"name": name}))

    assert signal.statement.isprintable()
    assert len(signal.statement) < 250


@settings(max_examples=4 * settings().max_examples)
@given(hit=st.sampled_from(HITS), changed=IRRELEVANT)
def test_a_hit_stays_a_hit_when_irrelevant_members_change(bench, hit, changed):
    detection, branch, event = hit
    (match,) = [
        match
        for rows in bench.rows(event | changed)
        for match in bench.detector.matches(rows)
        if match.signal.detector == detection
    ]

    assert match.branch == branch


@given(
    watched=st.sampled_from(WATCHED),
    parameters=JSON | PARAMETERS,
    response=JSON,
    context=JSON,
    kind=st.sampled_from(["IAMUser", "AssumedRole", "Root", "AWSService", "Other"]),
    names=st.dictionaries(
        st.sampled_from(["arn", "userName", "accountId", "principalId", "invokedBy", "accessKeyId"]),
        st.text(),
    ),
    error=st.none() | st.text() | st.just("AccessDenied"),
)
def test_no_record_breaks_the_stage(bench, watched, parameters, response, context, kind, names, error):
    source, name = watched
    event = {
        "eventTime": "2026-03-04T10:00:00Z",
        "eventSource": source,
        "eventName": name,
        "errorCode": error,
        "userIdentity": {
            "type": kind,
            **names,
            "sessionContext": {"attributes": context, "webIdFederationData": context},
        },
        "requestParameters": parameters,
        "responseElements": response,
    }

    signals = bench.detect(event)

    assert bench.detector.failures == 0
    assert all(signal.statement.isprintable() for signal in signals)


@given(document=JSON | st.text())
def test_no_trust_policy_breaks_the_stage(bench, sample, document):
    text = document if isinstance(document, str) else json.dumps(document)
    event = sample("new_persistence/hit/trust_open")
    event["requestParameters"]["policyDocument"] = text

    bench.detect(event)

    assert bench.detector.failures == 0


def test_a_rule_that_breaks_on_a_record_is_counted_and_the_others_go_on(bench, sample, monkeypatch):
    def broken(*_):
        raise RuntimeError("no")

    monkeypatch.setattr("tidewaiter.pipeline.detect.detector._signal", broken)
    detector = Detector(detections().values())
    (rows,) = bench.rows(sample("trail_tampering/hit/trail_stopped"))

    assert detector.detect(rows) == []
    assert detector.failures == 1


@pytest.mark.parametrize(
    ("let", "message"),
    [("{nonsense: [event.x]}", "unknown function 'nonsense'"), ("{count: []}", "takes 1 argument")],
)
def test_a_let_that_calls_what_is_not_there_is_an_error(tmp_path, let, message):
    rule = (
        "{title: t, description: d, source: s, severity: Low, confidence: 0.5, events: {a: [b]},"
        " lets: {x: LET}, technique: {id: T1098, name: n, tactic: Impact},"
        " when: [{id: i, if: x == 1, statement: s}]}"
    )
    (tmp_path / "rule.yaml").write_text(rule.replace("LET", let))

    with pytest.raises(ContentErrors, match=message):
        Detector([load_detection(Folder("mine", tmp_path))])
