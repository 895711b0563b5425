"""Start the embedded servers that are wanted. The caller holds the directory's lock and stops what it gets."""

from collections.abc import Mapping

from config.embedded import children, postgres, programs, valkey
from config.embedded.places import Places


def start(
    places: Places,
    *,
    database: bool = True,
    broker: bool = True,
    postgres_settings: Mapping[str, str] | None = None,
) -> list[children.Child]:
    """Start PostgreSQL, Valkey or both, and wait until they answer.

    Raises postgres.DidNotStart, FileNotFoundError (no programs for this platform) or PermissionError; nothing runs then.
    """
    places.prepare()
    found = programs.find(places.account) if database or broker else None
    started = []
    try:
        if database:
            started.append(postgres.start(places, found, postgres_settings or {}))
        if broker:
            started.append(valkey.start(places, found))
    except BaseException:
        children.stop(started)
        raise
    return started
