"""Measurements, each a module that prints its figures: `python -m tests.bench.tokens`."""
