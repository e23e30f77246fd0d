"""The mapping language and its compilers: one spec, compiled to Python and to Polars.

`spec` reads mapping files, `record` types the source's records, `evaluate` is the reference meaning,
`compile_python` and `compile_polars` make the pipeline's hot path.
"""
