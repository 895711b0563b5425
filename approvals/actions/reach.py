"""Running requests are told when somebody goes away whom they counted on: whoever asked can name others in time."""

from functools import reduce
from operator import or_

from django.db.models import Exists, OuterRef, Q

from accounts.actions import system_user
from accounts.models import User
from approvals import inbox
from approvals.actions import parts, settling
from approvals.models import ApprovalRequest, RequestRule
from approvals.states import RequestState
from core.events import record, stream_of
from core.models import Event


def check_reach(person_id: int, cause: int) -> int:
    """Record of each pending request that asks a person, and can no longer be met by those who are there, that it cannot.

    `cause` is the id of the event after which it is asked; each is noted once per request. Returns how many were new. Raises
    User.DoesNotExist.
    """
    return sum(_check(pk, cause) for pk in _asking(User.objects.get(pk=person_id)))


def _asking(person: User) -> list[int]:
    named = reduce(or_, (Q(who__contains=str(selector)) for selector in sorted(inbox.selectors_of(person))))
    rules = RequestRule.objects.filter(named, request=OuterRef("pk"))
    return list(ApprovalRequest.objects.pending().filter(Exists(rules)).order_by("pk").values_list("pk", flat=True))


def _check(request_id: int, cause: int) -> bool:
    with parts.locked_request(request_id) as request:
        if request.state != RequestState.PENDING or settling.can_still_be_met(request):
            return False
        noted = Event.objects.filter(stream=stream_of(request), name="request.short_handed", payload__cause=cause)
        if noted.exists():
            return False
        record("request.short_handed", request, actor=system_user(), cause=cause)
    return True
