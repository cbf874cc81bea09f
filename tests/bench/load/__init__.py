"""The load test: fifty reviewers, creates, pushes and kills against a million completions; see docs/load.md."""
