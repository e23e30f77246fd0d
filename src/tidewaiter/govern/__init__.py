"""What may be done, by whom, and the record of it: permits, phases, the audit chain."""

from tidewaiter.govern.permits import ALLOWED, NO_SOURCE, Warden, enforce

__all__ = ["ALLOWED", "NO_SOURCE", "Warden", "enforce"]
