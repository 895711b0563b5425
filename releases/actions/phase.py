"""Doors of phases: environments that stand at the same place of a product's pipeline."""

from collections.abc import Iterator
from contextlib import contextmanager

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from releases import phases
from releases.actions.editing import apply
from releases.models import Environment, Phase, Product

KEEP = "releases.manage_environments"
AUTOMATE = "releases.automate_promotion"
FIELDS = ("name", "needs", "at_least", "soak_minutes", "is_automatic")


def add_phase(product_id: int, *, actor: User, environments: list[int], **fields) -> Phase:
    """Make a phase of adjacent environments: name, needs, at_least, soak_minutes, is_automatic.

    To let it be deployed to by itself takes the right to automate promotion, and a person, in whose name that happens.
    Raises Product.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    with locked(Product.objects, product_id) as product:
        policy.require(actor, KEEP, product)
        phase = Phase(product=product)
        apply(phase, fields, FIELDS)
        _check_name(phase)
        _stand_for(phase, actor, joined=bool(environments))
        phase.save()
        members = _place(phase, environments)
        record("product.phase_added", product, actor=actor, **_facts(phase, members))
    return phase


def change_phase(phase_id: int, *, actor: User, environments: list[int] | None = None, **fields) -> Phase:
    """Change what a phase asks, or which environments it has. Nothing is recorded when nothing differs. Raises as add_phase."""
    with _locked_phase(phase_id) as phase:
        policy.require(actor, KEEP, phase)
        before = _members(phase)
        changed = apply(phase, fields, FIELDS)
        _check_name(phase)
        wanted = [e.pk for e in before] if environments is None else environments
        joined = set(wanted) - {e.pk for e in before}
        if joined or "is_automatic" in changed:
            _stand_for(phase, actor, joined=bool(joined))
        phase.save()
        now = _place(phase, wanted)
        if now != before:
            changed["environments"] = [[e.slug for e in before], [e.slug for e in now]]
        if changed:
            record("product.phase_changed", phase.product, actor=actor, changed=changed, **_facts(phase, now))
    return phase


def remove_phase(phase_id: int, *, actor: User) -> Product:
    """Take a phase away: each of its environments is a phase of its own again. Raises Phase.DoesNotExist, PermissionDenied."""
    with _locked_phase(phase_id) as phase:
        policy.require(actor, KEEP, phase)
        record("product.phase_removed", phase.product, actor=actor, **_facts(phase, _members(phase)))
        phase.delete()
    return phase.product


def put_in_phase(environment_id: int, phase_id: int | None, *, actor: User) -> Environment:
    """Put an environment into a phase of its product, or (None) let it stand alone.

    Raises Environment.DoesNotExist, Phase.DoesNotExist, PermissionDenied, or Refused when the phase would be torn, mixed, or
    left without what it needs.
    """
    product_id = Environment.objects.values_list("product_id", flat=True).get(pk=environment_id)
    with locked(Product.objects, product_id) as product:
        policy.require(actor, KEEP, product)
        environment = product.environments.select_related("phase").get(pk=environment_id)
        was, phase = environment.phase, phase_id and product.phases.get(pk=phase_id)
        if was == (phase or None):
            return environment
        if phase and phase.is_automatic:
            _stand_for(phase, actor, joined=True)
            phase.save()
        environment.phase = phase or None
        environment.save(update_fields=["phase"])
        _check(product)
        record(
            "product.environment_placed",
            product,
            actor=actor,
            environment=environment.slug,
            phase=phase.name if phase else "",
            was=was.name if was else "",
        )
    return environment


@contextmanager
def _locked_phase(phase_id: int) -> Iterator[Phase]:
    """Lock the product, whose lock orders the pipeline."""
    product_id = Phase.objects.values_list("product_id", flat=True).get(pk=phase_id)
    with locked(Product.objects, product_id) as product:
        phase = Phase.objects.select_related("automated_by").get(pk=phase_id)
        phase.product = product
        yield phase


def _stand_for(phase: Phase, actor: User, *, joined: bool) -> None:
    """Whoever lets a phase be deployed to by itself, or brings an environment into one, is who it happens for."""
    if not phase.is_automatic:
        phase.automated_by = None
    elif joined or phase.automated_by is None:
        policy.require(actor, AUTOMATE, phase.product)
        policy.require_person(actor)
        phase.automated_by = actor


def _check_name(phase: Phase) -> None:
    if phase.at_least < 1:
        refuse("at-least-none", "Ask for at least one, or make the phase optional.", field="at_least")
    if not phase.name:
        refuse("name-missing", "Give the phase a name.", field="name")
    if phase.product.phases.exclude(pk=phase.pk).filter(name__iexact=phase.name).exists():
        refuse("phase-taken", f"{phase.product} already has a phase {phase.name}.", field="name")


def _members(phase: Phase) -> list[Environment]:
    return list(phase.environments.order_by("position"))


def _place(phase: Phase, ids: list[int]) -> list[Environment]:
    """Let the phase have exactly these environments. Raises Refused; the door's transaction is lost with it."""
    there = set(phase.product.environments.filter(pk__in=ids).values_list("pk", flat=True))
    if not ids or there != set(ids):
        refuse(
            "no-environment", "Choose the environments of this phase, among those of the product.", field="environments"
        )
    phase.environments.exclude(pk__in=ids).update(phase=None)
    phase.product.environments.filter(pk__in=ids).update(phase=phase)
    _check(phase.product)
    return _members(phase)


def _check(product: Product) -> None:
    refuse_if(unfit(product.environments.select_related("phase"), product))


def unfit(environments, product: Product) -> list[Blocker]:
    """What is wrong with the phases, given all environments of a product: torn, mixed, too few of them, or none left."""
    rows = list(environments)
    used = {e.phase_id for e in rows}
    empty = [phase for phase in product.phases.all() if phase.pk not in used]
    return phases.unfit(rows) + [
        Blocker(
            "phase-empty",
            f"“{phase.name}” would have no environment left. Remove the phase instead.",
            field="environments",
        )
        for phase in empty
    ]


def _facts(phase: Phase, members: list[Environment]) -> dict:
    return {
        "phase": phase.name,
        "needs": phase.needs,
        "at_least": phase.at_least,
        "soak_minutes": phase.soak_minutes,
        "automated_by": phase.automated_by.name if phase.automated_by else "",
        "environments": [e.slug for e in members],
    }
