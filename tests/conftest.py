"""Real servers for every test: PostgreSQL and Valkey of the embedded kind, started once per pytest process."""

import gc
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.backends.postgresql.operations import DatabaseOperations

from config.embedded import children, places, servers
from tests import browsers, realdata, template

FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "max_connections": "150"}


def pytest_configure(config):
    let_a_flush_empty_the_event_log()
    if hasattr(config, "workerinput"):  # a worker of pytest-xdist: the controller's servers are its own
        return
    place = places.of(settings.TEST_HOME)
    config.slipway_servers = servers.start(place, postgres_settings=FAST)
    redis.from_url(settings.REDIS_URL).flushall()  # what an earlier run has queued is about rows that are gone


def pytest_unconfigure(config):
    if hasattr(config, "slipway_servers"):
        children.stop(config.slipway_servers)
        places.of(settings.TEST_HOME).tidy()


def pytest_runtest_setup(item):
    if item.get_closest_marker("realdata"):
        realdata.require()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """Files whose tests share what one of them sets up come first.

    Django's order puts them last. There the workers of pytest-xdist take tests from each other, and each sets all up again.
    """
    items.sort(key=lambda item: not shares_with_its_file(item))


def shares_with_its_file(item) -> bool:
    fixtures = item._fixtureinfo.name2fixturedefs
    shared = any(one.scope == "module" for found in fixtures.values() for one in found)
    return shared and not {"transactional_db", "live_server"} & fixtures.keys()


def pytest_collection_finish():
    """What is loaded by now stays: the garbage collector need not look through all of it again and again."""
    gc.collect()
    gc.freeze()


def let_a_flush_empty_the_event_log():
    """Between transactional tests Django truncates every table, which the event log's trigger refuses, as it should.

    Replica mode leaves triggers and foreign keys out, for that one transaction; only a superuser, as tests are, may ask for
    it. Rows are deleted where there are any: to truncate eighty tables makes hundreds of files anew, each time. The lock on
    all of them waits, as a truncation does, for what a process that a test has left behind still writes. Content types and
    permissions stay, which Django would make again at once; and what a new installation holds is there again for the next
    test, which may be of any kind: the workers of pytest-xdist take tests from each other.
    """

    def names(operations, style, tables, **how):
        return [operations.quote_name(table) for table in tables if table not in template.ALWAYS_THERE]

    def flush(operations, tables):
        with transaction.atomic(using=operations.connection.alias), operations.connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            cursor.execute(" UNION ALL ".join(f"SELECT '{t}' WHERE EXISTS (SELECT FROM {t})" for t in tables))  # noqa: S608
            filled = [table for (table,) in cursor.fetchall()]
            for table in filled:
                cursor.execute(f"DELETE FROM {table}")  # noqa: S608
            template.put_back_first_rows(cursor)
        if filled:
            with operations.connection.cursor() as cursor:
                # The next rows lie in their order again, from the first page on.
                cursor.execute(f"VACUUM {', '.join(filled)}")

    DatabaseOperations.sql_flush, DatabaseOperations.execute_sql_flush = names, flush


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix, django_db_blocker):
    """Copy the test database from a template that was migrated once, instead of migrating it each time."""
    with django_db_blocker.unblock():
        name = template.ensure(settings.DATABASES["default"])
    settings.DATABASES["default"].setdefault("TEST", {})["TEMPLATE"] = name


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def server_environment(transactional_db) -> dict[str, str]:
    """The environment for a process of Slipway (a worker, a server, a command) that works on the test's database."""
    return os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "SLIPWAY_TEST_DATABASE": connection.settings_dict["NAME"],
    }


@pytest.fixture
def worker(server_environment) -> Iterator[children.Child]:
    """A real Celery worker on the test's database and broker, waiting for work; stopped before the tables are emptied."""
    redis.from_url(settings.REDIS_URL).flushdb()
    child = start_worker(server_environment)
    yield child
    children.stop([child])


def start_worker(environment: dict[str, str]) -> children.Child:
    """For tests that kill one and start another. Stop it with `children.stop`."""
    log = Path(settings.VAR_DIR) / "log" / f"worker-{time.monotonic_ns()}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "celery", "-A", "config", "worker", "-P", "threads", "-c", "4", "--loglevel", "INFO"]
    argv += ["--without-gossip", "--without-mingle"]  # there is no other worker to be waited for, as in service
    child = children.spawn("worker", argv, log=log, env=environment, cwd=settings.BASE_DIR)
    until = time.monotonic() + 30
    while " ready." not in log.read_text():
        if not child.alive or time.monotonic() > until:
            children.stop([child])
            pytest.fail(f"the worker did not come up:\n{child.last_lines()}", pytrace=False)
        time.sleep(0.05)
    return child


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args) -> dict:
    """The browser of this machine instead of a downloaded one, for every test that drives a page."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"  # the driver's event loop lives in the thread of the tests
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return browser_type_launch_args | {"executable_path": browsers.require(), "args": sandbox}


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real files beside the project. Mark the test `realdata`: where it is absent, that says so."""
    return realdata.require()
