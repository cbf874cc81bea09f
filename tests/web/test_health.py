"""Health."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

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
