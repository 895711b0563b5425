"""Who is told: each function takes what an event is about and returns people."""

from collections.abc import Iterable

from accounts import policy
from accounts.models import User
from approvals import agenda, escalation, matching
from approvals.models import ApprovalRequest, Meeting
from approvals.states import Subject, VoteState
from core.models import Event


def voters(request: ApprovalRequest) -> set[User]:
    """Those whose vote could still count: entitled to a place, or standing in for somebody who is, and not voting already."""
    votes = request.votes.filter(state=VoteState.CAST).values_list("person_id", "seat_id")
    done = {pk for row in votes for pk in row}
    rules = [rule for rule in request.rules.all() if rule.opened_at is not None]
    seats = matching.seats(request.subject, rules, request.requester_id, request)
    others = {d.stand_in for those in seats.stand_ins.values() for d in those if d.person_id not in done}
    return {user for user in {*seats.entitled.values(), *others} if user.pk not in done}


def reminded(request: ApprovalRequest, event: Event) -> set[User]:
    """Of a rule that was reminded of, those who could still give what it lacks now: without who is away, with their stand-ins."""
    return escalation.helpers(request, event.payload["rule"]).reachable if "rule" in event.payload else voters(request)


def reached(request: ApprovalRequest, event: Event) -> set[User]:
    """Those whom the rules of a stage ask that was reached just now, and who stands in for them."""
    could = [escalation.helpers(request, key) for key in event.payload.get("rules", [])]
    return {user for helpers in could for user in (*helpers.owners.values(), *helpers.stand_ins.values())}


def leads(request: ApprovalRequest, event: Event) -> set[User]:
    """Whom a rule goes to before it runs out."""
    return people(escalation.leads(request, event.payload["rule"]))


def names(event: Event) -> list[str]:
    """The names of the people whom an event lists."""
    found = User.objects.filter(pk__in=event.payload.get("people", [])).order_by("first_name", "last_name", "pk")
    return [user.name for user in found]


def owners(request: ApprovalRequest) -> set[User]:
    """Whoever asked, and the manager of the release it is about."""
    return people([request.requester, getattr(_release_of(request), "manager", None)])


def _release_of(request: ApprovalRequest):
    subject = request.subject
    if request.kind == Subject.RELEASE:
        return subject
    if request.kind == Subject.WAIVER:
        return subject.signoff.candidate.release
    return getattr(subject, "release", None)


def crew_of(release) -> set[User]:
    """The manager, who drafted it, and those who ship it."""
    return people([release.manager, release.created_by]) | deployers_of(release)


def deployers_of(obj) -> set[User]:
    return set(policy.holders("deployer", obj))


def testers_of(obj) -> set[User]:
    return set(policy.holders("tester", obj))


def who_may(right: str, obj, *but: User | None) -> set[User]:
    """Those who hold a right on the object, without those in `but`."""
    return set(policy.who_may(right, obj)) - set(but)


def shippers(deployment) -> set[User]:
    """Who started a deployment, who planned it, and the release's manager."""
    return people([deployment.started_by, deployment.created_by, deployment.release.manager])


def holders_of(step) -> set[User]:
    """Who has a step of a runbook: its owner, else everybody in its team."""
    if step.owner is not None:
        return people([step.owner])
    return people(step.team.members.all()) if step.team else set()


def board_of(meeting: Meeting) -> set[User]:
    """Everybody who sits on the meeting's board."""
    return people(agenda.people_of(meeting.board))


def concerned_by(meeting: Meeting) -> set[User]:
    """The board, whoever was there, and who asked for what was on the agenda."""
    there = [a.person for a in meeting.attendances.select_related("person")]
    return board_of(meeting) | people([*there, *(i.request.requester for i in _items(meeting))])


def _items(meeting: Meeting):
    return meeting.items.standing().select_related("request__requester")


def people(found: Iterable[User | None]) -> set[User]:
    return {user for user in found if user is not None and user.is_active and not user.is_service}
