"""Doors of products and of the environments that each ships through."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy

from django.db import transaction
from django.utils.text import slugify

from accounts import policy
from accounts.models import User
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from releases.actions.editing import apply, needs_text
from releases.actions.phase import unfit
from releases.guards import tier_settled, used
from releases.models import Environment, Product, Stoppable
from releases.states import OPEN, Tier
from releases.versions import SCHEMES, InvalidVersion

FIELDS = (
    "name",
    "slug",
    "key",
    "description",
    "scheme",
    "repository",
    "tag_prefix",
    "rehearsed_strategies",
    "rehearsal_days",
    "is_active",
)
PLACE = ("name", "slug", "tier", "url")


@transaction.atomic(durable=True)
def add_product(*, actor: User, name: str, **fields) -> Product:
    """Add a product: name, key, description, scheme, repository, tag_prefix; without a `slug`, one is made of the name.

    Raises PermissionDenied, or Refused at the field that does not fit or is taken.
    """
    policy.require(actor, "releases.manage_products")
    product = Product()
    apply(product, {"name": name, "slug": fields.pop("slug", "") or slugify(name)[:60], **fields}, FIELDS)
    _check_unique(product)
    product.save()
    record("product.added", product, actor=actor, name=product.name, key=product.key, scheme=product.scheme)
    return product


def change_product(product_id: int, *, actor: User, **fields) -> Product:
    """Change a product. A new scheme must accept the versions of its open releases. Nothing is recorded when nothing differs."""
    with locked(Product.objects, product_id) as product:
        policy.require(actor, "releases.manage_products", product)
        changed = apply(product, fields, FIELDS)
        _check_unique(product)
        if "scheme" in changed:
            _check_scheme(product)
        if changed:
            product.save()
            record("product.changed", product, actor=actor, changed=changed)
    return product


def _check_unique(product: Product) -> None:
    if product.slug == "new":
        refuse("slug-reserved", "The address “new” is taken by the page that adds products.", field="slug")
    others = Product.objects.exclude(pk=product.pk)
    for field, words in (("name", "called"), ("slug", "at the address"), ("key", "with the prefix")):
        if others.filter(**{f"{field}__iexact": getattr(product, field)}).exists():
            refuse(f"{field}-taken", f"There is already a product {words} {getattr(product, field)}.", field=field)


def _check_scheme(product: Product) -> None:
    scheme = SCHEMES[product.scheme]
    for version in product.releases.filter(state__in=OPEN).values_list("version", flat=True):
        try:
            scheme.parse(version)
        except InvalidVersion:
            message = f"The open release {version} is no {scheme.label} version. Finish or renumber it first."
            refuse("scheme-unfit", message, field="scheme")


def add_environment(
    product_id: int, *, actor: User, name: str, tier: str, url: str = "", slug: str = ""
) -> Environment:
    """Add an environment: production at the end of the pipeline, another one before the first production."""
    with locked(Product.objects, product_id) as product:
        policy.require(actor, "releases.manage_environments", product)
        environment = Environment(product=product)
        apply(environment, {"name": name, "tier": tier, "url": url, "slug": slug or slugify(name)[:60]}, PLACE)
        _check_environment(environment)
        there = list(product.environments.order_by("position"))
        before = [e for e in there if not e.is_production] if not environment.is_production else there
        environment.position = len(there)
        environment.save()
        _number([*before, environment, *[e for e in there if e not in before]])
        environment.refresh_from_db()
        record("environment.added", environment, actor=actor, name=environment.name, tier=environment.tier)
    return environment


def change_environment(environment_id: int, *, actor: User, **fields) -> Environment:
    """Change name, slug, tier or url.

    Raises Refused when the new tier would put production before another one; and, once the environment has seen deployments or
    a release is on its way there, when it would begin or cease to be production: what is asked before a deployment hangs on it.
    """
    with _locked_environment(environment_id) as environment:
        policy.require(actor, "releases.manage_environments", environment)
        was = environment.tier
        changed = apply(environment, fields, PLACE)
        _check_environment(environment)
        if "tier" in changed and Tier.PRODUCTION in (was, environment.tier):
            refuse_if(tier_settled(environment, was))
        if "tier" in changed:
            others = environment.product.environments.select_related("phase").exclude(pk=environment.pk)
            ordered = sorted([*others, environment], key=lambda e: e.position)
            _check_order(ordered)
            refuse_if(unfit(ordered, environment.product))
        if changed:
            environment.save()
            record("environment.changed", environment, actor=actor, changed=changed)
    return environment


def remove_environment(environment_id: int, *, actor: User) -> Product:
    """Remove an environment without a history. Raises Refused otherwise, and for production while a release is on its way."""
    with _locked_environment(environment_id) as environment:
        policy.require(actor, "releases.manage_environments", environment)
        refuse_if(used(environment))
        record("environment.removed", environment, actor=actor, name=environment.name, tier=environment.tier)
        environment.delete()
        refuse_if(unfit(environment.product.environments.select_related("phase"), environment.product))
    return environment.product


def order_environments(product_id: int, ids: list[int], *, actor: User) -> Product:
    """Set the order of the pipeline. `ids` names every environment of the product once; production comes last."""
    with locked(Product.objects, product_id) as product:
        policy.require(actor, "releases.manage_environments", product)
        there = {environment.pk: environment for environment in product.environments.select_related("phase")}
        if sorted(ids) != sorted(there):
            refuse("order-incomplete", "The pipeline has changed meanwhile. Look at it again and order all of it.")
        ordered = [there[pk] for pk in ids]
        _check_order(ordered)
        refuse_if(_torn(product, ordered))
        was = sorted(there.values(), key=lambda e: e.position)
        if was != ordered:
            _number(ordered)
            record(
                "product.pipeline_ordered",
                product,
                actor=actor,
                order=[e.slug for e in ordered],
                was=[e.slug for e in was],
            )
    return product


def block_product(product_id: int, *, actor: User, reason: str) -> Product:
    """Block a product at once: no deployment of it starts anywhere. Raises Refused without a reason or when it is blocked."""
    with locked(Product.objects.select_related("blocked_by"), product_id) as product:
        policy.require(actor, "releases.block_release", product)
        _stop(product, actor, reason)
        record("product.blocked", product, actor=actor, reason=product.blocked_reason)
    return product


def _stop(stopped: Stoppable, actor: User, reason: str) -> None:
    reason = needs_text(reason, "reason", "Say why: those who must lift the block will ask.")
    if stopped.is_blocked:
        refuse("blocked-already", f"{stopped} is blocked already: {stopped.blocked_reason}")
    stopped.stop(reason, actor)
    stopped.save()


def block_environment(environment_id: int, *, actor: User, reason: str) -> Environment:
    """Block an environment at once: no deployment to it starts. Raises Refused without a reason or when it is blocked."""
    with _locked_environment(environment_id) as environment:
        policy.require(actor, "releases.block_release", environment)
        _stop(environment, actor, reason)
        record("environment.blocked", environment, actor=actor, reason=environment.blocked_reason)
    return environment


@contextmanager
def _locked_environment(environment_id: int) -> Iterator[Environment]:
    """Lock the product, whose lock orders the pipeline, then the environment."""
    product_id = Environment.objects.values_list("product_id", flat=True).get(pk=environment_id)
    with locked(Product.objects, product_id) as product:
        environment = Environment.objects.select_for_update(no_key=True).get(pk=environment_id)
        environment.product = product
        yield environment


def _check_environment(environment: Environment) -> None:
    others = environment.product.environments.exclude(pk=environment.pk)
    if not environment.slug or others.filter(slug=environment.slug).exists():
        refuse(
            "environment-taken", f"{environment.product} already has an environment {environment.name}.", field="name"
        )


def _check_order(environments: list[Environment]) -> None:
    tiers = [e.tier == Tier.PRODUCTION for e in environments]
    if tiers != sorted(tiers):
        refuse(
            "production-last", "Production comes last: what ships must have been somewhere else before.", field="tier"
        )


def _torn(product: Product, ordered: list[Environment]) -> list[Blocker]:
    """What is wrong with the phases once the environments stand in this order."""
    return unfit([_at(environment, position) for position, environment in enumerate(ordered)], product)


def _at(environment: Environment, position: int) -> Environment:
    moved = copy(environment)
    moved.position = position
    return moved


def _number(environments: list[Environment]) -> None:
    for position, environment in enumerate(environments):
        Environment.objects.filter(pk=environment.pk).update(position=position)
