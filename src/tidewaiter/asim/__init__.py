"""ASIM: its schemas and tables as data, and the validator of rows against them.

`allowed_values` is the common ground of Microsoft's docs and Microsoft's tester, which disagree on many
lists; `validate_rows` gates on that common ground and reports against both and against the table.
"""

from tidewaiter.asim.report import Authority, Finding, Level, Report
from tidewaiter.asim.schema import (
    SYSTEM_COLUMNS,
    Correction,
    Field,
    Schema,
    Table,
    TesterField,
    allowed_values,
    column_types,
    corrections,
    field,
    network_protocols,
    schema,
    schema_of_table,
    schemas,
    table,
    tables,
)
from tidewaiter.asim.validate import Row, validate_rows

__all__ = [
    "SYSTEM_COLUMNS",
    "Authority",
    "Correction",
    "Field",
    "Finding",
    "Level",
    "Report",
    "Row",
    "Schema",
    "Table",
    "TesterField",
    "allowed_values",
    "column_types",
    "corrections",
    "field",
    "network_protocols",
    "schema",
    "schema_of_table",
    "schemas",
    "table",
    "tables",
    "validate_rows",
]
