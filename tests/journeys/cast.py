"""Who acts in a journey, and the product that they ship: a real small service from a real Git repository."""

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import httpx2

from accounts.models import User
from config.demonstration import ship
from config.demonstration.service import PAYMENTS, build_repository
from deployments.actions import hook, verification
from releases.actions import product as products
from releases.models import Environment, Product
from releases.states import Tier
from tests.config.running import ROOT, free_port
from tests.factories import accounts

SHIP = str(ROOT / "config/demonstration/ship.py")

ROLES = {
    "admin": ["administrator"],
    "manager": ["release-manager"],
    "developer": ["contributor"],
    "tester": ["tester"],
    "qa": ["qa-approver"],
    "security": ["security-approver", "tester"],
    "operations": ["operations-approver"],
    "business": ["product-approver"],
    "change_manager": ["change-manager"],
    "deployer": ["deployer"],
    "stakeholder": ["stakeholder"],
}
NAMES = {
    "admin": "Ada",
    "manager": "Ines",
    "developer": "Lena",
    "tester": "Yuki",
    "qa": "Samuel",
    "security": "Tomasz",
    "operations": "Noor",
    "business": "Priya",
    "change_manager": "Maya",
    "deployer": "Mateus",
    "stakeholder": "Greta",
}


def gather() -> SimpleNamespace:
    """Everybody, by the part they play; each may do no more than their part."""
    return SimpleNamespace(**{part: accounts.person(NAMES[part].lower(), roles=roles) for part, roles in ROLES.items()})


@dataclass
class Shop:
    """A product that really runs, below `root`; `tags` leads from the tags of its repository to their commits."""

    product: Product
    staging: Environment
    production: Environment
    root: Path
    tags: dict[str, str] = field(default_factory=dict)

    def answer(self, environment: Environment, path: str = "/version") -> dict:
        """What somebody gets who asks the deployed service itself."""
        return httpx2.get(environment.url + path, timeout=5).json()

    def runs_in(self, environment: Environment) -> str:
        """The version that answers there, "" where nothing does."""
        try:
            return self.answer(environment)["version"]
        except httpx2.HTTPError:
            return ""

    def close(self) -> None:
        ship.down(self.root)


def open_shop(admin: User, root: Path) -> Shop:
    """Set a product up through the doors, as an administrator does."""
    repository = root / "repositories" / "payments-api.git"
    tags = build_repository(repository, product=PAYMENTS)
    product = products.add_product(actor=admin, name="Payments API", key="PAY", repository=str(repository))
    places = []
    for name, tier in (("Staging", Tier.STAGING), ("Production", Tier.PRODUCTION)):
        port = free_port()
        place = products.add_environment(product.pk, actor=admin, name=name, tier=tier, url=f"http://127.0.0.1:{port}")
        hook.save_hook(
            place.pk,
            actor=admin,
            name="Ship",
            driver="command",
            timeout_s=60,
            config={"program": SHIP, "arguments": _ship_arguments(repository, port, root)},
        )
        verification.set_verification(place.pk, actor=admin, steady_s=0, timeout_s=6)
        places.append(place)
    return Shop(product, *places, root=root, tags=tags)


def _ship_arguments(repository: Path, port: int, root: Path) -> list[str]:
    named = {"repository": repository, "commit": "{commit}", "version": "{version}", "environment": "{environment}"}
    named |= {"port": port, "root": root}
    return ["deploy", *(part for name, value in named.items() for part in (f"--{name}", str(value)))]
