"""The protocol of a kind of subject, and the facts that policies decide on."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from enum import StrEnum

from django.urls import NoReverseMatch, reverse

from releases.states import Tier

TIERS = list(Tier.values)


class Stance(StrEnum):
    """What the state of a subject means for a request about it."""

    ASKED = "asked"  # the answer is wanted now
    WAITS = "waits"  # it will be wanted again: the request is suspended
    BACK = "back"  # it went back to where it is asked anew: superseded
    GONE = "gone"  # it will never be wanted: withdrawn
    ACTED_ON = "acted on"  # what was agreed to has come of it: an approval stays as it was


@dataclass(frozen=True)
class Facts:
    """What a policy's rows are asked about. `risk` is a band, `tier` the highest environment tier, `size` changes in scope."""

    subject: str
    product: int | None = None
    strategy: str = ""
    change_type: str = ""
    risk: str = ""
    tier: str = ""
    size: int = 0
    in_freeze: bool = False
    emergency: bool = False

    def as_dict(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class Kind:
    """One kind of subject. `model` is its model's name, `name` the policy's word for it, `parts` the relations that it reads."""

    model: str
    name: str
    facts: Callable[[object], Facts]
    content: Callable[[object], dict[str, dict]]
    authors: Callable[[object], set[int]]
    url: Callable[[object], str]
    stance: Callable[[object], Stance]
    asks: Callable[[object], int | None]
    parts: tuple[str, ...] = ()
    noun: str = ""


def address(name: str, *args) -> str:
    """The address of a named page, "" where no room brings it: a reason must not fail for want of a link."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""


def highest_tier(product) -> str:
    """The highest tier among a product's environments; production where it has none yet."""
    tiers = [e.tier for e in product.environments.all()] if product else []
    return max(tiers, key=TIERS.index, default=Tier.PRODUCTION.value)
