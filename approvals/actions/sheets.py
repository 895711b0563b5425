"""Keeping a request in step with what it is about: the frozen sheet, the votes on it, the clock of its rules. Takes locked rows."""

from datetime import datetime

from django.utils import timezone

from accounts.actions import system_user
from accounts.models import User
from approvals import clock, matching, sheet, tally
from approvals.models import ApprovalRequest, FrozenSheet, Vote
from approvals.states import Facet, RequestState
from core import wording
from core.events import record


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
    counted = tally.count(request, live.digests)
    if request.state == RequestState.APPROVED and not counted.met:
        request.reopen()
        record("request.reopened", request, actor=editor or system_user())
        restart_clock(request, counted)
    elif request.state == RequestState.PENDING:
        reach_stage(request, counted)


def restart_clock(request: ApprovalRequest, counted: tally.Tally) -> None:
    """Give every open rule its whole time again, and save the request."""
    for open_ in counted.open:
        open_.rule.opened_at = open_.rule.due_at = None
        open_.rule.reminded_at = open_.rule.reminded_again_at = open_.rule.escalated_at = None
        open_.rule.save()
    request.reminded_at = None
    reach_stage(request, counted, tell=False)
    request.save()


def resume_clock(request: ApprovalRequest, counted: tally.Tally, since: datetime) -> None:
    """Give the rules that are asked now back the time in which the request was suspended, from `since` on; save the request.

    Of a working clock it is the working time that was left.
    """
    rules, now = [open_.rule for open_ in counted.asked if open_.rule.opened_at], timezone.now()
    people = matching.eligible(request.subject, rules, request.requester_id, request) if rules else {}
    for rule in rules:
        rule.due_at = clock.resumed(rule.due_at, since, now, rule.clock, people[rule.who])
        rule.opened_at += now - since
        rule.save()
    request.due_at = min((rule.due_at for rule in rules), default=request.due_at)
    request.save()


def reach_stage(
    request: ApprovalRequest, counted: tally.Tally, at: datetime | None = None, *, tell: bool = True
) -> None:
    """Start the clock of rules whose stage is reached, and let the request run out with the first rule that is asked now.

    Rules of a later stage are recorded as reached, so that those whom they ask are told, unless `tell` is False.
    """
    started = [open_ for open_ in counted.asked if open_.rule.opened_at is None]
    if started:
        rules = [open_.rule for open_ in started]
        people = matching.eligible(request.subject, rules, request.requester_id, request)
        now = at or timezone.now()
        for rule in rules:
            rule.opened_at, rule.due_at = now, clock.due(now, rule.deadline_hours, rule.clock, people[rule.who])
            rule.save()
        if tell and rules[0].stage > min(r.rule.stage for r in counted.rules):
            keys = [rule.who for rule in rules]
            record("request.stage_reached", request, actor=system_user(), stage=rules[0].stage, rules=keys)
    due = min((open_.rule.due_at for open_ in counted.asked if open_.rule.due_at), default=request.due_at)
    if due != request.due_at:
        request.due_at = due
        request.save()


def end_outrun_votes(request: ApprovalRequest, live: sheet.Sheet, editor: User | None) -> None:
    """End the votes that saw something else, and those of people who have become authors of what is asked about."""
    rules, authors = list(request.rules.all()), tally.authors(request, request.subject)
    by = f", edited by {editor.name}" if editor and not editor.is_service else ""
    for vote in tally.cast(request):
        facets = sorted(tally.outrun(vote, rules, live.digests))
        author = next((user for user in (vote.person, vote.seat) if user.pk in authors), None)
        if facets:
            _invalidate(vote, request, editor, f"{wording.listed(facets).capitalize()} changed{by}.", facets)
        elif author:
            _invalidate(vote, request, editor, f"{author.name} wrote a part of it{by}.", [Facet.SCOPE.value])


def _invalidate(vote: Vote, request: ApprovalRequest, editor: User | None, reason: str, facets: list[str]) -> None:
    vote.invalidate(reason=reason)
    vote.save()
    told = {"vote": vote.pk, "person": vote.person_id, "facets": facets}
    record("vote.invalidated", request, actor=editor or system_user(), **told)
