"""GradeBench's one Django app: models, workflow, log10, api, web and the further edges."""
