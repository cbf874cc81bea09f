"""The API, one file per endpoint."""
