"""Slipway's own PostgreSQL and Redis-protocol server, for a machine that has neither: real ones, from Python wheels.

The settings ask this package where things are; the commands `run` and `services`, and the tests, start the servers.
They are for development, tests and evaluation: backups, replication and monitoring are a real installation's matter.
"""

from config.embedded.addresses import broker_url, cache_location, database, forget_libpq_variables, redis_url
from config.embedded.places import var_dir
from config.embedded.secret import secret_key

__all__ = [
    "broker_url",
    "cache_location",
    "database",
    "forget_libpq_variables",
    "redis_url",
    "secret_key",
    "var_dir",
]
