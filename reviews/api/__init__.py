"""The Log10-compatible REST API, one module per resource."""
