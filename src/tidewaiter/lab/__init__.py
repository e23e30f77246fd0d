"""The lab: a local Sentinel that speaks the contracts our clients use, and a generator of days to fill it.

`lab.workspace` holds a workspace's tables in one DuckDB file; `lab.generator` writes believable days.
Only the app and tests import the lab.
"""
