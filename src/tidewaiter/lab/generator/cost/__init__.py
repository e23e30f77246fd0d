"""The company's bill: FOCUS rows by day."""

from __future__ import annotations

from tidewaiter.lab.generator.cost.log import CostCounts, write_cost

__all__ = ["CostCounts", "write_cost"]
