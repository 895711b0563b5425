"""Doors of the catalogue of standard changes, and of the changes that are made from it.

Proposing a template belongs to approvals, which opens its request; the steps for that are in `releases.steps`.
"""

from django.db import connection, transaction

from accounts import policy
from accounts.models import User
from core.blockers import refuse
from core.events import record
from core.locking import locked
from releases.actions.change import new_change, scope_of
from releases.actions.editing import apply, needs_text, require_scope_open
from releases.models import Change, ChangeTemplate, Product
from releases.states import ALWAYS_LOCKED, GIVEN, ChangeType, TemplateState

FIELDS = ("name", "purpose", *GIVEN, "locked", "valid_until")
OF_A_CHANGE = (*GIVEN, "author", "author_name", "commits", "pull_request")
_CATALOGUE = 0x51D4  # advisory lock: one name is given at a time, so that no two templates share one


@transaction.atomic(durable=True)
def add_template(*, actor: User, name: str, product_id: int | None = None, **fields) -> ChangeTemplate:
    """Draft a standard change of a product (None: of all products, which asks for the right everywhere).

    `fields`: purpose; what it gives (title, kind, breaking, description, risk, impact, backout); `locked`, the names among those
    that must stay (risk, impact and back-out plan always do); valid_until (default: in a year).
    Raises Product.DoesNotExist, Http404/PermissionDenied, or Refused at the field.
    """
    product = Product.objects.get(pk=product_id) if product_id is not None else None
    policy.require(actor, "releases.contribute", product)
    template = ChangeTemplate(product=product, created_by=actor)
    _apply(template, {"name": name, **fields})
    _check_name(template)
    template.save()
    record("template.added", template, actor=actor, name=template.name, product=product and product.slug)
    return template


def edit_template(template_id: int, *, actor: User, **fields) -> ChangeTemplate:
    """Change a draft. Raises Refused for one that is proposed, approved or retired. Nothing is recorded when nothing differs."""
    with locked(ChangeTemplate.objects.select_related("product"), template_id) as template:
        policy.require(actor, "releases.contribute", template)
        _require_draft(template)
        changed = _apply(template, fields)
        if "name" in changed:
            _check_name(template)
        if changed:
            template.save()
            record("template.edited", template, actor=actor, name=template.name, changed=changed)
    return template


def _apply(template: ChangeTemplate, fields: dict) -> dict[str, list]:
    if "locked" in fields:
        fields = fields | {"locked": _locked(fields["locked"])}
    return apply(template, fields, FIELDS)


def _locked(names) -> list[str]:
    """The names in the order of the form, with those that are always locked. Raises Refused for one that nothing is given for."""
    unknown = sorted(set(names) - set(GIVEN))
    if unknown:
        refuse("locked-unknown", f"A standard change gives no {', '.join(unknown)}.", field="locked")
    return [name for name in GIVEN if name in names or name in ALWAYS_LOCKED]


def _check_name(template: ChangeTemplate) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_CATALOGUE])
    others = ChangeTemplate.objects.filter(product=template.product, name__iexact=template.name)
    if others.exclude(pk=template.pk).exists():
        whose = template.product or "all products"
        refuse("name-taken", f"There is already a standard change of {whose} called {template.name}.", field="name")


def _require_draft(template: ChangeTemplate) -> None:
    if template.state != TemplateState.DRAFT:
        fix = "Revise it first." if template.state == TemplateState.APPROVED else "Add another one."
        message = f"It is {template.get_state_display().lower()}, so it stays as it is. {fix}"
        refuse("template-settled", message, url=template.get_absolute_url(), fix="Open the template")


def revise_template(template_id: int, *, actor: User) -> ChangeTemplate:
    """approved → draft: using it stops until it is approved again. Changes that were made of it stay as they are."""
    with locked(ChangeTemplate.objects.select_related("product"), template_id) as template:
        policy.require(actor, "releases.contribute", template)
        template.revise()
        template.save()
        record("template.revised", template, actor=actor, name=template.name, version=template.version)
    return template


def retire_template(template_id: int, *, actor: User, reason: str) -> ChangeTemplate:
    """draft, approved → retired, for good. Changes that were made of it stay as they are. Raises Refused without a reason."""
    with locked(ChangeTemplate.objects.select_related("product"), template_id) as template:
        policy.require(actor, "releases.authorise_change", template)
        reason = needs_text(reason, "reason", "Say why it is no longer to be used.")
        template.retire(reason=reason)
        template.save()
        record("template.retired", template, actor=actor, name=template.name, reason=reason)
    return template


def add_standard_change(
    template_id: int, product_id: int, *, actor: User, release_id: int | None = None, key: str = "", **fields
) -> Change:
    """Add a change of the catalogue, approved at once, into a release's scope when one is named.

    What `fields` leave out, the template gives; they may name what it gives, author, author_name, commits and pull_request.
    Raises ChangeTemplate.DoesNotExist, Product.DoesNotExist, Release.DoesNotExist, Http404/PermissionDenied, or Refused: the
    template is not in force or not for this product, or a locked field differs.
    """
    unknown = set(fields) - set(OF_A_CHANGE)
    if unknown:
        raise TypeError(f"A standard change has no {', '.join(sorted(unknown))} to give.")
    with scope_of(product_id, release_id) as (product, release):
        policy.require(actor, "releases.contribute", product)
        waiting = ChangeTemplate.objects.visible_to(actor).select_for_update(of=("self",), no_key=True)
        template = waiting.select_related("product").get(pk=template_id)
        given = {name: getattr(template, name) for name in GIVEN} | fields
        change = new_change(product, release, given | {"key": key}, actor)
        change.type, change.template = ChangeType.STANDARD, template
        change.pre_approve()
        change.save()
        record(
            "change.pre_approved",
            change,
            actor=actor,
            template=template.name,
            template_id=template.pk,
            version=template.version,
            digest=change.template_digest,
        )
        if release is not None:
            require_scope_open(release)
            record("release.scope_changed", release, actor=actor, added=[change.key])
    return change
