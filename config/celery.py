"""The Celery application. The broker is only a doorbell: PostgreSQL rows are the queue of record."""

import os

from celery import Celery
from celery.schedules import crontab

from config import broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

broker.install()
app = Celery("slipway")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


def _every(seconds: float, task: str) -> dict:
    """A beat that is dropped when no worker took it before the next one."""
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


app.conf.beat_schedule = {
    "core: sweep the outbox": _every(10, "core.tasks.sweep"),
    "core: sign a checkpoint of the event log": _every(300, "core.tasks.checkpoint"),
    "deployments: look at what is due": _every(0.5, "deployments.tasks.tick"),
    "deployments: ask services how they are": _every(10, "deployments.tasks.look_around"),
    "deployments: flag late steps of runbooks": _every(60, "deployments.tasks.flag_late"),
    "deployments: remove what old programs have left": {
        "task": "deployments.tasks.tidy",
        "schedule": crontab(hour=3, minute=20),
        "options": {"expires": 3600},
    },
    "approvals: let requests expire and exemptions lapse": _every(60, "approvals.tasks.lapse_due"),
    "notifications: remind and warn": _every(60, "notifications.tasks.remind"),
    "reviews: open and remind": _every(60, "reviews.tasks.sweep"),
}
