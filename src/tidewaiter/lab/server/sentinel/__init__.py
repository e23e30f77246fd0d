"""Sentinel's own contracts."""
