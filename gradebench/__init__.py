"""Wiring only: settings, URLs, WSGI, Celery."""

from gradebench.celery import app as celery_app

__all__ = ["celery_app"]
