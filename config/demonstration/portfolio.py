"""What Northquay ships: products, where they run, and the tools that bring them there."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from django.conf import settings

from accounts.models import User
from config import ports
from config.demonstration.service import NOTIFICATIONS, PAYMENTS, build_repository
from deployments.actions import check, hook, verification
from deployments.states import CheckKind
from releases.actions import product as products
from releases.models import Environment, Product
from releases.states import Scheme, Tier

TOOLS = Path(settings.BASE_DIR) / "config/demonstration"
ROOT = Path(settings.VAR_DIR) / "demo"
STEADY_S = 4
HOST, PORTS = "127.0.0.1", range(8411, 8415)


@dataclass
class Place:
    """A product of the story with its environments by name; `tags` of its repository where it has a real one."""

    product: Product
    environments: dict[str, Environment]
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Plot:
    """How a product is set up. `story`: it has a repository and really runs on this machine, on a free port per environment."""

    name: str
    key: str
    description: str
    scheme: str = Scheme.SEMVER
    story: object = None


PLOTS = [
    Plot("Payments API", "PAY", "Takes payments and gives them back.", story=PAYMENTS),
    Plot("Notifications", "NTF", "Tells shoppers what became of their orders.", story=NOTIFICATIONS),
    Plot("Checkout", "CHK", "From the basket to the order, on one page."),
    Plot("Identity", "IDN", "Who a shopper is, and how they prove it."),
    Plot("Orders", "ORD", "What was bought, and where it is now."),
    Plot("Storefront", "STO", "What shoppers see first.", scheme=Scheme.CALVER),
    Plot("Catalogue", "CAT", "Every article, its pictures and its price."),
]


def set_up(admin: User, now: datetime) -> dict[str, Place]:
    """Add every product with its pipeline and hooks; {change prefix: place}."""
    free = iter(_free_ports())
    return {plot.key: _product(plot, admin, now, free) for plot in PLOTS}


def _free_ports() -> list[int]:
    """The usual ports, or, where another demonstration has one of them, such as the system hands out."""
    usual = list(PORTS)
    return usual if all(ports.is_free(HOST, port) for port in usual) else ports.some_free(HOST, len(usual))


def _product(plot: Plot, admin: User, now: datetime, free: Iterator[int]) -> Place:
    slug = plot.name.lower().replace(" ", "-")
    repository, tags = "", {}
    if plot.story:
        path = ROOT / "repositories" / f"{slug}.git"
        tags = build_repository(path, product=plot.story, ends_at=now)
        repository = str(path)
    made = products.add_product(
        actor=admin,
        name=plot.name,
        slug=slug,
        key=plot.key,
        description=plot.description,
        scheme=plot.scheme,
        repository=repository,
    )
    names = [("Staging", Tier.STAGING), ("Production", Tier.PRODUCTION)]
    places = {}
    for name, tier in names:
        port = next(free) if plot.story else 0
        url = f"http://{HOST}:{port}" if plot.story else ""
        environment = products.add_environment(made.pk, actor=admin, name=name, tier=tier, url=url)
        hook.save_hook(
            environment.pk, actor=admin, **(_ships(slug, port) if plot.story else _notes(slug, name.lower()))
        )
        verification.set_verification(environment.pk, actor=admin, steady_s=STEADY_S)
        if plot.story:
            asked = {"address": "/version", "text": "{version}"}
            check.save_check(environment.pk, actor=admin, name="Names its version", kind=CheckKind.HTTP, config=asked)
        places[name] = environment
    return Place(made, places, tags)


def _ships(slug: str, port: int) -> dict:
    """A hook that builds the service from its commit, starts it and waits until it answers."""
    arguments = [
        "deploy",
        "--repository",
        str(ROOT / "repositories" / f"{slug}.git"),
        "--commit",
        "{commit}",
        "--version",
        "{version}",
        "--environment",
        "{environment}",
        "--port",
        str(port),
        "--root",
        str(ROOT),
    ]
    return {
        "name": "Ship",
        "driver": "command",
        "timeout_s": 90,
        "config": {"program": str(TOOLS / "ship.py"), "arguments": arguments},
    }


def _notes(slug: str, environment: str) -> dict:
    arguments = [str(ROOT / "notes" / slug / f"{environment}.json"), "{version}", "{commit}"]
    return {
        "name": "Note",
        "driver": "command",
        "timeout_s": 30,
        "config": {"program": str(TOOLS / "note.py"), "arguments": arguments},
    }
