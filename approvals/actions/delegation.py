"""Doors of delegation: who votes for whom while somebody is away. Only places held in one's own name, never onward."""

from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Exists, OuterRef, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from accounts.models import User
from approvals import stand_ins
from approvals import who as selectors
from approvals.models import Delegation
from core import moments, texts, wording
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from core.models import Event
from releases.models import Product

LONGEST = timedelta(days=366)
NAMED_AT_MOST = 3


def delegate(
    person_id: int,
    stand_in_id: int,
    *,
    actor: User,
    starts_at: datetime,
    ends_at: datetime,
    product_id: int | None = None,
    who: str = "",
    reason: str = "",
) -> Delegation:
    """Let a stand-in vote in somebody's places between two instants: on one product or all, for one selector or all.

    One does it for oneself, or for a member of a team that one leads. One that starts now or earlier begins at this very instant:
    nothing is delegated backwards. Raises User.DoesNotExist, Product.DoesNotExist, PermissionDenied, or Refused at the field.
    """
    with locked(User.objects, person_id) as person:
        _require_keeper(actor, person)
        stand_in = User.objects.get(pk=stand_in_id)
        product = Product.objects.visible_to(actor).get(pk=product_id) if product_id else None
        reason = texts.fit(reason, "reason")
        moments.fit(starts_at=starts_at, ends_at=ends_at)
        refuse_if(_wrong_time(starts_at, ends_at))
        starts_at = max(starts_at, timezone.now())
        made = Delegation(
            person=person,
            stand_in=stand_in,
            starts_at=starts_at,
            ends_at=ends_at,
            product=product,
            who=_one_selector(who),
            reason=reason,
            created_by=actor,
        )
        refuse_if(_wrong_people(made) or _wrong_scope(made) or _doubled(made))
        made.save()
        told = {"circle": True} if stand_ins.circle(person.pk, stand_in.pk, starts_at, ends_at) else {}
        name = "delegation.begun" if starts_at <= timezone.now() else "delegation.planned"
        _tell(name, made, actor, reason=reason, **told)
    return made


def _require_keeper(actor: User, person: User) -> None:
    policy.require_person(actor)
    if not stand_ins.may_keep(actor, person):
        raise PermissionDenied("Only the person themself or the lead of a team of theirs may do this.")


def _one_selector(text: str) -> str:
    if not text:
        return ""
    try:
        found = selectors.parse(text)
    except ValueError as error:
        refuse("who-unknown", str(error), field="who")
    if len(found) > 1:
        refuse("who-several", "Choose one kind of place, or all of them.", field="who")
    return str(found[0])


def _wrong_time(starts_at: datetime, ends_at: datetime) -> list[Blocker]:
    if ends_at <= starts_at:
        return [Blocker("delegation-order", "Choose an end after the start.", field="ends_at")]
    if ends_at <= timezone.now():
        return [Blocker("delegation-past", "This time has passed.", field="ends_at")]
    if ends_at - max(starts_at, timezone.now()) > LONGEST:
        return [
            Blocker("delegation-too-long", "A delegation lasts a year at most. Choose an earlier end.", field="ends_at")
        ]
    return []


def _wrong_people(made: Delegation) -> list[Blocker]:
    person, stand_in = made.person, made.stand_in
    if not person.is_active:
        return [Blocker("person-inactive", f"The account of {person.name} is switched off.", field="person")]
    if stand_in.pk == person.pk:
        return [Blocker("stand-in-self", "Nobody stands in for themself. Choose somebody else.", field="stand_in")]
    if stand_in.is_service:
        return [Blocker("stand-in-service", f"{stand_in.name} is a service account: it never signs.", field="stand_in")]
    if not stand_in.is_active:
        return [Blocker("stand-in-inactive", f"The account of {stand_in.name} is switched off.", field="stand_in")]
    return []


