"""Doors of the approval request: opened, kept in step with its subject, settled, withdrawn."""

from datetime import timedelta

from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from accounts.models import User
from approvals import guards, matching, sheet
from approvals.actions import parts
from approvals.models import ApprovalRequest, RequestRule
from approvals.states import RequestState
from core import gates
from core.blockers import refuse, refuse_if
from core.events import record
from core.locking import locked
from releases.models import Change, Release
from releases.states import ChangeState, ReleaseState


def request_release_approval(release_id: int, *, actor: User) -> ApprovalRequest:
    """Move a release from testing to approving and open its request, in one transaction.

    A release that is approving with no request left (rejected, expired, withdrawn) gets a new one. Raises Release.DoesNotExist,
    Http404/PermissionDenied, or Refused with every blocker.
    """
    return _request_release(release_id, "request_approval", "release.approval_requested", actor)


def expedite_release(release_id: int, *, actor: User) -> ApprovalRequest:
    """Take an emergency release the short way to its own, smaller approval. Raises as `request_release_approval`."""
    return _request_release(release_id, "expedite", "release.expedited", actor)


def _request_release(release_id: int, step_name: str, event: str, actor: User) -> ApprovalRequest:
    with parts.locked_release(release_id) as release:
        step = Release.machine.steps[step_name]
        policy.require(actor, step.right, release)
        policy.require_person(actor)
        release.asking = actor
        if release.state == ReleaseState.APPROVING:
            _require_none_standing(release)
            # An emergency asks for less on its way, and no more when it asks again.
            names = Release.machine.steps["expedite" if release.is_emergency else step_name].gates
            key = f"release.{'expedite' if release.is_emergency else step_name}"
            refuse_if(b for answer in gates.answers(key, names, release) for b in answer.blockers)
        else:
            getattr(release, step_name)()
            release.save()
            record(event, release, actor=actor)
        request = _continue_or_open(release, actor)
        parts.settle_locked(request, actor)
    return request


def request_change_authorisation(change_id: int, *, actor: User) -> ApprovalRequest:
    """Ask for the authorisation of an assessed change; a new emergency change goes straight there.

    A change that is authorising with no request left gets a new one. Raises Change.DoesNotExist, Http404/PermissionDenied, Refused.
    """
    with locked(Change.objects.select_related("product"), change_id) as change:
        policy.require(actor, "releases.contribute", change)
        policy.require_person(actor)
        change.asking = actor
        if change.state == ChangeState.AUTHORISING:
            _require_none_standing(change)
            refuse_if(guards.policy_unmet(change))
        else:
            change.expedite() if change.state == ChangeState.NEW else change.request_authorisation()
            change.save()
            record("change.authorisation_requested", change, actor=actor)
        request = _continue_or_open(change, actor)
        parts.settle_locked(request, actor)
    return request


def _require_none_standing(subject) -> None:
    if subject.requests.standing().exists():
        refuse(
            "requested-already", "Approval has been requested already.", url=guards.subject_url(subject), fix="Open it"
        )


def _continue_or_open(subject, actor: User) -> ApprovalRequest:
    """Go on with the request that stands, when the same person asks the same rules again; else open a new one."""
    standing, row = parts.lock_standing(subject), matching.policy_for(subject)
    if standing is not None:
        if standing.requester_id == actor.pk and _rules_of(standing) == _rules_of(row):
            _restore(standing, actor)
            parts.bring_up_to_date(standing, sheet.of(subject), actor)
            return standing
        standing.supersede()
        standing.save()
        record("request.superseded", standing, actor=actor)
    return _open(subject, row, actor)


def _rules_of(source) -> list[tuple]:
    return sorted((r.role, r.need, r.veto, sorted(r.facets)) for r in source.rules.all())


