"""Functions and aggregates that the library lacks, as SQL: each module has those of one field."""
