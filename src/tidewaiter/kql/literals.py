"""KQL literals: the encoder is in `core`, because the mapping compilers of `asim` write KQL too."""

from __future__ import annotations

from tidewaiter.core.kql_literals import Element, Scalar, bag, literal, verbatim

__all__ = ["Element", "Scalar", "bag", "literal", "verbatim"]
