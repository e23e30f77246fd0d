"""The Logs Ingestion API: bodies in, rows of tables out, within the documented limits."""