def _wrong_scope(made: Delegation) -> list[Blocker]:
    """Nothing to hand over, a stand-in who does not see it, or one who holds the same places already."""
    person, stand_in = made.person, made.stand_in
    held = stand_ins.places_of([person, stand_in])
    handed = stand_ins.within(held[person.pk], made.product_id, made.who)
    if not handed:
        field = "who" if made.who else "product" if made.product else "person"
        message = f"{person.name} holds no approving role of their own there, so there is nothing to delegate."
        return [Blocker("nothing-to-delegate", message, field=field)]
    unseen = stand_ins.unseen(stand_in, handed)
    if unseen:
        names = wording.listed(unseen) if len(unseen) <= NAMED_AT_MOST else f"{len(unseen)} of the products"
        message = f"{stand_in.name} does not see {names}. Choose somebody who does, or delegate for one product."
        return [Blocker("stand-in-blind", message, field="stand_in")]
    if not stand_ins.beyond(handed, held[stand_in.pk]):
        message = f"{stand_in.name} holds the same places and votes in their own name; nobody votes twice."
        return [Blocker("stand-in-votes-already", message, field="stand_in")]
    return []


def _doubled(made: Delegation) -> list[Blocker]:
    same = Delegation.objects.filter(person=made.person, product=made.product, who=made.who, ended_at__isnull=True)
    other = same.filter(starts_at__lt=made.ends_at, ends_at__gt=made.starts_at).select_related("stand_in").first()
    if other is None:
        return []
    text = f"{other.stand_in.name} stands in there already, {wording.span(other.starts_at, other.ends_at)}. End that first."
    return [Blocker("delegation-overlaps", text, field="starts_at")]


def _tell(name: str, delegation: Delegation, actor: User, **payload) -> None:
    """Record what became of a delegation; who did it for somebody else is named with whom."""
    owner = delegation.person if actor.pk != delegation.person_id and not actor.is_service else None
    record(
        name,
        delegation,
        actor=actor,
        on_behalf_of=owner,
        person=delegation.person_id,
        stand_in=delegation.stand_in_id,
        starts_at=delegation.starts_at,
        ends_at=delegation.ends_at,
        who=delegation.who,
        **payload,
    )


def end_delegation(delegation_id: int, *, actor: User) -> Delegation:
    """End a delegation now; one that is still to come never begins. Votes that were given by it stay. Harmless to repeat.

    Raises Delegation.DoesNotExist, PermissionDenied, or Refused when it is over.
    """
    with locked(Delegation.objects.select_related("person", "stand_in", "product"), delegation_id) as delegation:
        _require_keeper(actor, delegation.person)
        if delegation.ended_by_id:
            return delegation
        now = timezone.now()
        if delegation.ended_at or delegation.ends_at <= now:
            refuse("delegation-over", f"It ended {wording.full(delegation.ends_at)} by itself.")
        delegation.ended_at, delegation.ended_by = now, actor
        delegation.save()
        _tell("delegation.ended", delegation, actor, early=True, began=delegation.starts_at <= now)
    return delegation


def turn_due() -> int:
    """Tell of delegations whose start or end has come by itself. Returns how many. Harmless to repeat."""
    now = timezone.now()
    begun = Delegation.objects.standing().filter(starts_at__lte=now).exclude(_has_begun())
    over = Delegation.objects.filter(ended_at__isnull=True, ends_at__lte=now)
    return sum([*(_begin(pk) for pk in _ids(begun)), *(_run_out(pk) for pk in _ids(over))])


def _ids(rows) -> list[int]:
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _has_begun() -> Exists:
    stream = Concat(Value("delegation:"), Cast(OuterRef("pk"), CharField()))
    return Exists(Event.objects.filter(stream=stream, name="delegation.begun"))


def _begin(delegation_id: int) -> bool:
    with locked(Delegation.objects.select_related("person", "product"), delegation_id) as delegation:
        if delegation.ended_at or Delegation.objects.filter(_has_begun(), pk=delegation_id).exists():
            return False
        _tell("delegation.begun", delegation, system_user())
    return True


def _run_out(delegation_id: int) -> bool:
    with locked(Delegation.objects.select_related("person", "product"), delegation_id) as delegation:
        if delegation.ended_at:
            return False
        delegation.ended_at = delegation.ends_at
        delegation.save()
        _tell("delegation.ended", delegation, system_user(), early=False, began=True)
    return True
