"""The audit trail: append-only, canonical, hash-chained; `verify` finds what is not as it was written."""

from tidewaiter.govern.audit.log import AuditLog, identity_of, open_audit
from tidewaiter.govern.audit.records import Body, Record
from tidewaiter.govern.audit.verify import Finding, Line, lines, verify

__all__ = ["AuditLog", "Body", "Finding", "Line", "Record", "identity_of", "lines", "open_audit", "verify"]
