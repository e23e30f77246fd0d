"""Flow logs in Parquet, of gateways and as text, and findings by EventBridge, through the whole engine."""

from __future__ import annotations

from pathlib import Path

from tests.app.conftest import TODAY, Deliver
from tidewaiter.content import sources

FLOWS = "AWSLogs/900100200301/vpcflowlogs/eu-central-1/2026/03/04"
HIVE = "AWSLogs/aws-account-id=900100200301/aws-service=vpcflowlogs/aws-region=eu-central-1/year=2026"
PLACES = {
    f"{FLOWS}/a.log": ("aws_vpcflow", "v5_ingress_and_egress.log", 3),
    f"{HIVE}/b.log.parquet": ("aws_vpcflow", "parquet_v5.log.parquet", 5),
    f"{FLOWS}/c.log.parquet": ("aws_tgwflow", "parquet.log.parquet", 3),
    f"{FLOWS}/d.log": ("aws_tgwflow", "default_with_header.log", 2),
    "bus/e.json": ("aws_guardduty", "eventbridge.json", 2),
    "bus/f.json": ("aws_guardduty", "get_findings.json", 3),
}


def test_every_form_is_delivered_once_and_its_rows_name_their_product(tmp_path: Path, deliver: Deliver):
    assert TODAY.year == 2026
    folder = tmp_path / "logs"
    for place, (source, sample, _) in PLACES.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(sources()[source].folder.read(f"samples/{sample}"))

    delivery = deliver(folder)

    for source in ("aws_vpcflow", "aws_tgwflow", "aws_guardduty"):
        wanted = sum(count for of, _, count in PLACES.values() if of == source)
        assert delivery.counts(source)["delivered"] == delivery.counts(source)["records"] == wanted
    assert delivery.exit_code == 0
    rows = delivery.rows()
    products = [str(row["EventProduct"]) for row in rows["ASimNetworkSessionLogs"]]
    assert (products.count("VPC"), products.count("Transit Gateway")) == (8, 5)
    assert {row["EventProduct"] for row in rows["ASimAlertEventLogs"]} == {"GuardDuty"}
    assert set(delivery.ids().values()) == {1}
    again = deliver(folder)
    assert again.result is not None
    assert again.result.summary.delivered == 0
