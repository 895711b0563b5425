"""How services are when no deployment goes on: claim those due, ask them with nothing locked, take down what they said.

A service that answers with another version than the known one, twice in a row, has drifted: that is sighted.
"""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from deployments import due, guards, probe, where
from deployments.actions.sighting import note_drift
from deployments.checks import Question, Result, ask_together
from deployments.checks.health import HealthCheck, below
from deployments.checks.protocol import since
from deployments.models import Deployment, Health
from deployments.states import HOLDS_ENVIRONMENT
from releases.models import Environment

AT_ONCE = 40
LOOK_S = 5
LEASE_S = 30
SPREAD = 0.1


class Pulse(HealthCheck):
    """Asks the health path below the environment's address, then which version answers; that is the result's `value`."""

    def look(self, config: dict, secret: str, facts: dict, timeout_s: float) -> Result:
        began = time.monotonic()
        seen = probe.probe(below(facts["address"], config["path"]), timeout_s=timeout_s)
        left_s = timeout_s - (time.monotonic() - began)
        version = ""
        if config["version_path"] and seen.status is not None and left_s > 0:
            version = probe.said_version(below(facts["address"], config["version_path"]), timeout_s=left_s)
        return Result(seen.ok, seen.detail, version, since(began), seen.status)


def look_around() -> int:
    """Ask the services that are due, at most AT_ONCE together for at most LOOK_S seconds. Returns how many were asked."""
    if settings.HEALTH_EVERY_S <= 0:
        return 0
    asked = _claim(timezone.now())
    answers = ask_together([_question(environment) for environment in asked], timeout_s=LOOK_S) if asked else []
    drifted = _settle(asked, answers)
    for environment, version in drifted:
        note_drift(environment.pk, version=version)
    return len(asked)


def _claim(now: datetime) -> list[Environment]:
    """Environments that are ours to ask: nobody else does until the lease is over."""
    with transaction.atomic(durable=True):
        found = list(due.unasked(now).select_for_update(skip_locked=True, of=("self",), no_key=True)[:AT_ONCE])
        lease = now + timedelta(seconds=LEASE_S)
        Health.objects.bulk_create(
            [Health(environment=e, ok=None, due_at=now) for e in found if not hasattr(e, "health")],
            ignore_conflicts=True,
        )
        Health.objects.filter(environment__in=found).update(due_at=lease)
    return found


def _question(environment: Environment) -> Question:
    how = guards.verification_of(environment)
    config = {"path": how.path, "version_path": how.version_path}
    return Question(str(environment), "pulse", Pulse(), config, facts={"address": environment.url})


def _settle(asked: Sequence[Environment], answers: Sequence[Result]) -> list[tuple[Environment, str]]:
    """Take the answers down, but for environments that a deployment took meanwhile. Returns [(environment, its new version)]."""
    known, drifted = where.running(asked), []
    with transaction.atomic(durable=True):
        rows = Health.objects.select_for_update().filter(environment__in=asked).order_by("environment_id")
        health = {row.environment_id: row for row in rows}
        taken = set(_taken(asked))
        for environment, answer in zip(asked, answers, strict=True):
            row = health.get(environment.pk)
            if row is None:
                continue
            row.due_at = _next()
            if environment.pk not in taken:
                if _has_drifted(row, str(answer.value or ""), known.get(environment.pk)):
                    drifted.append((environment, answer.value))
                _take_down(row, answer)
            row.save()
    return drifted


def _taken(asked) -> Sequence[int]:
    live = Deployment.objects.filter(environment__in=asked, state__in=HOLDS_ENVIRONMENT)
    return live.values_list("environment_id", flat=True)


def _next() -> datetime:
    """Spread, so that what began together is not asked together for ever."""
    every = settings.HEALTH_EVERY_S
    return timezone.now() + timedelta(seconds=every * (1 + random.uniform(-SPREAD, SPREAD)))  # noqa: S311


def _take_down(row: Health, answer: Result) -> None:
    now, ok = timezone.now(), answer.ok is True
    if row.ok is not ok:
        row.since = now
    row.ok, row.detail, row.version, row.at = ok, answer.detail, str(answer.value or ""), now


def _has_drifted(row: Health, said: str, known: where.Running | None) -> bool:
    """Whether the last two looks, both since what is known began to run, named the same other version."""
    if not said or row.ok is None or row.version != said:
        return False
    return known is None or (row.at > known.since and not known.is_called(said))
