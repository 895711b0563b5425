"""Waking a worker. The rows are the queue of record; a message only saves the second until the next tick."""

import logging

from celery import current_app
from django.db import transaction

log = logging.getLogger(__name__)
EXPIRES_S = 10


def ring(task: str, pk: int) -> None:
    """Send `deployments.tasks.<task>(pk)`, if anybody can be told. The row waits for the next tick otherwise."""
    try:
        current_app.send_task(f"deployments.tasks.{task}", (pk,), expires=EXPIRES_S, retry=False)
    except Exception as error:
        log.warning("Broker unreachable, %s(%s) waits for the next tick: %s", task, pk, error)


def ring_after_commit(task: str, pk: int) -> None:
    transaction.on_commit(lambda: ring(task, pk), robust=True)
