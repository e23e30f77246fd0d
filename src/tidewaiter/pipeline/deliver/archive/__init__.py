"""The archive: every record that was not delivered verbatim in full, the rest as pointers."""

from tidewaiter.pipeline.deliver.archive.durable import check_durable
from tidewaiter.pipeline.deliver.archive.parts import ACTIONS, SCHEMA, Part, files_of
from tidewaiter.pipeline.deliver.archive.store import Archive, Found

__all__ = ["ACTIONS", "SCHEMA", "Archive", "Found", "Part", "check_durable", "files_of"]
