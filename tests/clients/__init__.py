"""The real Log10 clients, each in an environment of its own, against a running GradeBench."""
