"""Celery faces of approvals."""

from celery import shared_task

from approvals import actions


@shared_task
def lapse_due() -> None:
    """Let requests expire and exemptions lapse whose instant has passed; put policies in force whose instant has come."""
    actions.enact_due()
    actions.expire_due()
    actions.lapse_due()
