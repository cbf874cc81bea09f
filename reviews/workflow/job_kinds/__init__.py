"""The steps of each kind of job. What reads Log10's forms is in reviews/log10."""
