"""Tests mirror `reviews/`; `python -m tests.run` runs them on both databases."""
