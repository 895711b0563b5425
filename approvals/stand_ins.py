"""Who stands in for whom: which places a person holds in their own name, and who keeps whose delegations. Reads only."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accounts import policy
from accounts.models import Grant, Team, User
from accounts.roles import ROLES
from approvals import who
from approvals.models import Delegation, RequestRule, Rule
from approvals.states import PolicyState, RequestState
from releases.models import Product

SEE = "releases.view_product"
APPROVING = {slug for slug, role in ROLES.items() if role.approves}


def kept_by(actor: User) -> QuerySet[User]:
    """The people whose delegations `actor` keeps: themselves, and the members of teams that they lead."""
    if not actor.is_active or actor.is_service:
        return User.objects.none()
    led = User.teams.through.objects.filter(team__lead=actor)
    return User.objects.filter(Q(pk=actor.pk) | Q(pk__in=led.values("user")), is_service=False)


def may_keep(actor: User, person: User) -> bool:
    return kept_by(actor).filter(pk=person.pk).exists()


def seen_by(reader: User) -> QuerySet[Delegation]:
    """Delegations from or to the reader, and those of the members of teams that they lead; all for those who read the log."""
    rows = Delegation.objects.select_related("person", "stand_in", "product", "created_by", "ended_by")
    if policy.may(reader, "releases.view_event_log"):
        return rows
    return rows.filter(Q(stand_in=reader) | Q(person__in=kept_by(reader)))


@dataclass(frozen=True)
class Place:
    """A place held in one's own name: by which selector, and on which product (None: on all)."""

    selector: str
    product_id: int | None = None


def places_of(people: Iterable[User]) -> dict[int, set[Place]]:
    """{id: places}: approving roles, held alone or by a team, and what rules ask by the name of a team or a person.

    A constant number of queries, whatever the number of people.
    """
    ids = {person.pk for person in people}
    members = User.teams.through.objects.filter(user__in=ids)
    teams: dict[int, set[int]] = {}
    for user_id, team_id in members.values_list("user_id", "team_id"):
        teams.setdefault(team_id, set()).add(user_id)
    found: dict[int, set[Place]] = {pk: set() for pk in ids}
    grants = Grant.objects.filter(Q(user__in=ids) | Q(team__in=teams), role__in=APPROVING)
    for role, scope, user_id, team_id in grants.values_list("role", "scope", "user_id", "team_id"):
        for pk in {user_id} if user_id else teams[team_id]:
            found[pk].add(Place(who.role(role), _product_of(scope)))
    asked = _asked_by_name()
    slugs = dict(Team.objects.filter(pk__in=teams).values_list("pk", "slug"))
    for team_id, slug in slugs.items():
        if f"team:{slug}" in asked:
            for pk in teams[team_id]:
                found[pk].add(Place(f"team:{slug}"))
    for pk in ids:
        if f"person:{pk}" in asked:
            found[pk].add(Place(f"person:{pk}"))
    return found


def _product_of(scope: str) -> int | None:
    return int(scope.partition(":")[2]) if scope else None


def _asked_by_name() -> set[str]:
    """The selectors of teams and people in rules that are not retired, and in those of requests that still stand."""
    over = [PolicyState.RETIRED, PolicyState.DISCARDED]
    standing = [RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED]
    by_name = Q(who__contains="team:") | Q(who__contains="person:")
    rules = Rule.objects.filter(by_name).exclude(row__policy__state__in=over)
    asked = RequestRule.objects.filter(by_name, request__state__in=standing)
    texts = {*rules.order_by().values_list("who", flat=True), *asked.order_by().values_list("who", flat=True)}
    return {str(s) for text in texts for s in who.parse(text) if s.kind != "role"}


def within(places: set[Place], product_id: int | None, selector: str) -> set[Place]:
    """Those that a delegation of this scope would hand over, cut to its product."""
    chosen = {p for p in places if selector in ("", p.selector)}
    if product_id is None:
        return chosen
    return {Place(p.selector, product_id) for p in chosen if p.product_id in (None, product_id)}


def beyond(places: set[Place], own: set[Place]) -> set[Place]:
    """The places that are not covered by one's own."""
    return {p for p in places if p not in own and Place(p.selector) not in own}


def unseen(stand_in: User, places: set[Place]) -> list[str]:
    """Names of products of these places that a person does not see."""
    seen = policy.where_may(stand_in, SEE)
    if seen is None:
        return []
    meant = Product.objects.exclude(pk__in=seen)
    if not any(p.product_id is None for p in places):
        meant = meant.filter(pk__in={p.product_id for p in places})
    return list(meant.order_by("name").values_list("name", flat=True))


def circle(person_id: int, stand_in_id: int, starts_at, ends_at) -> bool:
    """Whether the stand-in delegates to the person at that time as well. Nothing goes onward, so it does no harm."""
    back = Delegation.objects.filter(person=stand_in_id, stand_in=person_id, ended_at__isnull=True)
    return back.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exists()


def team_names() -> dict[str, str]:
    """{slug: name} of the teams that delegations may mention."""
    return dict(Team.objects.values_list("slug", "name"))


def selector_words(selector: str, teams: Mapping[str, str]) -> str:
    """ "QA approver"; the name of a team; what asks for a person by name."""
    if selector.startswith("person:"):
        return "the one who is asked by name"
    return who.label(selector, teams=teams)


def scope_words(delegation: Delegation, teams: Mapping[str, str]) -> str:
    """ "votes as QA approver on Payments API", "all votes"."""
    where = f" on {delegation.product}" if delegation.product_id else ""
    return (f"votes as {selector_words(delegation.who, teams)}" if delegation.who else "all votes") + where
