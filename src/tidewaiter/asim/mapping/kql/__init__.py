"""A source's mappings compiled to KQL: ASIM functions over native tables, and transformations of a rule.

    functions(source, native)      # ASim… and vim… for data in Sentinel's native tables
    transforms(source)             # transformKql, one for each route, for a data collection rule

Both go through the same steps: `binding` tells how a record's values are read, `prepare` puts that into the
expressions and folds what cannot be read, `values` writes them, `stages` names what is used more than once.
"""
