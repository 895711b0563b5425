"""Who is told: each function takes what an event is about and returns people."""

from collections.abc import Iterable

from accounts import policy
from accounts.models import User
from approvals import agenda, matching
from approvals.models import ApprovalRequest, Meeting
from approvals.states import VoteState


def voters(request: ApprovalRequest) -> set[User]:
    """Those whose vote could still count: eligible for a rule, and not voting already."""
    voted = set(request.votes.filter(state=VoteState.CAST).values_list("person_id", flat=True))
    by_role = matching.eligible(request.subject, list(request.rules.all()), request.requester_id)
    return {user for people in by_role.values() for pk, user in people.items() if pk not in voted}


def owners(request: ApprovalRequest) -> set[User]:
    """Whoever asked, and the manager of the release it is about."""
    release = request.release or request.change.release
    return people([request.requester, release.manager if release else None])


def manager_of(release) -> set[User]:
    return people([release.manager])


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
