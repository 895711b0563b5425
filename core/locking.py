"""The one transaction of a door."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction


@contextmanager
def locked(manager, pk, **extra) -> Iterator:
    """Open the door's transaction and lock one row of `manager`; yields it. Raises the model's DoesNotExist.

    `durable` refuses to open inside another door. The lock leaves foreign keys to the row free (`FOR NO KEY UPDATE`).
    """
    with transaction.atomic(durable=True):
        yield manager.select_for_update(of=("self",), no_key=True).get(pk=pk, **extra)
