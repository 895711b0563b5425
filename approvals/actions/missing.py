"""What is owed a request and has none yet: exemptions from before one engine judged every subject, and what was found unasked."""

from contextlib import suppress

from django.db import transaction
from django.utils import timezone

from approvals.actions import parts
from approvals.actions.unauthorised import ask_afterwards
from approvals.actions.waiver import ask_quorum
from approvals.models import FreezeOverride, Waiver
from approvals.states import GrantState, Subject
from core.blockers import Refused
from releases.models import Change
from releases.states import ChangeType


def ask_missing() -> int:
    """Open the request of each waiver, override and unauthorised change that has none. Returns how many. Harmless to repeat.

    Where nobody could answer it stays as it is, and is tried again until somebody can.
    """
    asked = sum(_ask(model, pk) for model in (Waiver, FreezeOverride) for pk in _without_request(model))
    return asked + sum(_ask_about_found(pk) for pk in _found_without_request())


def _without_request(model) -> list[int]:
    rows = model.objects.requested().filter(requests__isnull=True, expires_at__gt=timezone.now())
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _ask(model, pk: int) -> bool:
    with suppress(Refused), parts.locked_row(model, pk) as exemption:
        if exemption.state == GrantState.REQUESTED and not exemption.requests.exists():
            ask_quorum(exemption, exemption.requested_by)
            return True
    return False


def _found_without_request() -> list[int]:
    rows = Change.objects.filter(type=ChangeType.UNAUTHORISED, requests__isnull=True)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _ask_about_found(pk: int) -> bool:
    with transaction.atomic(durable=True):
        change = parts.lock_subject(Subject.CHANGE, pk)
        return not change.requests.exists() and ask_afterwards(change, change.created_by)
