"""CDEvents 0.5.1 (cdevents.dev): what an event says of an environment, and which of Slipway's environments it means."""

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils.dateparse import parse_datetime

from core.blockers import refuse
from deployments.identity import artifact_of
from deployments.shapes import TYPE, event_shape, troubles
from releases.models import Environment, Product

REMOVED = "removed"
READ = tuple(f"dev.cdevents.service.{what}.0.3.0" for what in ("deployed", "upgraded", "rolledback", REMOVED))


class Malformed(ValueError):
    """What was sent is no CDEvent. `troubles` is {member: what is wrong with it}."""

    def __init__(self, found: dict[str, str]):
        self.troubles = found
        super().__init__("; ".join(f"{member}: {trouble}" for member, trouble in found.items()))


@dataclass(frozen=True)
class Happening:
    """What an event tells of a service in an environment. `key` is the same for each repeat of the event."""

    environment: str
    source: str
    subject: str
    artifact: str
    version: str
    commit: str
    at: datetime
    key: str


def read(event: object) -> Happening | None:
    """What a CDEvent tells, None where it tells nothing of what runs where: a removal may name no place. Raises Malformed.

    Every event must have context and subject as the specification says; the content is looked at where it is read. An object
    in `customData` may add a `version` and a `commit`, which artifact ids often lack.
    """
    if found := troubles(event, event_shape(event)):
        raise Malformed(found)
    context, subject = event["context"], event["subject"]
    if context["type"] not in READ:
        return None
    place = subject["content"].get("environment")
    if place is None:
        return None
    removed = TYPE.fullmatch(context["type"])["predicate"] == REMOVED
    own = event.get("customData")
    told = own if isinstance(own, dict) and not removed else {}
    return Happening(
        environment=place["id"],
        source=place.get("source") or context["source"],
        subject=subject["id"],
        artifact="" if removed else subject["content"]["artifactId"],
        version=_text(told.get("version")),
        commit=_text(told.get("commit")),
        at=parse_datetime(context["timestamp"].upper()),
        key=f"{context['source']}#{context['id']}",
    )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def place_of(happening: Happening, products) -> Environment:
    """The environment that is meant, among those of `products`. Raises Refused where none is, with the way to name it.

    In this order: what SLIPWAY_CDEVENTS_ENVIRONMENTS says of "<source> <id>" or of "<id>"; an id such as
    "payments/production"; an id that is an environment's address part, of the product that the subject, the artifact or the
    repository at the event's source names.
    """
    mapped = settings.CDEVENTS_ENVIRONMENTS
    name = mapped.get(f"{happening.source} {happening.environment}") or mapped.get(happening.environment)
    product, found, environment = (name or happening.environment).rpartition("/")
    rows = Environment.objects.filter(product__in=products, slug=environment)
    if found:
        return rows.filter(product__slug=product).first() or _refuse_unknown(happening)
    named = [product for product in products.all() if _names(happening, product)]
    meant = list(rows.filter(product__in=named)[:2])
    return meant[0] if len(meant) == 1 else _refuse_unknown(happening)


def _names(happening: Happening, product: Product) -> bool:
    subject = happening.subject.rstrip("/").rpartition("/")[2]
    said = {subject, artifact_of(happening.artifact).name}
    from_there = bool(product.repository) and _bare(product.repository) == _bare(happening.source)
    return from_there or product.slug in said


def _bare(repository: str) -> str:
    return repository.rstrip("/").removesuffix(".git").lower()


def _refuse_unknown(happening: Happening) -> None:
    refuse(
        "environment-unknown",
        f"No environment in your sight is meant by “{happening.environment[:80]}” of {happening.source[:200]}. Call it "
        "product/environment, or let an administrator name it in SLIPWAY_CDEVENTS_ENVIRONMENTS.",
        field="environment",
    )
