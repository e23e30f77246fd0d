"""Benchmarks: each beside its plain reference loop, in the same run, because machines are noisy."""
