"""Events as sentences: what the activity of a release, the home page and the event log tell."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.apps import apps

from approvals.querysets import SUBJECTS as SUBJECTS_OF_REQUESTS
from core.models import Event

# name: tone, icon, what the actor did. {short}, {reason} … come from the payload where it has them.
TOLD: dict[str, tuple[str, str, str]] = {
    "release.drafted": ("mute", "pen", "drafted"),
    "release.plan_edited": ("mute", "pen", "edited the plan of"),
    "release.planned": ("info", "check", "confirmed the plan of"),
    "release.build_started": ("info", "branch", "started the build of"),
    "release.testing_started": ("info", "flask", "started testing"),
    "release.candidate_added": ("mute", "tag", "added a candidate to"),
    "release.approval_requested": ("info", "scale", "asked for approval of"),
    "release.expedited": ("warn", "bolt", "expedited"),
    "release.marked_ready": ("ok", "check-circle", "marked ready"),
    "release.deploying_started": ("info", "deploy", "started to deploy"),
    "release.deploying_stopped": ("warn", "undo", "took back to ready"),
    "release.released": ("ok", "check-circle", "released"),
    "release.rolled_back": ("bad", "undo", "rolled back"),
    "release.review_opened": ("info", "book", "opened the review of"),
    "release.closed": ("ok", "check", "closed"),
    "release.plan_reopened": ("warn", "undo", "reopened the plan of"),
    "release.held": ("warn", "pause", "put on hold"),
    "release.resumed": ("info", "play", "resumed"),
    "release.cancelled": ("bad", "x-circle", "cancelled"),
    "release.blocked": ("bad", "stop", "blocked"),
    "release.progression_prevented": ("bad", "stop", "keeps the candidate where it is, of"),
    "release.progression_allowed": ("ok", "play", "lets the candidate go on, of"),
    "release.unblocked": ("ok", "check", "lifted the block on"),
    "release.commented": ("mute", "message", "commented on"),
    "release.scope_changed": ("mute", "list", "changed the scope of"),
    "release.risks_changed": ("mute", "alert", "changed the risks of"),
    "release.rollback_plan_changed": ("mute", "undo", "changed the rollback plan of"),
    "release.notes_changed": ("mute", "book", "edited the notes of"),
    "release.notes_reviewed": ("ok", "check", "reviewed the notes of"),
    "release.dependencies_changed": ("mute", "link", "changed the dependencies of"),
    "change.added": ("mute", "plus", "added"),
    "change.edited": ("mute", "pen", "edited"),
    "change.assessing": ("info", "search", "started to assess"),
    "change.authorisation_requested": ("info", "scale", "asked to authorise"),
    "change.approved": ("ok", "check", "approved"),
    "change.rejected": ("bad", "x-circle", "rejected"),
    "change.withdrawn": ("mute", "x-circle", "withdrew"),
    "change.implementing": ("info", "running", "began to implement"),
    "change.done": ("ok", "check-circle", "finished"),
    "change.failed": ("bad", "x-circle", "marked as failed"),
    "change.backed_out": ("bad", "undo", "backed out"),
    "change.pre_approved": ("ok", "check", "took from the catalogue"),
    "change.fell_back": ("warn", "undo", "made a normal change of"),
    "change.discovered": ("bad", "alert", "recorded as unauthorised"),
    "template.added": ("mute", "plus", "added the standard change"),
    "template.edited": ("mute", "pen", "edited the standard change"),
    "template.proposed": ("info", "scale", "proposed the standard change"),
    "template.approved": ("ok", "check", "approved the standard change"),
    "template.rejected": ("bad", "x-circle", "rejected the standard change"),
    "template.revised": ("warn", "undo", "began to revise the standard change"),
    "template.retired": ("mute", "x-circle", "retired the standard change"),
    "request.opened": ("info", "scale", "opened the approval of"),
    "request.approved": ("ok", "check-circle", "completed the approval of"),
    "request.rejected": ("bad", "x-circle", "ended with a rejection the approval of"),
    "request.expired": ("bad", "clock", "let expire the approval of"),
    "request.withdrawn": ("mute", "x-circle", "withdrew the approval of"),
    "request.superseded": ("mute", "flat", "superseded the approval of"),
    "request.suspended": ("warn", "pause", "suspended the approval of"),
    "request.restored": ("info", "play", "restored the approval of"),
    "request.reopened": ("warn", "stale", "reopened the approval of"),
    "request.reminded": ("mute", "bell", "sent reminders about the approval of"),
    "request.reminded_again": ("mute", "bell", "sent second reminders about the approval of"),
    "request.stage_reached": ("info", "scale", "reached the next stage of the approval of"),
    "request.short_handed": ("warn", "users", "found too few people left for the approval of"),
    "request.escalated": ("warn", "bell", "went to the team leads about the approval of"),
    "delegation.planned": ("mute", "calendar", "planned a delegation:"),
    "delegation.begun": ("info", "users", "began a delegation:"),
    "delegation.ended": ("mute", "undo", "ended a delegation:"),
    "vote.cast": ("ok", "scale", "voted on"),
    "vote.revoked": ("warn", "undo", "took back a vote on"),
    "vote.invalidated": ("warn", "stale", "made a vote stale on"),
    "question.asked": ("mute", "message", "asked about"),
    "question.answered": ("mute", "message", "answered about"),
    "signoff.reported": ("info", "flask", "reported test results for"),
    "signoff.signed_off": ("ok", "check", "signed tests off for"),
    "signoff.waived": ("mute", "waive", "waived a sign-off for"),
    "signoff.stale": ("warn", "stale", "made a sign-off stale for"),
    "waiver.requested": ("info", "waive", "asked for a waiver for"),
    "waiver.granted": ("mute", "waive", "granted a waiver for"),
    "waiver.refused": ("bad", "x-circle", "refused a waiver for"),
    "waiver.lapsed": ("bad", "clock", "let a waiver lapse for"),
    "waiver.lapsing": ("warn", "clock", "warned of a lapsing waiver for"),
    "override.requested": ("info", "freeze", "asked to override"),
    "override.granted": ("mute", "freeze", "granted the override of"),
    "override.refused": ("bad", "x-circle", "refused the override of"),
    "override.lapsing": ("warn", "clock", "warned of the lapsing override of"),
    "deployment.planned": ("mute", "calendar", "planned the deployment of"),
    "deployment.moved": ("mute", "calendar", "moved the deployment of"),
    "deployment.queued": ("info", "clock", "queued the deployment of"),
    "deployment.held": ("warn", "pause", "holds back the deployment of"),
    "deployment.let_go": ("info", "play", "let go the deployment of"),
    "deployment.awaiting": ("warn", "clock", "waits for a person to start"),
    "deployment.superseded": ("mute", "flat", "set aside the deployment of"),
    "deployment.started": ("info", "deploy", "started the deployment of"),
    "deployment.verifying": ("info", "eye", "began to verify"),
    "deployment.check_stated": ("info", "eye", "looked at"),
    "deployment.succeeded": ("ok", "check-circle", "verified the deployment of"),
    "deployment.paused": ("warn", "pause", "paused the deployment of"),
    "deployment.resumed": ("info", "play", "resumed the deployment of"),
    "deployment.failed": ("bad", "x-circle", "reported the failed deployment of"),
    "deployment.aborted": ("bad", "stop", "aborted the deployment of"),
    "deployment.rolling_back": ("warn", "undo", "began to roll back"),
    "deployment.rolled_back": ("bad", "undo", "rolled back"),
    "deployment.rollback_failed": ("bad", "alert", "could not roll back"),
    "deployment.expired": ("bad", "clock", "let the window close on"),
    "deployment.confirmed": ("ok", "check", "confirmed the rollback:"),
    "runbook.added": ("mute", "list", "began to write"),
    "runbook.edited": ("mute", "pen", "edited"),
    "runbook.removed": ("mute", "x", "threw away the runbook"),
    "runbook.step_added": ("mute", "plus", "added a step to"),
    "runbook.step_edited": ("mute", "pen", "edited a step of"),
    "runbook.step_moved": ("mute", "sort", "moved a step of"),
    "runbook.step_removed": ("mute", "x", "took a step out of"),
    "runbook.started": ("info", "play", "started"),
    "runbook.finished": ("ok", "check-circle", "came to the end of"),
    "runbook.aborted": ("bad", "stop", "aborted"),
    "step.ready": ("mute", "flag", "handed over"),
    "step.begun": ("info", "play", "began"),
    "step.done": ("ok", "check", "did"),
    "step.failed": ("bad", "x-circle", "reported as failed"),
    "step.skipped": ("warn", "waive", "skipped"),
    "step.taken_over": ("info", "users", "took over"),
    "step.late": ("warn", "clock", "flagged as late"),
    "step.undone": ("bad", "undo", "found undone"),
    "run.started": ("mute", "play", "called a hook for"),
    "run.ended": ("mute", "check", "ended a hook call for"),
    "review.collected": ("mute", "book", "collected the facts of"),
    "review.submitted": ("info", "book", "submitted the review of"),
    "review.approved": ("ok", "check", "approved the review of"),
    "review.reopened": ("warn", "undo", "sent back the review of"),
    "review.due": ("warn", "clock", "reminded of the review of"),
    "action.added": ("mute", "plus", "added an action item to"),
    "action.changed": ("mute", "pen", "changed an action item of"),
    "freeze.added": ("mute", "freeze", "added the freeze"),
    "freeze.changed": ("mute", "freeze", "changed the freeze"),
    "freeze.lifted": ("warn", "undo", "lifted the freeze"),
    "lift.requested": ("info", "scale", "asked for the"),
    "lift.granted": ("ok", "check", "agreed to the"),
    "lift.refused": ("bad", "x-circle", "refused the"),
    "lift.lapsed": ("mute", "clock", "let lapse the wish for the"),
    "waiver.followed_up": ("ok", "check", "followed up on the waiver for"),
    "override.followed_up": ("ok", "check", "followed up on the override of"),
    "policy.drafted": ("mute", "plus", "began a draft of the"),
    "policy.edited": ("mute", "pen", "edited the draft of the"),
    "policy.row_saved": ("mute", "pen", "saved a row in the draft of the"),
    "policy.row_moved": ("mute", "sort", "moved a row in the draft of the"),
    "policy.row_removed": ("mute", "x-circle", "removed a row from the draft of the"),
    "policy.shadow_started": ("info", "eye", "let run in shadow the"),
    "policy.shadow_stopped": ("mute", "eye", "took out of shadow the"),
    "policy.proposed": ("info", "scale", "proposed the"),
    "policy.approved": ("ok", "check", "agreed to the"),
    "policy.rejected": ("bad", "x-circle", "sent back the"),
    "policy.enacted": ("ok", "check-circle", "put in force the"),
    "policy.retired": ("mute", "flat", "retired the"),
    "policy.discarded": ("mute", "x-circle", "discarded the draft of the"),
    "person.added": ("mute", "user", "added the account of"),
    "person.changed": ("mute", "user", "changed the account of"),
    "role.given": ("mute", "key", "gave a role to"),
    "role.taken": ("mute", "key", "took a role from"),
    "team.changed": ("mute", "users", "changed the team"),
    "product.added": ("mute", "plus", "added the product"),
    "product.changed": ("mute", "pen", "changed the product"),
    "product.blocked": ("bad", "stop", "blocked"),
    "product.unblocked": ("ok", "check", "lifted the block on"),
    "product.pipeline_ordered": ("mute", "list", "ordered the pipeline of"),
    "product.phase_added": ("mute", "plus", "made a phase in the pipeline of"),
    "product.phase_changed": ("mute", "pen", "changed a phase in the pipeline of"),
    "product.phase_removed": ("mute", "x-circle", "took a phase out of the pipeline of"),
    "product.environment_placed": ("mute", "list", "put an environment elsewhere in the pipeline of"),
    "change.held": ("warn", "pause", "put on hold"),
    "change.resumed": ("info", "play", "took off hold"),
    "change.reworked": ("info", "undo", "took up again"),
    "release.signoffs_reminded": ("mute", "bell", "reminded of the tests of"),
    "release.window_opening": ("info", "clock", "announced the window of"),
    "signoff.started": ("info", "running", "started the tests for"),
    "override.lapsed": ("warn", "clock", "let lapse the override of"),
    "review.written": ("mute", "pen", "wrote the review of"),
    "review.closed": ("ok", "check", "closed the review of"),
    "finding.added": ("mute", "plus", "added a finding to"),
    "environment.added": ("mute", "plus", "added the environment"),
    "environment.changed": ("mute", "pen", "changed the environment"),
    "environment.removed": ("warn", "x-circle", "removed an environment"),
    "environment.blocked": ("bad", "stop", "blocked"),
    "environment.unblocked": ("ok", "check", "lifted the block on"),
    "environment.hook_added": ("mute", "plus", "added a hook to"),
    "environment.hook_changed": ("mute", "pen", "changed a hook of"),
    "environment.hook_removed": ("mute", "x-circle", "removed a hook from"),
    "environment.hooks_ordered": ("mute", "list", "ordered the hooks of"),
    "environment.window_added": ("mute", "calendar", "added a deployment window to"),
    "environment.window_changed": ("mute", "calendar", "changed a deployment window of"),
    "environment.window_removed": ("mute", "x-circle", "removed a deployment window from"),
    "conflict_rule.set": ("mute", "alert", "set how grave a conflict is:"),
    "environment.sighted": ("warn", "link", "reported what runs in"),
    "environment.report_known": ("mute", "link", "reported what was known to run in"),
    "environment.verification_set": ("mute", "eye", "set the verification of"),
    "environment.check_added": ("mute", "plus", "added a check to the verification of"),
    "environment.check_changed": ("mute", "pen", "changed a check in the verification of"),
    "environment.check_removed": ("warn", "x-circle", "took a check out of the verification of"),
    "environment.checks_ordered": ("mute", "list", "ordered the checks of"),
    "policy.signoffs_required": ("mute", "flask", "set the required sign-offs of"),
    "person.password_changed": ("mute", "key", "changed the password of"),
    "person.signed_out_everywhere": ("mute", "lock", "signed out everywhere"),
    "person.feed_renewed": ("mute", "calendar", "renewed the calendar feed of"),
    "person.hours_set": ("mute", "clock", "set the working hours of"),
    "absence.added": ("mute", "calendar", "planned an absence of"),
    "absence.cancelled": ("mute", "undo", "cancelled an absence of"),
    "person.token_made": ("mute", "key", "made a token for"),
    "person.token_revoked": ("mute", "key", "revoked a token of"),
    "team.added": ("mute", "plus", "added the team"),
    "board.added": ("mute", "plus", "set up the board"),
    "board.changed": ("mute", "pen", "changed the board"),
    "meeting.scheduled": ("mute", "calendar", "scheduled the meeting of"),
    "meeting.announced": ("info", "mail", "sent the invitations to"),
    "meeting.moved": ("warn", "calendar", "moved the meeting of"),
    "meeting.cancelled": ("warn", "x-circle", "called off the meeting of"),
    "meeting.opened": ("info", "play", "opened the meeting of"),
    "meeting.closed": ("ok", "check-circle", "closed the meeting of"),
    "meeting.agenda_filled": ("mute", "list", "brought up to date the agenda of"),
    "meeting.attendance_noted": ("mute", "users", "noted the attendance of"),
    "item.added": ("mute", "plus", "put on the agenda"),
    "item.taken_up": ("info", "message", "took up"),
    "item.decided": ("ok", "scale", "ended the talk about"),
    "item.deferred": ("warn", "clock", "put off"),
    "item.dropped": ("mute", "x", "took off the agenda"),
    "item.noted": ("mute", "pen", "wrote a note on"),
}
# What needs its object, on the page of that object.
ABOUT_IT = {
    did: f"{did} it"
    for did in (
        "drafted", "expedited", "started to deploy", "released", "rolled back", "closed", "resumed", "cancelled", "blocked",
        "approved", "rejected", "added", "edited", "started to assess", "asked to authorise", "withdrew", "began to implement",
        "finished",
    )
} | {
    "put on hold": "put it on hold", "marked ready": "marked it ready", "took back to ready": "took it back to ready",
    "marked as failed": "marked it as failed", "backed out": "backed it out", "took off hold": "took it off hold",
    "took up again": "took it up again", "took from the catalogue": "took it from the catalogue",
    "made a normal change of": "made it a normal change", "recorded as unauthorised": "recorded it as unauthorised",
}  # fmt: skip
QUIET = (
    "run.started",
    "run.ended",
    "runbook.step_added",
    "runbook.step_edited",
    "runbook.step_moved",
    "runbook.step_removed",
    "request.reminded",
    "request.reminded_again",
    "review.collected",
    "release.window_opening",
    "meeting.agenda_filled",
)  # told in the log alone

# model: (app label, path to the release or other subject for the sentence)
SUBJECTS = {
    "release": ("releases", ("product",)),
    "change": ("releases", ("product",)),
    "product": ("releases", ()),
    "environment": ("releases", ("product",)),
    "changetemplate": ("releases", ()),
    "freezewindow": ("releases", ()),
    "approvalrequest": ("approvals", SUBJECTS_OF_REQUESTS),
    "delegation": ("approvals", ("person", "stand_in")),
    "conflictrule": ("releases", ("product",)),
    "lift": ("approvals", ("release__product", "environment__product", "stopped_product")),
    "vote": ("approvals", (*(f"request__{path}" for path in SUBJECTS_OF_REQUESTS), "person")),
    "signoff": ("approvals", ("candidate__release__product",)),
    "waiver": ("approvals", ("signoff__candidate__release__product",)),
    "freezeoverride": ("approvals", ("release__product", "freeze")),
    "policy": ("approvals", ()),
    "board": ("approvals", ()),
    "meeting": ("approvals", ("board",)),
    "agendaitem": ("approvals", ("request__release__product", "request__change__product", "meeting__board")),
    "deployment": ("deployments", ("candidate__release__product", "environment", "release__product")),
    "runbook": ("deployments", ("release__product",)),
    "runbookstep": ("deployments", ("runbook__release__product",)),
    "run": ("deployments", ("deployment__release__product",)),
    "review": ("reviews", ("release__product",)),
    "actionitem": ("reviews", ("review__release__product",)),
    "user": ("accounts", ()),
    "team": ("accounts", ()),
}


@dataclass(frozen=True)
class Line:
    """One event, told. `subject` is what it happened to, `url` where that is shown, `quote` what the actor wrote."""

    event: Event
    who: str
    did: str
    subject: str
    url: str
    tone: str
    icon: str
    quote: str

    @property
    def at(self) -> datetime:
        return self.event.at


def told(events: Iterable[Event], *, around=None) -> list[Line]:
    """The events as lines, in their order. `around`: the release whose page this is; its own name is left out.

    One query for each kind of subject among the events. Pass events with their actor.
    """
    events = list(events)
    subjects = _subjects(events)
    return [_line(event, subjects.get(event.stream), around) for event in events]


def _subjects(events: list[Event]) -> dict[str, object]:
    wanted: dict[str, set[int]] = defaultdict(set)
    for event in events:
        model, _, pk = event.stream.partition(":")
        if model in SUBJECTS and pk.isdigit():
            wanted[model].add(int(pk))
    found = {}
    for model, ids in wanted.items():
        app, related = SUBJECTS[model]
        rows = apps.get_model(app, model)._default_manager.filter(pk__in=ids).select_related(*related)
        found |= {f"{model}:{row.pk}": row for row in rows}
    return found


def deed(name: str) -> tuple[str, str, str]:
    """(tone, icon, words) of an event's name on the page of what it happened to: `release.held` is `put it on hold`."""
    tone, icon, did = _told(name)
    return tone, icon, _alone(did)


