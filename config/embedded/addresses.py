"""How Django, the cache and Celery reach the servers: embedded ones over private Unix sockets, others as named."""

import os
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit, urlunsplit

from config.embedded import places

DATABASE = ROLE = "slipway"
ADMINISTRATOR = "postgres"


def database(var: Path, *, role: str = ROLE) -> dict:
    """Django's DATABASES entry for the embedded PostgreSQL.

    `slipway` owns the database and is no superuser, so that rights revoked from it hold; `postgres` administers it.
    """
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE,
        "USER": role,
        "PASSWORD": "",
        "HOST": str(places.of(var).sockets),
        "PORT": "",
    }


def forget_libpq_variables() -> None:
    """Drop PGHOST, PGSERVICE, PGOPTIONS and their like: libpq would let them steer the connection elsewhere."""
    for name in [name for name in os.environ if name.startswith("PG")]:
        del os.environ[name]


def redis_url(var: Path) -> str:
    """Address of the embedded Redis-protocol server, as redis-py reads it."""
    return "unix://" + quote(str(redis_socket(var)))


def redis_socket(var: Path) -> Path:
    return places.of(var).sockets / "valkey.sock"


def broker_url(url: str) -> str:
    """The same server and database as Celery spells it (`redis+socket` instead of `unix`)."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    return f"redis+socket://{parts.path}?virtual_host={_number(url)}"


def cache_location(url: str) -> str:
    """The database after the broker's: clearing a cache empties its whole database, and the queue must survive that."""
    parts = urlsplit(url)
    cache = _number(url) + 1
    if parts.scheme == "unix":
        return f"unix://{parts.path}?db={cache}"
    return urlunsplit(parts._replace(path=f"/{cache}"))


def _number(url: str) -> int:
    parts = urlsplit(url)
    if parts.scheme == "unix":
        return int(parse_qs(parts.query).get("db", ["0"])[0])
    return int(parts.path.strip("/") or 0)
