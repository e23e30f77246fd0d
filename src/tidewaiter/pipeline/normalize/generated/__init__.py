"""Records made from a source's samples, to hold its targets against each other.

    generator = Generator(spec, seed=7, more=records_of_a_generated_day)
    for chunk in generator.chunks(5000):
        ...

A record depends on the source, the seed and its number alone (and on what is handed over in `more`), not on
how many are made: one that shows a fault can be made again by itself. `guide` reads in the mappings which
values lead into their branches, `pool` holds the records to begin with, by route; `mutation` changes records
of JSON, `lines` makes lines of text.
"""

from tidewaiter.pipeline.normalize.generated.generator import Generator

__all__ = ["Generator"]
