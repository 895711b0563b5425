"""What is there while a scenario is played: its people and things by the names that it gave them, and its clock."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Max
from django.utils import timezone

from accounts.models import Team, User
from approvals import who
from approvals.models import ApprovalRequest, FreezeOverride, Lift, Policy, Waiver
from approvals.subjects import kind_of
from config.demonstration.clock import Clock
from config.scenarios.document import Wrong
from config.scenarios.fields import full
from core import outbox
from core.models import Delivery, Event
from core.states import DeliveryState
from releases.actions import add_product
from releases.models import Change, ChangeTemplate, FreezeWindow, Product, Release

FOLLOWED = "approvals."  # reactions of other rooms wait: they tell people and look after deployments
ROUNDS = 20
NEWEST = {"waiver": Waiver, "override": FreezeOverride, "lift": Lift, "policy": Policy}


class Broken(AssertionError):
    """The engine itself failed while a scenario was played."""


@dataclass
class World:
    """Names of a scenario and the ids behind them."""

    clock: Clock
    starts_at: datetime
    clerk_id: int
    second_id: int
    people: dict[str, int] = field(default_factory=dict)
    teams: dict[str, int] = field(default_factory=dict)
    changes: dict[str, int] = field(default_factory=dict)
    templates: dict[str, int] = field(default_factory=dict)
    freezes: dict[str, int] = field(default_factory=dict)
    product_id: int = 0
    release_id: int | None = None
    read: dict[tuple[str, int], str] = field(default_factory=dict)
    last_event: int = 0

    def begin(self) -> None:
        """What was recorded until now belongs to what is given."""
        self.last_event = Event.objects.aggregate(pk=Max("pk"))["pk"] or 0

    # People

    def person(self, name: str | None) -> User:
        """Fresh from the database, for rights are remembered on the object. None: the clerk who set all up."""
        return User.objects.get(pk=self.people[name] if name else self.clerk_id)

    def named(self, pk: int) -> str:
        """The scenario's name of a person."""
        return next((name for name, known in self.people.items() if known == pk), f"#{pk}")

    def who(self, selector: str) -> str:
        """A selector as rules keep it."""
        return who.canonical(",".join(self._kept(part) for part in selector.split(",")))

    def _kept(self, part: str) -> str:
        kind, _, name = full(part).partition(":")
        if kind == "person":
            return f"person:{self.people[name]}"
        return f"team:{self.team(name).slug}" if kind == "team" else f"role:{name}"

    def told_who(self, kept: str) -> str:
        """A selector of a rule as scenarios write it: the way back of `who`."""
        return ",".join(sorted((self._said(part) for part in kept.split(",")), key=full))

    def _said(self, part: str) -> str:
        kind, _, name = part.partition(":")
        if kind == "person":
            return f"person:{self.named(int(name))}"
        if kind == "team":
            return f"team:{next(n for n, pk in self.teams.items() if Team.objects.get(pk=pk).slug == name)}"
        return name

    def team(self, name: str) -> Team:
        return Team.objects.get(pk=self.teams[name])

    def code(self, code: str) -> str:
        """A blocker's code with names where it says ids of people or freezes."""
        kind, _, last = code.rpartition(":")
        if not last.isdecimal():
            return code
        if kind == "freeze":
            return f"freeze:{next((n for n, pk in self.freezes.items() if pk == int(last)), last)}"
        return f"{kind}:{self.named(int(last))}" if kind == "approval-stale" or kind.endswith("person") else code

    # Things

    @property
    def product(self) -> Product:
        return Product.objects.get(pk=self.product_id)

    def other_product(self) -> Product:
        """A product that nothing here is about."""
        found = Product.objects.filter(key="OTH").first()
        return found or add_product(actor=self.person(None), name="Another product", key="OTH")

    @property
    def release(self) -> Release:
        if self.release_id is None:
            raise Wrong("There is no release in this scenario.")
        return Release.objects.select_related("product", "candidate").get(pk=self.release_id)

    def change(self, name: str) -> Change:
        return Change.objects.select_related("product").get(pk=self.changes[name])

    def template(self, name: str) -> ChangeTemplate:
        return ChangeTemplate.objects.get(pk=self.templates[name])

    def freeze(self, name: str) -> FreezeWindow:
        return FreezeWindow.objects.get(pk=self.freezes[name])

    def subject(self, of: str):
        """What a scenario calls “release”, “policy”, … or by a name of its own; of several it is the newest. Raises Wrong."""
        if of == "release":
            return self.release
        if of in self.changes:
            return self.change(of)
        if of in self.templates:
            return self.template(of)
        found = NEWEST[of].objects.order_by("-pk").first()
        if found is None:
            raise Wrong(f"There is no {of} yet.")
        return found

    def request(self, of: str = "release", afterwards: bool = False) -> ApprovalRequest | None:
        """The newest request about a subject: the one that decides, or the one afterwards."""
        rows = self.subject(of).requests.order_by("-pk")
        return (rows.retrospective() if afterwards else rows.deciding()).first()

    def asked(self, of: str = "release", afterwards: bool = False) -> ApprovalRequest:
        """As `request`. Raises Wrong where there is none."""
        found = self.request(of, afterwards)
        if found is None:
            raise Wrong(f"Nobody has been asked about the {kind_of(self.subject(of)).noun} yet.")
        return found

    # Time

    def after(self, span: timedelta | None) -> datetime | None:
        """So long from now, to the second; None stays None."""
        return None if span is None else timezone.now().replace(microsecond=0) + span

    def react(self) -> None:
        """Let this room's reactions run, and those that they give rise to. Raises Broken for one that fails."""
        for _ in range(ROUNDS):
            waiting = Delivery.objects.filter(state=DeliveryState.WAITING, consumer__startswith=FOLLOWED).order_by("pk")
            ids = list(waiting.values_list("pk", flat=True))
            if not ids:
                return
            for pk in ids:
                outbox.deliver(pk)
            failed = Delivery.objects.filter(pk__in=ids).exclude(state=DeliveryState.DONE).first()
            if failed:
                raise Broken(f"{failed.consumer} failed: {failed.last_error}")
        raise Broken("The reactions do not come to an end.")
