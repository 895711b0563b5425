"""Products, environments, releases and their parts."""

from datetime import timedelta
from itertools import count

from django.utils import timezone

from accounts.actions import system_user
from releases.models import (
    Candidate,
    Change,
    ChangeTemplate,
    Environment,
    FreezeWindow,
    Product,
    Release,
    Risk,
    RollbackPlan,
)
from releases.states import ReleaseState, RiskBand, TemplateState, Tier, Treatment

_numbers = count(1)


def product(name: str = "", **fields) -> Product:
    n = next(_numbers)
    name = name or f"Product {n}"
    return Product.objects.create(
        name=name, slug=fields.pop("slug", f"product-{n}"), key=fields.pop("key", f"P{n}"), **fields
    )


def pipeline(of: Product, *names: str) -> list[Environment]:
    """Environments in order; the last one is production. Default: staging, production."""
    names = names or ("Staging", "Production")
    return [
        Environment.objects.create(
            product=of,
            name=name,
            slug=name.lower(),
            position=i,
            tier=Tier.PRODUCTION if i == len(names) - 1 else Tier.STAGING,
        )
        for i, name in enumerate(names)
    ]


def release(of: Product | None = None, state: str = ReleaseState.DRAFT, **fields) -> Release:
    """A release in any state, its window now to two hours from now, with an objective, a manager and complete notes."""
    of = of or product()
    n, system = next(_numbers), system_user()
    start = timezone.now() - timedelta(minutes=5)
    defaults = {
        "version": f"1.{n}.0",
        "title": f"Release {n}",
        "objective": "Make it better.",
        "manager": system,
        "created_by": system,
        "window_starts_at": start,
        "window_ends_at": start + timedelta(hours=2),
        "notes": "What is new.",
        "notes_reviewed_at": start,
        "notes_reviewed_by": system,
        "risks_assessed_at": start,
    }
    made = Release(product=of, **(defaults | fields))
    wanted = made.candidate is None and state in (
        "testing",
        "approving",
        "ready",
        "deploying",
        "released",
        "rolled_back",
        "review",
        "closed",
    )
    made.save()
    if wanted:
        candidate(made)
    put_in_state(made, state)
    return made


def put_in_state(obj, state: str):
    """Move a lifecycle row straight in the database, past its machine."""
    type(obj).objects.filter(pk=obj.pk).update(state=state)
    obj.refresh_from_db()
    return obj


def candidate(of: Release, **fields) -> Candidate:
    """The next candidate; it becomes the current one."""
    number = of.candidates.count() + 1
    made = Candidate.objects.create(
        release=of,
        number=number,
        version=f"{of.version}-rc.{number}",
        commit=f"{number:040x}",
        added_by=system_user(),
        **({"artifacts": [{"name": "image", "digest": f"sha256:{number:064x}"}]} | fields),
    )
    Release.objects.filter(pk=of.pk).update(candidate=made)
    of.candidate = made
    return made


def change(of: Product, release: Release | None = None, state: str = "new", **fields) -> Change:
    n = next(_numbers)
    defaults = {
        "key": f"{of.key}-{n}",
        "title": f"Change {n}",
        "risk": RiskBand.LOW,
        "impact": "Nobody notices.",
        "created_by": system_user(),
    }
    made = Change.objects.create(product=of, release=release, **(defaults | fields))
    return put_in_state(made, state)


def template(of: Product | None = None, state: str = TemplateState.APPROVED, **fields) -> ChangeTemplate:
    """A complete standard change of a product (None: of all), in any state; locked: risk, impact, back-out plan."""
    n = next(_numbers)
    defaults = {
        "name": f"Standard change {n}",
        "purpose": "Rotate the certificate of a service before it expires.",
        "title": "Rotate the certificate",
        "description": "With the script, one node after the other.",
        "risk": RiskBand.LOW,
        "impact": "Nobody notices.",
        "backout": "Put the old certificate back.",
        "created_by": system_user(),
    }
    return put_in_state(ChangeTemplate.objects.create(product=of, **(defaults | fields)), state)


def standard_change(of: Product, template: ChangeTemplate, release: Release | None = None, **fields) -> Change:
    """An approved change of the catalogue, with what the template gives."""
    given = {name: getattr(template, name) for name in ("title", "description", "risk", "impact", "backout")}
    made = {"type": "standard", "template": template, "template_digest": template.digest}
    made["template_locked"] = template.locked
    return change(of, release, "approved", **(given | made | fields))


def rollback_plan(of: Release, **fields) -> RollbackPlan:
    defaults = {"trigger": "Error rate over 1%", "steps": "Redeploy.", "expected_minutes": 4, "owner": of.manager}
    return RollbackPlan.objects.create(release=of, **(defaults | fields))


def risk(of: Release, **fields) -> Risk:
    defaults = {
        "title": "It may be slow",
        "impact": 2,
        "likelihood": 2,
        "treatment": Treatment.MITIGATE,
        "plan": "Watch it.",
        "owner": of.manager,
    }
    return Risk.objects.create(release=of, **(defaults | fields))


def freeze(**fields) -> FreezeWindow:
    now = timezone.now()
    defaults = {
        "name": "Peak trading freeze",
        "starts_at": now - timedelta(hours=1),
        "ends_at": now + timedelta(days=3),
        "created_by": system_user(),
    }
    return FreezeWindow.objects.create(**(defaults | fields))