def _open(subject, row, actor: User) -> ApprovalRequest:
    live, now = sheet.of(subject), timezone.now()
    request = ApprovalRequest(
        policy=row,
        policy_name=row.name,
        requester=actor,
        opened_at=now,
        deadline_hours=row.deadline_hours,
        due_at=now + timedelta(hours=row.deadline_hours),
        sheet=live.content,
        digests=live.digests,
        digest=live.digest,
    )
    parts.bind(request, subject)
    request.save()
    for rule in row.rules.all():
        RequestRule.objects.create(request=request, role=rule.role, need=rule.need, veto=rule.veto, facets=rule.facets)
    parts.freeze_sheet(request, live)
    rules = [{"role": r, "need": n} for r, n, _veto, _facets in _rules_of(request)]
    record(
        "request.opened", request, actor=actor, policy=row.name, rules=rules, digest=live.digest, due_at=request.due_at
    )
    return request


def refresh(request_id: int, *, editor: User | None = None) -> ApprovalRequest:
    """Compare the facets anew: freeze the sheet as it is now, end the votes it has outrun, settle again.

    Harmless to repeat. `editor` is named in the reason. Raises ApprovalRequest.DoesNotExist.
    """
    with parts.locked_request(request_id) as request:
        _bring_in_step(request, editor)
    return request


def settle(request_id: int) -> ApprovalRequest:
    """Settle a request whose votes suffice, and let its subject move on where nothing blocks. Harmless to repeat."""
    with parts.locked_request(request_id) as request:
        parts.settle_locked(request, system_user())
    return request


def align(*, release_id: int | None = None, change_id: int | None = None, editor: User | None = None) -> None:
    """Bring the standing request of a subject in step with it, whatever happened to the subject. Harmless to repeat."""
    rows = ApprovalRequest.objects.standing().filter(release=release_id, change=change_id)
    for request_id in rows.values_list("pk", flat=True):
        with parts.locked_request(request_id) as request:
            _bring_in_step(request, editor)


_CAME_BACK = (ReleaseState.DRAFT, ReleaseState.PLANNED, ReleaseState.BUILDING)
_NOT_ASKED_NOW = (ReleaseState.TESTING, ReleaseState.ON_HOLD)


def _bring_in_step(request: ApprovalRequest, editor: User | None) -> None:
    if request.state not in (RequestState.PENDING, RequestState.SUSPENDED, RequestState.APPROVED):
        return
    actor, state = editor or system_user(), request.subject.state
    if state == ReleaseState.CANCELLED or state in (ChangeState.WITHDRAWN, ChangeState.REJECTED):
        request.withdraw(reason=f"The {request.subject._meta.verbose_name} was {state}.")
        request.save()
        record("request.withdrawn", request, actor=actor, reason=f"it was {state}")
    elif request.release_id and state in _CAME_BACK:
        request.supersede()
        request.save()
        record("request.superseded", request, actor=actor)
    else:
        _keep_up(request, actor, waits=bool(request.release_id) and state in _NOT_ASKED_NOW, editor=editor)


def _keep_up(request: ApprovalRequest, actor: User, *, waits: bool, editor: User | None) -> None:
    if not waits:
        _restore(request, actor)
    parts.bring_up_to_date(request, sheet.of(request.subject), editor)
    if waits and request.state == RequestState.PENDING:
        request.suspend()
        request.save()
        record("request.suspended", request, actor=actor)
    if not waits:
        parts.settle_locked(request, actor)


def _restore(request: ApprovalRequest, actor: User) -> None:
    """Wake a suspended request; what is left of its time is never less than nothing."""
    if request.state != RequestState.SUSPENDED:
        return
    request.restore()
    if request.due_at <= timezone.now():
        request.due_at = timezone.now() + timedelta(hours=request.deadline_hours)
        request.reminded_at = None
    request.save()
    record("request.restored", request, actor=actor)


def withdraw(request_id: int, *, actor: User, reason: str) -> ApprovalRequest:
    """Take a request back: who asked may, and who manages the release. Raises Refused without a reason."""
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.view_product", request)
        if actor.pk != request.requester_id:
            policy.require(actor, ApprovalRequest.machine.steps["withdraw"].right, request)
        request.withdraw(reason=reason)
        request.save()
        record("request.withdrawn", request, actor=actor, reason=reason.strip())
    return request
