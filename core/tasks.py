"""Celery faces of core: the doorbell, the sweep, the checkpoint."""

from celery import shared_task

from core import events, outbox


@shared_task
def deliver(delivery_id: int) -> None:
    outbox.deliver(delivery_id)


@shared_task
def sweep() -> int:
    return outbox.sweep()


@shared_task
def checkpoint() -> None:
    events.take_checkpoint()
