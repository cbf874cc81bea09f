"""GradeBench's settings with leases of a few seconds, so that a test need not sit through those of killed processes.

A lease must outlast the longest request, which takes a minute; the upstreams of the tests that use these settings
answer within a second. DJANGO_SETTINGS_MODULE=tests.faults.short_leases, and SHORT_LEASE_SECONDS says how long.
"""

import importlib
import os
from datetime import timedelta

from django.apps import AppConfig

from gradebench.settings import *  # noqa: F403 - they are these settings
from gradebench.settings import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.faults.short_leases.ShortLeases"]
SECONDS = float(os.environ.get("SHORT_LEASE_SECONDS", "4"))
SHORTENED = {
    "reviews.workflow.outbox": ("LEASE", "DOUBT"),
    "reviews.log10.pulls": ("LEASE",),
    "reviews.log10.pushes": ("LEASE",),
}


class ShortLeases(AppConfig):
    """Shortens them in every process that starts with these settings."""

    name = "tests.faults"
    label = "short_leases"

    def ready(self) -> None:
        """The apps are loaded; nothing works yet."""
        for path, names in SHORTENED.items():
            module = importlib.import_module(path)
            for name in names:
                assert isinstance(getattr(module, name), timedelta), f"{path} has no {name} any more."
                setattr(module, name, timedelta(seconds=SECONDS))
