"""Real servers for every test: PostgreSQL and Valkey of the embedded kind, started once per pytest process."""

import os
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.db import transaction
from django.db.backends.postgresql.operations import DatabaseOperations

from config.embedded import children, places, servers
from tests import realdata, template

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "150"}


def pytest_configure(config):
    let_a_flush_empty_the_event_log()
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist: the controller's servers are its own
        return
    place = places.of(settings.TEST_HOME)
    config.slipway_servers = servers.start(place, postgres_settings=FAST)


def pytest_unconfigure(config):
    if hasattr(config, "slipway_servers"):
        children.stop(config.slipway_servers)
        shutil.rmtree(os.environ["SLIPWAY_TEST_VAR"], ignore_errors=True)


def pytest_runtest_setup(item):
    if item.get_closest_marker("realdata"):
        realdata.require()


def let_a_flush_empty_the_event_log():
    """Between transactional tests Django truncates every table, which the event log's trigger refuses, as it should.

    Replica mode leaves ordinary triggers out, for that one transaction; only a superuser, as tests are, may ask for it.
    """
    truncate = DatabaseOperations.execute_sql_flush

    def flush(self, sql_list):
        with transaction.atomic(using=self.connection.alias), self.connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            truncate(self, sql_list)

    DatabaseOperations.execute_sql_flush = flush


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, django_db_blocker):
    """Copy the test database from a template that was migrated once, instead of migrating it each time."""
    with django_db_blocker.unblock():
        name = template.ensure(settings.DATABASES["default"])
    settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = name


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files beside the project. Mark the test `realdata`: where it is absent, that says so."""
    return realdata.require()
