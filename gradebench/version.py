"""The version of GradeBench."""

VERSION = "0.1.0"
