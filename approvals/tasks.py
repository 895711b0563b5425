"""Celery faces of approvals."""

from celery import shared_task

from approvals import actions
from approvals.actions.board import plan_meetings


@shared_task
def lapse_due() -> None:
    """Everything that time alone brings about: what begins and ends, and what people are warned and reminded of."""
    actions.enact_due()
    actions.turn_due()
    actions.expire_due()
    actions.lapse_due()
    actions.ask_missing()
    actions.warn_due()
    actions.escalate_due()
    plan_meetings()
