"""What is wrong with a query, what it costs more than it must, and what it may not do.

    for finding in check(query, catalog):
        print(finding.line, finding.column, finding.rule, finding.message, finding.hint)

`check` asks Microsoft's language service for faults, and looks itself at the syntax tree for waste
(`cost_rules()`) and for what leads out of the workspace (`refusals`).
"""

from __future__ import annotations

from tidewaiter.kql.lint.checking import check, cost_rules
from tidewaiter.kql.lint.findings import Finding, Rule
from tidewaiter.kql.lint.safety import CONSTRUCTS, refusals, require_safe

__all__ = ["CONSTRUCTS", "Finding", "Rule", "check", "cost_rules", "refusals", "require_safe"]
