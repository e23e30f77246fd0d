"""The Log Analytics query API."""
