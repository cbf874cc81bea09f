"""A bare Django view over one table that keeps the same bytes: the floor that GradeBench is measured against."""
