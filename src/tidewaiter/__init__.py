"""Tidewaiter: the AI layer between AWS logs and Microsoft Sentinel."""

__version__ = "0.1.0"
