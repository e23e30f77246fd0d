"""The archive in S3, against moto's server on the loopback."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import boto3
import polars as pl
import pytest
from moto.server import ThreadedMotoServer

from tests.pipeline.deliver.archive.writing import put
from tidewaiter.core.errors import ConfigError, DeliveryError
from tidewaiter.pipeline.deliver.archive import SCHEMA, Archive

ROW = ("e1", datetime(2026, 3, 17, 12), "o", "d", 0, "T", "quarantine", b"raw")


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(endpoint, monkeypatch) -> str:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    where = {"LocationConstraint": "eu-central-1"}
    client = boto3.client("s3")
    if "tw-archive" not in {each["Name"] for each in client.list_buckets()["Buckets"]}:
        client.create_bucket(Bucket="tw-archive", CreateBucketConfiguration=where)
    client.close()
    return "tw-archive"


def test_records_in_a_bucket_are_written_listed_read_and_queried(bucket):
    archive = Archive.open(f"s3://{bucket}/deep/er")
    put(archive, "000001", "s", pl.DataFrame([ROW], schema=SCHEMA, orient="row"))
    put(archive, "000001", "s", pl.DataFrame([ROW], schema=SCHEMA, orient="row"))

    assert [path for _, path in archive.parts()] == ["source=s/date=2026-03-17/000001.parquet"]
    assert archive.scan(source="s").rows["raw"].to_list() == [b"raw"]
    assert archive.query("SELECT event_id, source FROM archive") == [("e1", "s")]


@pytest.mark.usefixtures("bucket")
def test_a_bucket_that_is_not_there_is_a_setting_to_mend():
    archive = Archive.open("s3://tw-no-such-bucket/x")

    with pytest.raises(ConfigError, match="cannot write the archive") as caught:
        put(archive, "1", "s", pl.DataFrame([ROW], schema=SCHEMA, orient="row"))

    assert "archive.url" in caught.value.hint


def test_a_store_that_does_not_answer_is_told_and_does_not_hang(bucket, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setattr("tidewaiter.pipeline.deliver.archive.places._RETRIES", 0)
    archive = Archive.open(f"s3://{bucket}/x")

    with pytest.raises(DeliveryError, match="cannot write the archive"):
        put(archive, "1", "s", pl.DataFrame([ROW], schema=SCHEMA, orient="row"))
