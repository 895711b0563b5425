"""A template database: migrated once for a given set of migrations, then copied by every test run.

It holds the group of each role that is held everywhere, with its rights, so that giving somebody such a role costs a test little.
The schema `first_rows` holds a copy of all rows that are there at first, for who empties the tables.
"""

import fcntl
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import psycopg2
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db import connections

from accounts.roles import ROLES

ALWAYS_THERE = ("django_content_type", "auth_permission")
PACKAGES = ("django", "djangorestframework", "django-guardian", "django-axes")


def ensure(database: dict) -> str:
    """Name of the template for the present migrations, built if missing. Older ones are dropped."""
    name = f"template_{_fingerprint()}"
    with _one_at_a_time(), _administrator(database) as cursor:
        cursor.execute("SELECT datname FROM pg_database WHERE datname LIKE 'template\\_%'")
        present = {row[0] for row in cursor.fetchall()}
        if name not in present:
            for old in present - {"template_new"}:
                cursor.execute(f'DROP DATABASE "{old}" WITH (FORCE)')
            _build(cursor, name)
    return name


@contextmanager
def another(database: dict, name: str) -> Iterator[None]:
    """A second database, fresh from the template, to which the connection leads meanwhile; dropped in the end.

    For what is loaded once and looked at by many tests: no flush between them, and nothing of it left to others.
    """
    with _instead(database, name, f'TEMPLATE "{ensure(database)}"'):
        yield


@contextmanager
def empty(database: dict, name: str) -> Iterator[None]:
    """A second database without a table, as `another`: for what migrates by itself."""
    with _instead(database, name, ""):
        yield


@contextmanager
def _instead(database: dict, name: str, made_from: str) -> Iterator[None]:
    connection = connections["default"]
    usual = connection.settings_dict["NAME"]
    connection.close()
    with _administrator(database) as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        cursor.execute(f'CREATE DATABASE "{name}" {made_from} OWNER slipway')
        connection.settings_dict["NAME"] = name
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


def _build(cursor, name: str) -> None:
    from accounts import groups  # models, which may not be there yet when this module is loaded

    cursor.execute("DROP DATABASE IF EXISTS template_new WITH (FORCE)")
    cursor.execute("CREATE DATABASE template_new OWNER slipway")
    connection = connections["default"]
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = "template_new"
    try:
        call_command("migrate", verbosity=0, interactive=False)
        for role in ROLES:
            groups.put_in([], role, scope="")
        _keep_first_rows(connection)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual
    cursor.execute(f'ALTER DATABASE template_new RENAME TO "{name}"')


def _keep_first_rows(connection) -> None:
    """Content types and permissions are left out: Django makes them by itself, and nobody empties their tables."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE SCHEMA first_rows")
        for table in set(connection.introspection.table_names(cursor)) - {*ALWAYS_THERE, "django_migrations"}:
            cursor.execute(f'SELECT EXISTS (SELECT FROM public."{table}")')  # noqa: S608
            if cursor.fetchone() == (True,):
                cursor.execute(f'CREATE TABLE first_rows."{table}" AS TABLE public."{table}"')


def put_back_first_rows(cursor) -> None:
    """Into tables that are empty, with triggers and foreign keys left out: see `let_a_flush_empty_the_event_log`."""
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'first_rows'")
    for (table,) in cursor.fetchall():
        cursor.execute(f'INSERT INTO public."{table}" SELECT * FROM first_rows."{table}"')  # noqa: S608


def _fingerprint() -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    digest.update(" ".join(version(package) for package in PACKAGES).encode())
    for app in sorted(apps.get_app_configs(), key=lambda app: app.label):
        for file in sorted(Path(app.path).glob("migrations/*.py")):
            digest.update(file.name.encode() + file.read_bytes())
        digest.update(app.label.encode())
    for role in ROLES.values():
        digest.update(f"{role.slug}: {sorted(role.rights)}".encode())
    return digest.hexdigest()[:16]


@contextmanager
def _one_at_a_time():
    with open(settings.TEST_HOME / "template.lock", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _administrator(database: dict):
    connection = psycopg2.connect(host=database["HOST"], user=database["USER"], dbname="postgres")
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
