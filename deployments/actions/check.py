"""Doors of checks: added, changed, ordered, removed. Their secrets are written and never read back."""

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from deployments.actions.asking import NAME_OF_BUILT_IN
from deployments.actions.verification import RIGHT, verifying_now
from deployments.checks import CHECKS
from deployments.models import Check
from deployments.payload import fingerprint
from releases.models import Environment

MOST = 20


def save_check(
    environment_id: int, *, actor: User, check_id: int | None = None, secret: str | None = None, **fields
) -> Check:
    """Add a check to an environment, or change one. `fields` are the model's; `secret` None keeps the old one.

    What `config` leaves out gets the kind's default. Raises Environment.DoesNotExist, Check.DoesNotExist, PermissionDenied, or
    Refused: an unknown kind, a configuration that it does not take (blockers at `config.<field>`), a name that is taken, too
    many checks, a verification that runs now.
    """
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        check = environment.checks.get(pk=check_id) if check_id else _new(environment)
        before = _told(check) if check_id else {}
        for name, value in fields.items():
            setattr(check, name, value)
        if secret is not None:
            check.secret = secret
        _fill_in(check)
        refuse_if([*verifying_now(environment), *problems(check)])
        check.save()
        record(
            "environment.check_changed" if check_id else "environment.check_added",
            environment,
            actor=actor,
            check=check.pk,
            check_name=check.name,
            kind=check.kind,
            changed={name: [before.get(name), now] for name, now in _told(check).items() if before.get(name) != now},
            secret_changed=secret is not None,
        )
    return check


def _new(environment: Environment) -> Check:
    last = environment.checks.order_by("-position").first()
    return Check(environment=environment, position=last.position + 1 if last else 0)


def _told(check: Check) -> dict:
    """What the record tells of a check: what it asks as approvers see it, and a fingerprint of all the rest."""
    asked = CHECKS[check.kind].asked(check.config) if check.kind in CHECKS else ""
    told = {"name": check.name, "kind": check.kind, "is_active": check.is_active}
    return told | {"asked": asked, "settings": fingerprint(check.config)}


def _fill_in(check: Check) -> None:
    if check.kind in CHECKS and isinstance(check.config, dict):
        given = {field.name: field.default for field in CHECKS[check.kind].fields if field.default != ""}
        check.config = given | {name: value for name, value in check.config.items() if value not in (None, "")}


def problems(check: Check) -> list[Blocker]:
    """What is wrong with a check, each at its field; fields of the kind are named `config.<field>`."""
    kind = CHECKS.get(check.kind)
    if kind is None:
        return [Blocker("check-kind", f"Choose a kind that exists: {', '.join(sorted(CHECKS))}.", field="kind")]
    found = _name_trouble(check)
    if not isinstance(check.config, dict):
        return [*found, Blocker("check-config", "The configuration is an object of fields.", field="config")]
    for field, trouble in kind.validate(check.config).items():
        found.append(Blocker(f"check-config:{field}", trouble, field=f"config.{field}"))
    if trouble := kind.secret_trouble(check.secret):
        found.append(Blocker("check-secret", trouble, field="secret"))
    if check.pk is None and check.environment.checks.count() >= MOST:
        text = f"{check.environment} has {MOST} checks already; all of them are asked at once. Remove one first."
        found.append(Blocker("check-too-many", text))
    return found


def _name_trouble(check: Check) -> list[Blocker]:
    others = Check.objects.filter(environment=check.environment_id, name__iexact=check.name).exclude(pk=check.pk)
    if not (check.name or "").strip():
        return [Blocker("check-name", "Give the check a name.", field="name")]
    if others.exists() or check.name.lower() == NAME_OF_BUILT_IN.lower():
        text = f"There is a check {check.name} already. Choose another name."
        return [Blocker("check-name-taken", text, field="name")]
    return []


def remove_check(check_id: int, *, actor: User) -> None:
    """Remove a check; what it found stays in the samples. Raises Check.DoesNotExist, PermissionDenied, or Refused."""
    environment_id = Check.objects.values_list("environment_id", flat=True).get(pk=check_id)
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        check = environment.checks.get(pk=check_id)
        refuse_if(verifying_now(environment))
        told = _told(check)
        check.delete()
        record(
            "environment.check_removed", environment, actor=actor, check=check_id, check_name=told["name"], removed=told
        )


def order_checks(environment_id: int, ids: list[int], *, actor: User) -> None:
    """Show the checks of an environment in this order; `ids` names each once. Raises Refused."""
    with locked(Environment.objects, environment_id) as environment:
        policy.require(actor, RIGHT, environment)
        if sorted(ids) != sorted(environment.checks.values_list("pk", flat=True)):
            refuse("check-order", "The checks have changed meanwhile. Look again.")
        for position, pk in enumerate(ids):
            Check.objects.filter(pk=pk).update(position=position)
        record("environment.checks_ordered", environment, actor=actor, checks=ids)
