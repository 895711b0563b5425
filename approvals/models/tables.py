"""The small tables that every subject is judged by, as relations that lists can prefetch."""

from collections.abc import Iterable

from django.db.models import CharField, Value
from django.db.models.functions import Cast, Concat

from accounts.models import Absence, Grant, Team, User
from accounts.roles import ROLES
from approvals import who
from approvals.models.exemption import FreezeOverride, Waiver
from approvals.models.lift import Lift
from approvals.models.policy import Policy, PolicyRow, Rule
from approvals.models.request import RequestRule
from approvals.models.signoff import RequiredSignoff
from approvals.models.stand_in import Delegation
from approvals.states import PolicyState, RequestState
from core.models import Event
from core.whole_table import attach
from releases.models import Change, ChangeTemplate, Release
from releases.models.tables import freezes_ahead

SUBJECTS = (Release, Change, Waiver, FreezeOverride, Lift, ChangeTemplate, Policy)

EDITS = ("policy.drafted", "policy.edited", "policy.row_saved", "policy.row_moved", "policy.row_removed")


def attach_tables() -> None:
    for subject in SUBJECTS:
        attach(subject, "policy_table", rows_in_force)
        attach(subject, "grant_table", approving_grants)
        attach(subject, "team_table", teams_named, shell=Team.objects.all)
        attach(subject, "named_table", people_named, shell=User.objects.all)
        attach(subject, "absence_table", lambda: Absence.objects.standing().ahead())
        attach(subject, "delegation_table", delegations)
        attach(subject, "freeze_table", freezes_ahead)
    attach(Release, "required_table", RequiredSignoff.objects.all)
    attach(Policy, "edit_table", edits_of_open_versions)


def rows_in_force():
    """The rows of every policy in force, with their rules."""
    rows = PolicyRow.objects.filter(policy__state=PolicyState.IN_FORCE)
    return rows.select_related("policy", "product").prefetch_related("rules")


def approving_grants():
    """Grants of roles that rules may ask for, with the people behind them."""
    approving = [role.slug for role in ROLES.values() if role.approves]
    return Grant.objects.filter(role__in=approving).select_related("user", "team").prefetch_related("team__members")


SIGHT = ("grants", "teams__grants")


def teams_named():
    """The teams that a rule which may still be asked names, with their members and what these may see."""
    return teams_of(who.names(_naming("team:"), "team"))


def teams_of(slugs: Iterable[str]):
    """Teams with their members and what these may see."""
    rows = Team.objects.filter(slug__in=slugs)
    return rows.prefetch_related("members", *(f"members__{path}" for path in SIGHT))


def people_named():
    """The people whom a rule which may still be asked names, and what they may see."""
    ids = {int(pk) for pk in who.names(_naming("person:"), "person")}
    return User.objects.filter(pk__in=ids).prefetch_related(*SIGHT)


def _naming(kind: str) -> list[str]:
    """The rules that name somebody of a kind: of versions not over yet, and of requests that still stand."""
    asking = Rule.objects.exclude(row__policy__state__in=[PolicyState.RETIRED, PolicyState.DISCARDED])
    standing = [RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED]
    asked = RequestRule.objects.filter(request__state__in=standing)
    rows = (rules.filter(who__contains=kind).order_by().values_list("who", flat=True) for rules in (asking, asked))
    return sorted({text for texts in rows for text in texts})


def delegations():
    """Delegations that are on or to come, with both people and what the stand-in may see."""
    rows = Delegation.objects.standing().select_related("person", "stand_in")
    return rows.prefetch_related(*(f"stand_in__{path}" for path in SIGHT))


def edits_of_open_versions():
    """(stream, id of the person) of everybody who edited a version that is not decided yet: they wrote it together."""
    undecided = Policy.objects.filter(state__in=[PolicyState.DRAFT, PolicyState.PROPOSED, PolicyState.SCHEDULED])
    streams = undecided.order_by().values_list(Concat(Value("policy:"), Cast("pk", CharField())))
    return Event.objects.filter(stream__in=streams, name__in=EDITS).values_list("stream", "actor").distinct()
