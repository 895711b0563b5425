"""A database that is thrown away: made on the same server, migrated, and dropped in the end. Real data is never touched."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg2
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from psycopg2 import sql
from psycopg2.errors import InsufficientPrivilege

from config.embedded import addresses


class NoScratch(Exception):
    """The server lends no database."""


@contextmanager
def database() -> Iterator[None]:
    """While it lasts, the connection leads to a fresh database with all migrations. Raises NoScratch."""
    connection = connections["default"]
    usual = connection.settings_dict["NAME"]
    name = f"slipway_scenarios_{os.getpid()}"
    owner = connection.settings_dict["USER"]
    connection.close()
    with _administrator(connection.settings_dict) as cursor:
        _create(cursor, name, owner)
        connection.settings_dict["NAME"] = name
        try:
            call_command("migrate", verbosity=0, interactive=False, skip_checks=True)
            yield
        finally:
            connection.close()
            connection.settings_dict["NAME"] = usual
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def _create(cursor, name: str, owner: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    made = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(sql.Identifier(name))
    if owner:
        made += sql.SQL(" OWNER {}").format(sql.Identifier(owner))
    try:
        cursor.execute(made)
    except InsufficientPrivilege as error:
        raise NoScratch(
            f"Scenarios are played in a database of their own, and the role {owner} may not create one. Let it: "
            f"ALTER ROLE {owner} CREATEDB; or run the command where Slipway brings its own servers."
        ) from error


@contextmanager
def _administrator(database: dict) -> Iterator:
    """A cursor that may create databases: the superuser of the embedded server, else whoever Slipway is there."""
    asked = database | ({"USER": addresses.ADMINISTRATOR} if settings.EMBEDDED_DATABASE else {})
    options = {"host": asked["HOST"], "user": asked["USER"], "dbname": "postgres"}
    options |= {"port": asked["PORT"]} if asked.get("PORT") else {}
    options |= {"password": asked["PASSWORD"]} if asked.get("PASSWORD") else {}
    try:
        connection = psycopg2.connect(**options)
    except psycopg2.OperationalError as error:
        raise NoScratch(f"The database server cannot be reached: {error}".strip()) from error
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()
