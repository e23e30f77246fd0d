"""Server access logs of the company's buckets."""

from __future__ import annotations

from tidewaiter.lab.generator.s3_access.log import AccessCounts, AccessLog, write_s3_access

__all__ = ["AccessCounts", "AccessLog", "write_s3_access"]
