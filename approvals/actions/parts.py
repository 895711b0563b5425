"""Steps that the doors of this room share. They take locked rows and open no transaction of their own."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from accounts.actions import system_user
from accounts.models import User
from approvals import matching, sheet, tally
from approvals.models import ApprovalRequest, FrozenSheet
from approvals.states import RequestState, Verdict
from core import texts, wording
from core.blockers import Refused, refuse
from core.events import record
from core.locking import locked
from releases.models import Change, Release


@contextmanager
def locked_request(request_id: int) -> Iterator[ApprovalRequest]:
    """Open the door's transaction: lock the subject first, then the request. Raises ApprovalRequest.DoesNotExist."""
    subject_of = ApprovalRequest.objects.values_list("release_id", "change_id").get(pk=request_id)
    with transaction.atomic(durable=True):
        subject = lock_subject(*subject_of)
        request = ApprovalRequest.objects.select_for_update(of=("self",), no_key=True).get(pk=request_id)
        bind(request, subject)
        yield request


def lock_subject(release_id: int | None, change_id: int | None = None):
    if release_id is not None:
        rows = Release.objects.select_related("product", "candidate", "manager")
        return rows.select_for_update(of=("self",), no_key=True).get(pk=release_id)
    return Change.objects.select_related("product").select_for_update(of=("self",), no_key=True).get(pk=change_id)


@contextmanager
def locked_release(release_id: int) -> Iterator[Release]:
    with locked(Release.objects.select_related("product", "candidate", "manager"), release_id) as release:
        yield release


def lock_standing(subject) -> ApprovalRequest | None:
    """Lock the request of a locked subject that stands (pending, suspended, approved); None where there is none."""
    request = subject.requests.select_for_update(of=("self",), no_key=True).standing().first()
    if request:
        bind(request, subject)
    return request


def bind(request: ApprovalRequest, subject) -> None:
    """Let the request speak of the very object that is locked."""
    setattr(request, subject._meta.model_name, subject)


def needs_text(text: str, message: str, field: str = "comment") -> str:
    """The text, trimmed. Raises Refused at `field` when it is empty or cannot be kept."""
    text = texts.fit(text, field)
    if not text:
        refuse(field, message, field=field)
    return text


def freeze_sheet(request: ApprovalRequest, live: sheet.Sheet) -> FrozenSheet:
    """Put the live sheet into the request and keep it for good. Does not save the request."""
    request.sheet, request.digests, request.digest = live.content, live.digests, live.digest
    kept, _ = FrozenSheet.objects.get_or_create(
        request=request, digest=live.digest, defaults={"content": live.content, "digests": live.digests}
    )
    return kept


def bring_up_to_date(request: ApprovalRequest, live: sheet.Sheet, editor: User | None = None) -> None:
    """Freeze the live sheet anew, end the votes that it has outrun, and reopen an approved request that they carried."""
    if live.digest != request.digest:
        freeze_sheet(request, live)
        request.save()
    end_outrun_votes(request, live, editor)
    if request.state == RequestState.APPROVED and not tally.count(request, live.digests).met:
        request.reopen()
        request.due_at = timezone.now() + timedelta(hours=request.deadline_hours)
        request.reminded_at = None
        request.save()
        record("request.reopened", request, actor=editor or system_user())


def end_outrun_votes(request: ApprovalRequest, live: sheet.Sheet, editor: User | None) -> None:
    rules = list(request.rules.all())
    by = f", edited by {editor.name}" if editor and not editor.is_service else ""
    for vote in tally.cast(request):
        facets = sorted(tally.outrun(vote, rules, live.digests))
        if facets:
            vote.invalidate(reason=f"{wording.listed(facets).capitalize()} changed{by}.")
            vote.save()
            name = "vote.invalidated"
            record(name, request, actor=editor or system_user(), vote=vote.pk, person=vote.person_id, facets=facets)


def settle_locked(request: ApprovalRequest, actor: User) -> None:
    """Approve or reject a pending request when its votes decide it; then let its subject move on if nothing else blocks."""
    if request.state == RequestState.PENDING:
        _decide(request, actor)
    if request.state == RequestState.APPROVED:
        _move_on(request.subject)


def _decide(request: ApprovalRequest, actor: User) -> None:
    live = sheet.of(request.subject)
    counted = tally.count(request, live.digests)
    if counted.met:
        request.approve()
        request.save()
        by_rule = {r.rule.role: [v.pk for v in r.votes] for r in counted.rules}
        record("request.approved", request, actor=actor, votes=by_rule, digest=live.digest)
        return
    rejection = _decisive_rejection(request)
    if rejection:
        reject_locked(request, actor, rejection)


def _decisive_rejection(request: ApprovalRequest) -> str:
    """Why the request has failed: a veto, or rules that can no longer be met; "" while it can still be approved."""
    rejections = [v for v in tally.cast(request) if v.verdict == Verdict.REJECT]
    vetoes = {r.role for r in request.rules.all() if r.veto}
    for vote in rejections:
        if vetoes & set(vote.roles):
            return f"{vote.person.name} rejected it: {vote.comment}"
    if not rejections:
        return ""
    people = matching.eligible(request.subject, request.rules.all(), request.requester_id)
    if tally.reachable(request, people):
        return ""
    return f"Too few are left who could approve. {rejections[-1].person.name} rejected it: {rejections[-1].comment}"


def reject_locked(request: ApprovalRequest, actor: User, reason: str) -> None:
    request.reject()
    request.save()
    record("request.rejected", request, actor=actor, reason=reason)
    if request.change_id and request.change.state == "authorising":
        request.change.reject(reason=reason)
        request.change.save()
        record("change.rejected", request.change, actor=actor, reason=reason)


def _move_on(subject) -> None:
    """Take `mark_ready` or the change's `approve` where its gates are clear; where they are not, a later event tries again."""
    release = isinstance(subject, Release)
    if subject.state != ("approving" if release else "authorising"):
        return
    try:
        subject.mark_ready() if release else subject.approve()
    except Refused:
        return
    subject.save()
    record("release.marked_ready" if release else "change.approved", subject, actor=system_user())
