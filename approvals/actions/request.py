"""Doors of the approval request: opened, kept in step with its subject, settled, withdrawn."""

from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from accounts.models import User
from approvals import guards, matching, sheet, tally
from approvals.actions import opening, outcomes, parts, settling, sheets
from approvals.models import ApprovalRequest
from approvals.states import RequestState, Subject
from approvals.subjects import Stance, kind_of
from core import gates
from core.blockers import refuse, refuse_if
from core.events import record, stream_of
from core.locking import locked
from core.models import Event
from releases import steps
from releases.models import Change, ChangeTemplate, Release
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
        settling.settle_locked(request, actor)
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
        settling.settle_locked(request, actor)
    return request


def request_template_approval(template_id: int, *, actor: User) -> ApprovalRequest:
    """Propose a standard change for the catalogue. Raises ChangeTemplate.DoesNotExist, Http404/PermissionDenied, Refused."""
    with locked(ChangeTemplate.objects.select_related("product"), template_id) as template:
        policy.require(actor, ChangeTemplate.machine.steps["propose"].right, template)
        policy.require_person(actor)
        template.asking = actor
        steps.propose_template(template, actor)
        request = _continue_or_open(template, actor)
        settling.settle_locked(request, actor)
    return request


def _require_none_standing(subject) -> None:
    if subject.requests.deciding().standing().exists():
        refuse(
            "requested-already", "Approval has been requested already.", url=guards.subject_url(subject), fix="Open it"
        )


def _continue_or_open(subject, actor: User) -> ApprovalRequest:
    """Go on with the request that stands, when the same person asks the same rules again; else open a new one."""
    standing, found = parts.lock_standing(subject), matching.match_for(subject)
    if standing is not None:
        if standing.requester_id == actor.pk and _rules_of(standing.rules.all()) == _rules_of(found.rules):
            _restore(standing, actor)
            sheets.bring_up_to_date(standing, sheet.of(subject), actor)
            return standing
        standing.supersede()
        standing.save()
        record("request.superseded", standing, actor=actor)
    return opening.open_request(subject, found, actor)


def _rules_of(rules) -> list[tuple]:
    return sorted((r.who, r.need, r.veto, r.stage, tuple(sorted(r.facets))) for r in rules)


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
        settling.settle_locked(request, system_user())
    return request


def align(*, release_id: int | None = None, change_id: int | None = None, editor: User | None = None) -> None:
    """Bring the standing request of a subject in step with it, whatever happened to the subject. Harmless to repeat."""
    rows = ApprovalRequest.objects.standing()
    rows = rows.filter(release=release_id) if release_id else rows.filter(change=change_id)
    align_all(rows, editor=editor)


def align_all(requests, *, editor: User | None = None) -> None:
    """Bring each request of a queryset in step with its subject. Harmless to repeat."""
    for request_id in requests.values_list("pk", flat=True):
        with parts.locked_request(request_id) as request:
            _bring_in_step(request, editor)


def _bring_in_step(request: ApprovalRequest, editor: User | None) -> None:
    if request.state not in tally.STANDING:
        return
    actor, subject = editor or system_user(), request.subject
    stance = kind_of(subject).stance(subject)
    if stance == Stance.ACTED_ON and request.state == RequestState.APPROVED:
        return  # it has shipped, or holds: names and places that change later leave the agreement as it was
    if request.is_retrospective:
        stance = Stance.ASKED
    if stance == Stance.GONE and request.state == RequestState.APPROVED and request.kind not in _CARRIES_ON:
        return  # what was granted has ended in its own time: the agreement to it stays as it was
    if stance == Stance.GONE:
        what = f"it was {subject.get_state_display().lower()}"
        request.withdraw(reason=f"The {kind_of(subject).noun} is no longer asked about: {what}.")
        request.save()
        record("request.withdrawn", request, actor=actor, reason=what)
    elif stance == Stance.BACK:
        request.supersede()
        request.save()
        record("request.superseded", request, actor=actor)
    else:
        _keep_up(request, actor, waits=stance == Stance.WAITS, editor=editor)


_CARRIES_ON = (Subject.RELEASE, Subject.CHANGE)


def _keep_up(request: ApprovalRequest, actor: User, *, waits: bool, editor: User | None) -> None:
    if not waits:
        _restore(request, actor)
    sheets.bring_up_to_date(request, sheet.of(request.subject), editor)
    if waits and request.state == RequestState.PENDING:
        request.suspend()
        request.save()
        record("request.suspended", request, actor=actor)
    if not waits:
        settling.settle_locked(request, actor)


def _restore(request: ApprovalRequest, actor: User) -> None:
    """Wake a suspended request. Its clock stood meanwhile; where nothing was left of its time, all of it is given anew."""
    if request.state != RequestState.SUSPENDED:
        return
    since = Event.objects.filter(stream=stream_of(request), name="request.suspended").order_by("-seq").first()
    request.restore()
    request.save()
    if since:
        sheets.resume_clock(request, tally.count(request), since.at)
    if request.due_at <= timezone.now():
        sheets.restart_clock(request, tally.count(request))
    record("request.restored", request, actor=actor)


def withdraw(request_id: int, *, actor: User, reason: str) -> ApprovalRequest:
    """Take a request back: who asked may, and who manages the release. Raises Refused without a reason."""
    with parts.locked_request(request_id) as request:
        policy.require(actor, "releases.view_product", request)
        if request.is_retrospective:
            refuse("owed", "A retrospective approval is owed; it stays open until it is given.")
        if actor.pk != request.requester_id:
            policy.require(actor, ApprovalRequest.machine.steps["withdraw"].right, request)
        request.withdraw(reason=reason)
        request.save()
        record("request.withdrawn", request, actor=actor, reason=reason.strip())
        outcomes.of(request).ended(request, actor)
    return request
