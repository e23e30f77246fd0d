"""The way of the data, in order: sources, normalize, enrich, detect, reduce, deliver."""
