"""One clock for all workers: the database's. What is compared between machines is told by it."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """This instant, UTC, also inside a transaction (where `now()` of SQL stands still)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]
