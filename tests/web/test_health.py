"""Health."""

from datetime import timedelta
from pathlib import Path

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from reviews.models import Heartbeat
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


def test_it_is_not_ready_when_the_disk_cannot_be_written(settings: Settings, tmp_path: Path) -> None:
    sweeping.sweep(timezone.now())
    settings.EMBEDDED, settings.DATA_DIR = True, tmp_path
    assert Client().get("/readyz").json()["disk"] == "ok"
    settings.DATA_DIR = tmp_path / "gone"
    response = Client().get("/readyz")
    assert response.status_code == 503
    assert response.json()["disk"] == "cannot be written: No such file or directory"
