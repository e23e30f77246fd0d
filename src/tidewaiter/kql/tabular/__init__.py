"""Tabular operators that the library lacks: `nodes` are read by `lowering` and made plain by `binding`.

Most become operators of the library once the columns are known (`plain`); what SQL must say otherwise has a
node of its own with its columns and its SQL (`rendered`).
"""
