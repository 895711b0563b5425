"""What a load balancer and a supervisor of containers are told."""

import pytest
from django.db.migrations.recorder import MigrationRecorder

from config import health
from config.celery import app


@pytest.fixture(autouse=True)
def _forget():
    health._applied.clear()
    yield
    health._applied.clear()


def test_alive_needs_no_database(client):
    answer = client.get("/live")
    assert (answer.status_code, answer.content) == (200, b"live\n")


@pytest.mark.django_db
def test_ready_when_database_migrations_and_broker_are_there(client):
    answer = client.get("/ready")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "missing": {}})
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.django_db
def test_a_missing_migration_is_named(client):
    MigrationRecorder.Migration.objects.filter(app="core", name="0002_append_only").delete()
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"migrations": "1 not applied, the first is core.0002_append_only"}


@pytest.mark.django_db
def test_a_missing_broker_is_named(client, monkeypatch):
    monkeypatch.setattr(app.conf, "broker_write_url", "redis+socket:///nowhere.sock?virtual_host=0")
    answer = client.get("/ready")
    assert answer.status_code == 503
    assert answer.json()["missing"] == {"broker": "does not answer"}


@pytest.mark.django_db
def test_a_missing_database_is_named(client, monkeypatch):
    monkeypatch.setattr(health.connection, "cursor", _broken)
    assert client.get("/ready").json()["missing"] == {"database": "does not answer", "migrations": "unknown"}


def _broken(*_):
    raise health.Error