def _told(name: str) -> tuple[str, str, str]:
    return TOLD.get(name) or ("mute", "info", f"recorded “{_plain(name)}” for")


def _line(event: Event, subject, around) -> Line:
    tone, icon, did = _told(event.name)
    if event.name == "vote.cast" and event.payload.get("verdict") == "reject":
        tone, icon, did = "bad", "x-circle", "rejected"
    elif event.name == "vote.cast":
        did = "approved"
    words, url = _named(subject, event, around)
    return Line(event, _who(event), did if words else _alone(did), words, url, tone, icon, quote_of(event))


def _plain(name: str) -> str:
    return name.replace(".", " ").replace("_", " ")


def _alone(did: str) -> str:
    """The sentence without its object's name: `added a candidate to` becomes `added a candidate`, `closed` `closed it`."""
    if did in ABOUT_IT:
        return ABOUT_IT[did]
    for tail in (" of", " to", " for", " on", " about"):
        did = did.removesuffix(tail)
    return did


def _who(event: Event) -> str:
    who = event.actor.name
    return f"{who} for {event.on_behalf_of.name}" if event.on_behalf_of else who


def quote_of(event: Event) -> str:
    """The words that the actor gave: a comment, a reason, a question."""
    for key in ("text", "reason", "comment"):
        value = event.payload.get(key)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _named(subject, event: Event, around) -> tuple[str, str]:
    """What it happened to in words, and its page."""
    if subject is None:
        return event.payload.get("username") or event.payload.get("name") or event.stream, ""
    model = event.stream.partition(":")[0]
    named = NAMES.get(model, lambda it: (str(it), ""))
    words, url = named(subject)
    if around is not None and words == str(around):
        return "", ""
    if around is not None:
        words = words.replace(f" of {around}", "").replace(f"{around}-", "")
    return words, url


