from __future__ import annotations

from typing import Any

import pytest

from tidewaiter.lab.server.sentinel import hunts

from .sentinel_lab import STABLE, Streamed, streamed


@pytest.fixture(scope="module")
def its(tmp_path_factory, empty_workspace):
    with streamed(tmp_path_factory.mktemp("lab") / "lab", empty_workspace) as its:
        yield its


def hunt(**changes) -> dict[str, Any]:
    return {"displayName": "Roles", "description": "Somebody assumes roles that nobody uses", **changes}


def put(its: Streamed, path: str, properties: dict[str, Any], **options):
    return its.arm("PUT", path, {"properties": properties, **options.pop("body", {})}, **options)


def test_a_hunt_is_made_read_changed_and_deleted(its):
    answer = put(its, "/hunts/h", hunt(attackTactics=["Persistence"], labels=["aws"]))
    assert answer.status_code == 201
    made = answer.json()
    assert (made["properties"]["status"], made["properties"]["hypothesisStatus"]) == ("New", "Unknown")
    assert its.arm("GET", "/hunts/h").json() == made
    assert put(its, "/hunts/h", hunt(status="Active"), headers={"If-Match": made["etag"]}).status_code == 200
    assert put(its, "/hunts/h", hunt(), headers={"If-Match": made["etag"]}).status_code == 412
    assert put(its, "/hunts/h", hunt(), body={"etag": made["etag"]}).status_code == 409
    assert [each["name"] for each in its.arm("GET", "/hunts").json()["value"]] == ["h"]
    assert its.arm("DELETE", "/hunts/h").status_code == 200
    assert its.arm("DELETE", "/hunts/h").status_code == 204
    assert its.arm("GET", "/hunts/h").status_code == 404


def test_no_stable_version_has_hunts(its):
    answer = its.arm("GET", "/hunts", version=STABLE)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "NoRegisteredProviderFound")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"displayName": ""}, "displayName and description are required"),
        ({"status": "Done"}, "status 'Done'"),
        ({"hypothesisStatus": "Perhaps"}, "hypothesisStatus 'Perhaps'"),
        ({"attackTactics": ["Mischief"]}, "tactic 'Mischief'"),
    ],
)
def test_a_hunt_that_sentinel_would_refuse_is_refused(its, changes, why):
    answer = put(its, "/hunts/w", hunt(**changes))
    assert answer.status_code == 400
    assert why in answer.json()["error"]["message"]


def test_a_hunt_has_comments_and_relations_with_etags(its):
    put(its, "/hunts/p", hunt())
    parts: list[tuple[str, dict[str, Any]]] = [
        ("/hunts/p/comments", {"message": "Seen"}),
        ("/hunts/p/relations", {"relatedResourceId": "/subscriptions/s/savedSearches/q", "labels": ["a"]}),
    ]
    for path, properties in parts:
        made = put(its, f"{path}/x", properties)
        assert made.status_code == 201, made.text
        assert its.arm("GET", f"{path}/x").json() == made.json()
        again = put(its, f"{path}/x", properties, headers={"If-Match": made.json()["etag"]})
        assert again.status_code == 200
        assert put(its, f"{path}/x", properties, headers={"If-Match": made.json()["etag"]}).status_code == 412
        assert [each["name"] for each in its.arm("GET", path).json()["value"]] == ["x"]
        assert put(its, f"{path}/y", {}).status_code == 400
        assert its.arm("GET", f"{path}/none").status_code == 404
        assert put(its, path.replace("/p/", "/none/") + "/x", properties).status_code == 404
        assert its.arm("DELETE", f"{path}/x").status_code == 200
        assert its.arm("DELETE", f"{path}/x").status_code == 204
    put(its, "/hunts/p/comments/z", {"message": "Seen"})
    its.arm("DELETE", "/hunts/p")
    put(its, "/hunts/p", hunt())
    assert its.arm("GET", "/hunts/p/comments").json()["value"] == []


def test_a_workspace_has_at_most_100_hunts(tmp_path, empty_workspace, monkeypatch):
    assert hunts.MOST_HUNTS == 100
    monkeypatch.setattr(hunts, "MOST_HUNTS", 2)
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert [put(its, f"/hunts/{n}", hunt()).status_code for n in range(3)] == [201, 201, 400]
        assert put(its, "/hunts/1", hunt()).status_code == 200


def test_hunts_are_there_after_the_lab_was_closed(tmp_path, empty_workspace):
    with streamed(tmp_path / "lab", empty_workspace) as its:
        made = put(its, "/hunts/h", hunt()).json()
        put(its, "/hunts/h/comments/c", {"message": "Seen"})
    with streamed(tmp_path / "lab", empty_workspace) as its:
        assert its.arm("GET", "/hunts/h").json() == made
        assert len(its.arm("GET", "/hunts/h/comments").json()["value"]) == 1
