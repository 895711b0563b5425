"""Exemptions that were asked for before one engine judged every subject: their requests are opened afterwards."""

from contextlib import suppress

from django.utils import timezone

from approvals.actions import parts
from approvals.actions.waiver import ask_quorum
from approvals.models import FreezeOverride, Waiver
from approvals.states import GrantState
from core.blockers import Refused


def ask_missing() -> int:
    """Open the request of each waiver and override that was asked for and has none. Returns how many. Harmless to repeat.

    Where nobody could answer it stays as it is, and is tried again until somebody can.
    """
    return sum(_ask(model, pk) for model in (Waiver, FreezeOverride) for pk in _without_request(model))


def _without_request(model) -> list[int]:
    rows = model.objects.requested().filter(requests__isnull=True, expires_at__gt=timezone.now())
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _ask(model, pk: int) -> bool:
    with suppress(Refused), parts.locked_row(model, pk) as exemption:
        if exemption.state == GrantState.REQUESTED and not exemption.requests.exists():
            ask_quorum(exemption, exemption.requested_by)
            return True
    return False
