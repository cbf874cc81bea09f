"""Health."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from gradebench import stopping
from reviews.models import Heartbeat
from reviews.web import health
from reviews.workflow import sweeping

pytestmark = pytest.mark.django_db


def test_the_process_answers() -> None:
    assert Client().get("/healthz").json() == {"ok": True}


def test_it_is_ready_when_database_broker_and_sweep_are_well() -> None:
    sweeping.sweep(timezone.now())
    response = Client().get("/readyz")
    assert response.status_code == 200, response.content


def test_it_is_not_ready_when_nothing_sweeps() -> None:
    assert Client().get("/readyz").status_code == 503
    Heartbeat.objects.create(name=sweeping.SWEEP, at=timezone.now() - timedelta(minutes=5))
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert "beat" in response.json()["sweep"]


def test_it_is_not_ready_before_it_is_migrated() -> None:
    sweeping.sweep(timezone.now())
    MigrationRecorder(connection).record_unapplied("reviews", "0009_jobs_saved_views_and_grade_values")
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["migrations"].startswith("reviews.0009_jobs_saved_views_and_grade_values and 0 more")
    assert "manage.py migrate" in response.json()["migrations"]


def test_it_knows_every_migration_there_is() -> None:
    assert health._migrations() == set(MigrationLoader(None).disk_migrations)


def test_it_is_not_ready_once_it_was_told_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    sweeping.sweep(timezone.now())
    monkeypatch.setattr(stopping, "_told", bytearray(1))
    stopping.begin()
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["process"] == "stopping"


def test_it_is_not_ready_when_the_disk_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    sweeping.sweep(timezone.now())
    settings.EMBEDDED, settings.DATA_DIR = True, tmp_path
    assert Client().get("/readyz").json()["disk"] == "ok"
    settings.DATA_DIR = tmp_path / "gone"
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["disk"] == "cannot be written: No such file or directory"
