"""Reads of deployments by their domain names."""

from datetime import datetime, timedelta

from django.db import models
from django.db.models import Case, Exists, ExpressionWrapper, F, OuterRef, Q, Subquery, Value, When
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone

from accounts import policy
from deployments.states import (
    ENDED,
    HOLDS_ENVIRONMENT,
    UNDER_WAY,
    WAITING,
    DeploymentKind,
    DeploymentState,
    Purpose,
    RunState,
)
from releases.models import Phase
from releases.states import Tier

# No run waits longer than its claim or its driver's patience: what is due later than this was put there by a clock that was wrong.
LONGEST_WAIT = timedelta(minutes=10)


def put_off_by_a_clock(now: datetime) -> Q:
    """Deployments that are due later than anything puts them off but a clock that was wrong, and was set back since.

    While it runs the engine looks every few seconds; while it is verified, as often as its environment says; what is queued or
    scheduled, at its time; what soaks, when the longest soak of its product can be over. What is held or waits for a person rests.
    """
    late, time = Q(due_at__gt=now + LONGEST_WAIT), F("environment__verification__interval_s")
    pause = Greatest(Coalesce(time, 0), Coalesce(F("environment__verification__delay_s"), 0)) * SECOND
    soak = Phase.objects.filter(product=OuterRef("environment__product")).order_by("-soak_minutes")
    soaked_at = F("verified_at") + Coalesce(Subquery(soak.values("soak_minutes")[:1]), 0) * MINUTE
    past_its_time = Q(scheduled_for__isnull=True) | Q(due_at__gt=F("scheduled_for"))
    return late & (
        Q(state=DeploymentState.RUNNING)
        | Q(state=DeploymentState.VERIFYING, due_at__gt=_instant(Value(now + LONGEST_WAIT) + pause))
        | Q(state=DeploymentState.SUCCEEDED, due_at__gt=_instant(soaked_at))
        | Q(past_its_time, state__in=[DeploymentState.SCHEDULED, DeploymentState.QUEUED], held_at__isnull=True)
    )


SECOND, MINUTE = (Value(timedelta(seconds=n), output_field=models.DurationField()) for n in (1, 60))


def _instant(expression) -> ExpressionWrapper:
    return ExpressionWrapper(expression, output_field=models.DateTimeField())


class DeploymentQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "release__product_id")

    def live(self):
        """Those that hold their environment."""
        return self.filter(state__in=HOLDS_ENVIRONMENT)

    def waiting(self):
        return self.filter(state__in=WAITING)

    def ended(self):
        return self.filter(state__in=ENDED)

    def verified(self):
        """Those after which the candidate ran in its environment, proven by its verification."""
        return self.filter(state=DeploymentState.SUCCEEDED)

    def not_taken_back_since(self):
        """Those whose candidate no rollback took out of the environment after they were verified."""
        gone = self.model.objects.filter(environment=OuterRef("environment"), candidate=OuterRef("candidate"))
        gone = gone.filter(state=DeploymentState.ROLLED_BACK, ended_at__gt=OuterRef("verified_at"))
        return self.exclude(Exists(gone))

    def running(self):
        """The newest verified deployment of each environment: what runs there, as far as Slipway can tell."""
        return (
            self.filter(verified_at__isnull=False).order_by("environment_id", "-verified_at").distinct("environment_id")
        )

    def unconfirmed(self):
        """Rollbacks of production that are over and that nobody else has agreed to yet; as `guards.owes_confirmation` says."""
        return self.filter(
            kind=DeploymentKind.ROLLBACK,
            is_rehearsal=False,
            environment__tier=Tier.PRODUCTION,
            started_at__isnull=False,
            state__in=ENDED,
            confirmed_at__isnull=True,
        )

    def not_begun_by(self, user):
        """Without what a person started; of a rollback that began by itself, without those of what they deployed."""
        by_itself = Q(started_by__is_service=True) & Q(rolls_back__started_by=user)
        return self.exclude(started_by=user).exclude(by_itself)

    def due(self):
        """Those that the engine should look at now."""
        now = timezone.now()
        return self.filter(Q(due_at__lte=now) | put_off_by_a_clock(now), due_at__isnull=False)


class RunQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "deployment__release__product_id")

    def stopping(self):
        """Cancelled ones whose tool may not have stopped yet."""
        return self.filter(state=RunState.CANCELLED, due_at__isnull=False)

    def to_be_stopped(self):
        """What is under way, or was lost sight of and not called anew since: its tool may be at work."""
        same = ("deployment", "purpose", "position")
        newer = self.model.objects.filter(**{name: OuterRef(name) for name in same}, attempt__gt=OuterRef("attempt"))
        return self.filter(Q(state__in=UNDER_WAY) | Q(~Exists(newer), state=RunState.UNKNOWN))

    def not_called(self):
        """Steps whose tool certainly has no call: those that a pause holds."""
        return self.filter(state=RunState.WAITING, in_doubt=False).exclude(purpose=Purpose.VERIFY)

    def due(self):
        """Those that the engine should look at now."""
        now = timezone.now()
        return self.filter(
            Q(due_at__lte=now) | Q(due_at__gt=now + LONGEST_WAIT),
            state__in=[RunState.WAITING, RunState.CLAIMED, RunState.RUNNING, RunState.CANCELLED],
        )


class HookQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "environment__product_id")


class LogLineQuerySet(models.QuerySet):
    def of(self, deployment, *, words: str = "", run: int = 0):
        """The lines of a deployment by step and attempt, as written; those that hold `words` in any case, those of one `run`."""
        lines = self.filter(run__deployment=deployment).order_by("run__position", "run__attempt", "run", "pk")
        if words:
            lines = lines.filter(text__icontains=words)
        return lines.filter(run=run) if run else lines


class SightingQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "environment__product_id")

    def newest(self):
        """The newest of each environment."""
        return self.order_by("environment_id", "-at", "-pk").distinct("environment_id")


class BookingQuerySet(models.QuerySet):
    def visible_to(self, user):
        return policy.only_where(self, user, "releases.view_product", "environment__product_id")

    def active(self):
        return self.filter(is_active=True)

    def of_deployment(self, deployment):
        return self.active().filter(deployment=deployment)

    def touching(self, start, end):
        """Those that touch the half-open span."""
        return self.filter(starts_at__lt=end, ends_at__gt=start)

    def give_up(self) -> int:
        """End them now: what is left of their time is free again. One that has not begun keeps its span and counts no more."""
        now = timezone.now()
        begun = Case(When(starts_at__lt=now, ends_at__gt=now, then=Value(now)), default=F("ends_at"))
        return self.update(is_active=False, ends_at=begun)