def _page(obj) -> str:
    from django.urls import NoReverseMatch

    try:
        return obj.get_absolute_url()
    except (NoReverseMatch, AttributeError):
        return ""


def _of_release(words: str, release) -> tuple[str, str]:
    return f"{words} of {release}" if words else str(release), _page(release)


NAMES = {
    "release": lambda it: (str(it), _page(it)),
    "change": lambda it: (str(it), _page(it)),
    "product": lambda it: (str(it), _page(it)),
    "changetemplate": lambda it: (str(it), _page(it)),
    "approvalrequest": lambda it: (str(it.subject), _page(it.subject)),
    "vote": lambda it: (str(it.request.subject), _page(it.request.subject)),
    "signoff": lambda it: _of_release(f"{it.get_kind_display()} on {it.candidate.short}", it.candidate.release),
    "waiver": lambda it: _of_release(it.signoff.get_kind_display(), it.signoff.candidate.release),
    "freezeoverride": lambda it: _of_release(it.what, it.release),
    "lift": lambda it: (f"lifting of the stop of {it.stopped}", ""),
    "deployment": lambda it: (f"{it.release.product.name} {it.candidate.version} to {it.environment.name}", _page(it)),
    "run": lambda it: (f"{it.name} of {it.deployment.release}", _page(it.deployment)),
    "runbook": lambda it: (str(it), _page(it)),
    "runbookstep": lambda it: (f"“{it.name}” of {it.runbook}", _page(it)),
    "environment": lambda it: (f"{it.product.name} {it.name}", _page(it.product)),
    "review": lambda it: (str(it.release), _page(it)),
    "actionitem": lambda it: (f"{it.title} of {it.review.release}", _page(it.review)),
    "user": lambda it: (it.name, ""),
    "board": lambda it: (it.name, _page(it)),
    "meeting": lambda it: (str(it), _page(it)),
    "agendaitem": lambda it: (str(it.request.subject), _page(it)),
}
