"""Reactions and beats of notifications."""

from celery import shared_task

from core.models import Event
from notifications import actions


def tell(event: Event, key: str, target: str) -> None:
    actions.tell(event)


def mail(event: Event, key: str, target: str) -> None:
    actions.mail(event, int(target.split(":")[1]))


def tell_later(event: Event, key: str, target: str) -> None:
    actions.tell_later(event, int(target.split(":")[1]))


@shared_task
def remind() -> int:
    return actions.remind_due()
