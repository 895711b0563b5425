"""Doors of deployment windows: when an environment may be deployed to; and of how grave each kind of conflict is."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases import conflicts
from releases.actions import timetable
from releases.actions.editing import apply
from releases.models import ConflictRule, DeploymentWindow, Environment, Product
from releases.states import ConflictKind, Severity

FIELDS = ("name", *timetable.FIELDS)
RIGHT = "releases.manage_environments"


def add_window(environment_id: int, *, actor: User, **fields) -> DeploymentWindow:
    """Let an environment be deployed to at some times only: name, starts_at, ends_at, rule (RFC 5545), zone.

    The first window closes the environment at all other times. Raises Environment.DoesNotExist, Http404/PermissionDenied, or
    Refused at the field that does not fit.
    """
    with locked(Environment.objects.select_related("product"), environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        window = DeploymentWindow(environment=environment, created_by=actor)
        apply(window, fields, FIELDS)
        _check(window)
        window.save()
        record("environment.window_added", environment, actor=actor, **_told(window))
    return window


def change_window(window_id: int, *, actor: User, **fields) -> DeploymentWindow:
    """Change a window. Nothing is recorded when nothing differs. Raises as add_window, and DeploymentWindow.DoesNotExist."""
    with _held(window_id) as window:
        policy.require(actor, RIGHT, window.environment)
        changed = apply(window, fields, FIELDS)
        _check(window)
        if changed:
            window.save()
            record("environment.window_changed", window.environment, actor=actor, name=window.name, changed=changed)
    return window


def remove_window(window_id: int, *, actor: User) -> Environment:
    """Remove a window; without any, the environment may be deployed to at any time again."""
    with _held(window_id) as window:
        policy.require(actor, RIGHT, window.environment)
        record("environment.window_removed", window.environment, actor=actor, **_told(window))
        window.delete()
    return window.environment


@contextmanager
def _held(window_id: int) -> Iterator[DeploymentWindow]:
    """The environment locked, and then the window."""
    environment_id = DeploymentWindow.objects.values_list("environment_id", flat=True).get(pk=window_id)
    with locked(Environment.objects.select_related("product"), environment_id) as environment:
        window = DeploymentWindow.objects.select_for_update(of=("self",), no_key=True).get(pk=window_id)
        window.environment = environment
        yield window


def _check(window: DeploymentWindow) -> None:
    if not window.name:
        refuse("name-missing", "Give the window a name.", field="name")
    if window.environment.windows.filter(name=window.name).exclude(pk=window.pk).exists():
        refuse("name-taken", f"{window.environment} has a window of this name. Choose another one.", field="name")
    timetable.settle(window, "window")


def _told(window: DeploymentWindow) -> dict:
    return {
        "name": window.name,
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "comes_again": window.comes_again,
        "zone": window.zone,
    }


@transaction.atomic(durable=True)
def set_severity(kind: str, severity: str, *, actor: User, product_id: int | None = None) -> None:
    """Say how grave a kind of conflict is: for one product, or (None) for all that say nothing of their own. "" takes it back.

    A product may not take freezes more lightly than everybody: other people keep them. Raises Product.DoesNotExist,
    Http404/PermissionDenied, or Refused.
    """
    product = Product.objects.select_for_update(of=("self",), no_key=True).get(pk=product_id) if product_id else None
    policy.require(actor, RIGHT if product else "releases.manage_products", product)
    _check_severity(kind, severity, product)
    rule = ConflictRule.objects.select_for_update().filter(product=product, kind=kind).first()
    was = rule.severity if rule else ""
    if was == severity:
        return
    if not severity:
        record("conflict_rule.set", rule, actor=actor, kind=kind, was=was, severity="")
        rule.delete()
        return
    rule = rule or ConflictRule(product=product, kind=kind)
    rule.severity = severity
    rule.save()
    record("conflict_rule.set", rule, actor=actor, kind=kind, was=was, severity=severity)


def _check_severity(kind: str, severity: str, product: Product | None) -> None:
    if kind not in ConflictKind.values:
        refuse("kind-unknown", "Choose a kind of conflict from the list.", field="kind")
    if severity and severity not in Severity.values:
        refuse("severity-unknown", "Choose a severity from the list.", field=kind)
    if product is None or kind != ConflictKind.FREEZE or not severity:
        return
    rule = ConflictRule.objects.filter(product=None, kind=kind).first()
    floor = Severity(rule.severity) if rule else conflicts.DEFAULTS[ConflictKind.FREEZE]
    if conflicts.ORDER.index(Severity(severity)) < conflicts.ORDER.index(floor):
        message = f"For all products a freeze means “{floor.label.lower()}”; a product may be stricter, not milder."
        refuse("milder-than-all", message, field=kind)
