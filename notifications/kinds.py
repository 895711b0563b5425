"""What people are told, of which event, in which words: one table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from accounts import policy
from accounts.models import User
from approvals import agenda, guards, inbox, invitation, stand_ins
from approvals.models import (
    AgendaItem,
    ApprovalRequest,
    Delegation,
    FreezeOverride,
    Lift,
    Meeting,
    Policy,
    Waiver,
)
from approvals.subjects import kind_of
from core import wording
from core.models import Event
from deployments.actions.confirmation import RIGHT as CONFIRMS
from deployments.actions.confirmation import behind
from deployments.actions.statement import manual_checks
from deployments.guards import owes_confirmation
from deployments.models import Deployment, Runbook, RunbookStep
from deployments.states import RunbookState, StepKind
from notifications import recipients as to
from releases import conflicts
from releases.models import ChangeTemplate, Release
from reviews.models import ActionItem, Review

VIEW = "releases.view_product"


def _sees(user: User, about) -> bool:
    """What is about no product is seen by everybody who sees one."""
    return policy.may(user, VIEW, about) or (not policy.scope_of(about) and policy.may_anywhere(user, VIEW))


@dataclass(frozen=True)
class Kind:
    """One kind of notification: `read(event)` finds what it is about (None: nothing to tell); the others say to whom and how.

    `sees` says whether a person may see what it is about; `attach` gives a file for the mail: (name, content, MIME type).
    Of the events `in_hours` people are told when they are at work; `until` says when that would be too late (None: never).
    """

    slug: str
    label: str
    events: tuple[str, ...]
    read: Callable[[Event], object | None]
    who: Callable[[object, Event], set[User]]
    title: Callable[[object, Event], str]
    body: Callable[[object, Event], str] = lambda about, event: ""
    url: Callable[[object, Event], str] = lambda about, event: about.get_absolute_url()
    even_to_actor: bool = False
    sees: Callable[[User, object], bool] = _sees
    attach: Callable[[object, User], tuple[str, bytes, str]] | None = None
    in_hours: tuple[str, ...] = ()
    until: Callable[[object, Event], datetime | None] = lambda about, event: None


def _of_stream(model, *related: str):
    def read(event: Event):
        return model.objects.select_related(*related).filter(pk=event.stream.split(":")[1]).first()

    return read


def _request(event: Event) -> ApprovalRequest | None:
    return ApprovalRequest.objects.one(int(event.stream.split(":")[1]))


def _of_payload(model, name: str, *related: str):
    def read(event: Event):
        return model.objects.select_related(*related).filter(pk=event.payload.get(name)).first()

    return read


_release = _of_stream(Release, "product", "manager", "created_by")
_waiver = _of_stream(Waiver, "signoff__candidate__release__product", "requested_by")
_override = _of_stream(FreezeOverride, "release__product", "release__manager", "freeze", "requested_by")
_delegation = _of_stream(Delegation, "person", "stand_in", "product", "created_by", "ended_by")
_lift = _of_stream(
    Lift,
    *(f"{stopped}__{joined}" for stopped in ("release", "environment") for joined in ("product", "blocked_by")),
    "stopped_product__blocked_by",
    "requested_by",
)
_policy = _of_stream(Policy, "created_by")
_template = _of_stream(ChangeTemplate, "product", "created_by")
_deployment = _of_stream(
    Deployment, "release__product", "release__manager", "environment", "candidate", "started_by", "created_by"
)
_runbook = _of_stream(Runbook, "release__product", "release__manager", "created_by", "started_by")
_step = _of_stream(
    RunbookStep, "runbook__release__product", "runbook__release__manager", "runbook__started_by", "owner", "team"
)
_meeting = _of_stream(Meeting, "board__chair", "chaired_by")
_item = _of_stream(AgendaItem, "meeting__board", "request__release__product", "request__change__product")
_review = _of_stream(Review, "release__product", "release__manager", "author")


def _looked_at(event: Event) -> Deployment | None:
    """The deployment whose verification waits for a person's word; None where no manual check is in use."""
    about = _deployment(event)
    return about if about and manual_checks(about.environment) else None


def _inbox(request: ApprovalRequest, event: Event) -> str:
    return reverse("portal:inbox_item", args=[request.pk])


def _approvals(release: Release) -> str:
    return reverse("approvals:tab", args=[release.product.slug, release.version])


def _reason(about, event: Event) -> str:
    return event.payload.get("reason", "")


def _detail(deployment: Deployment, event: Event) -> str:
    return event.payload.get("reason", "") or deployment.detail


def _shipped(deployment: Deployment, event: Event) -> str:
    came = event.name.split(".")[1].replace("_", " ")
    if came == "awaiting":
        came = "waits for a person to start it"
    if event.payload.get("rehearsal"):
        came = "way back rehearsed" if came == "rolled back" else "the rehearsal of the way back failed"
    return f"{deployment.release.product.name} {deployment.candidate.version} to {deployment.environment.name}: {came}"


def _owing(event: Event) -> Deployment | None:
    """The rollback, where somebody has to confirm it."""
    found = _deployment(event)
    return found if found and owes_confirmation(found) else None


def _confirmers(rollback: Deployment, event: Event) -> set[User]:
    return {user for user in to.who_may(CONFIRMS, rollback) if user.pk not in behind(rollback)}


# Runbooks


def _handed_over(event: Event) -> RunbookStep | None:
    """The step, where a person begins it; a deployment begins by itself."""
    step = _step(event)
    return step if step and step.kind == StepKind.MANUAL else None


def _in_trouble(step: RunbookStep, event: Event) -> set[User]:
    return to.holders_of(step) | to.people([step.runbook.release.manager, step.runbook.started_by])


def _trouble(step: RunbookStep, event: Event) -> str:
    what = {"step.late": "Late", "step.failed": "Failed", "step.undone": "Undone"}[event.name]
    return f"{what}: “{step.name}” of {step.runbook}"


def _troubled_by(step: RunbookStep, event: Event) -> str:
    if event.name == "step.late":
        return f"It was planned for {wording.plural(step.planned_minutes, 'minute')}."
    if event.name == "step.undone" and step.runbook.state == RunbookState.RUNNING:
        return f"{step.note}\nThe runbook goes on. Abort it if it must not."
    return step.note


def _invalidated_voter(request: ApprovalRequest, event: Event) -> set[User]:
    return set(User.objects.filter(pk=event.payload.get("person"), is_active=True))


def _asker(request: ApprovalRequest, event: Event) -> set[User]:
    return set(User.objects.filter(pk=event.payload.get("asked_by"), is_active=True))


def _action_owner(item: ActionItem, event: Event) -> set[User]:
    return {item.owner} if item.owner and item.owner.is_active else set()


def _sees_meeting(user: User, meeting: Meeting) -> bool:
    """Who sees the board; who asked for something on the agenda is told what came of it."""
    return agenda.sees(user, meeting.board) or meeting.items.filter(request__requester=user).exists()


def _calendar_file(meeting: Meeting, user: User) -> tuple[str, bytes, str]:
    kind = f"text/calendar; method={invitation.method_of(meeting)}; charset=utf-8"
    return "invitation.ics", invitation.invitation(meeting, user), kind


def _invited(meeting: Meeting, event: Event) -> str:
    what = {"meeting.moved": " was moved", "meeting.cancelled": " is called off"}.get(event.name, "")
    return f"{meeting.board.name}{what}: {wording.full(meeting.starts_at)}"


def _came_of(meeting: Meeting, event: Event) -> str:
    decided, deferred = (event.payload.get(state, 0) for state in ("decided", "deferred"))
    return f"{wording.plural(decided, 'item')} decided, {deferred} deferred. The minutes are on the page."


def _waiver_of(waiver: Waiver) -> str:
    return f"{waiver.signoff.get_kind_display()} sign-off of {waiver.signoff.candidate.release}"


def _came(event: Event) -> str:
    """What became of an exemption: "granted", "lapses soon"."""
    verb = event.name.split(".")[1]
    return "lapses soon" if verb == "lapsing" else verb


def _about_waiver(waiver: Waiver, event: Event) -> str:
    if event.name != "waiver.lapsed":
        return _ends(waiver)
    blockers = guards.signoffs_missing(waiver.signoff.candidate.release)
    return _now_blocks(waiver, [b for b in blockers if b.code.endswith(f":{waiver.signoff.kind}")])


def _about_override(override: FreezeOverride, event: Event) -> str:
    if event.name == "override.refused":
        return override.comment
    if event.name != "override.lapsed":
        return _ends(override)
    release = override.release
    found = [*guards.freeze_active(release), *guards.freeze_touching_window(release), *conflicts.in_the_way(release)]
    return _now_blocks(override, [b for b in found if b.code == override.key][:1])


def _ends(exemption) -> str:
    return f"It ends {wording.full(exemption.expires_at)}.{_follow_up(exemption)}"


def _now_blocks(exemption, blockers) -> str:
    blocks = " ".join(b.message for b in blockers)
    now = f"Now it blocks again: {blocks}" if blocks else "Nothing is blocked by that now."
    return f"It ended {wording.full(exemption.expires_at)}. {now}{_follow_up(exemption)}"


def _follow_up(exemption) -> str:
    """The promise that came with it, in a sentence; "" where there was none."""
    if not exemption.follow_up:
        return ""
    done = "done" if exemption.follow_up_done_at else "not done yet"
    return f" Follow-up, {done}: {exemption.follow_up.rstrip('.')}."


# Reminders

REMINDED = ("request.reminded", "request.reminded_again")


def _until(request: ApprovalRequest, event: Event) -> datetime | None:
    """When a reminder comes too late: at the end of what runs out."""
    return None if request.is_retrospective else request.due_at


def _asked_now(request: ApprovalRequest, event: Event) -> set[User]:
    if event.name == "request.stage_reached":
        return to.reached(request, event)
    return to.reminded(request, event) if event.name in REMINDED else to.voters(request)


def _of_vote(request: ApprovalRequest, event: Event) -> str:
    if event.payload.get("overdue"):
        return f"Overdue: your vote is needed on {request.subject}"
    still = {"request.reminded": "Still waiting: your", "request.reminded_again": "Reminded again: your"}
    return f"{still.get(event.name, 'Your')} vote is needed on {request.subject}"


def _asked_by(request: ApprovalRequest, event: Event) -> str:
    end = f"It was due {wording.full(request.due_at)}, and stays open until it is given."
    if not event.payload.get("overdue"):
        word = "It is due" if request.is_retrospective else "It expires"
        end = f"{word} {wording.full(request.due_at)}."
    return f"{request.requester.name} asks under “{request.policy_name}”. {end}"


def _escalated(request: ApprovalRequest, event: Event) -> str:
    lacks = event.payload.get("label", "an approval")
    word = "is overdue" if event.payload.get("overdue") else "is about to run out"
    return f"{request.subject} {word}: it lacks {lacks}"


def _slow(request: ApprovalRequest, event: Event) -> str:
    if event.name == "request.short_handed":
        return f"Too few are left who could approve {request.subject}"
    return _escalated(request, event)


def _slow_because(request: ApprovalRequest, event: Event) -> str:
    if event.name == "request.escalated":
        names = to.names(event)
        return (
            f"{wording.listed(names)} {'was' if len(names) == 1 else 'were'} told." if names else "Nobody leads them."
        )
    end = "" if request.is_retrospective else f" It expires {wording.full(request.due_at)}."
    return f"Whoever could give the missing approval is away. They can name a stand-in, or the role is given to others.{end}"


def _owed(event: Event) -> ApprovalRequest | None:
    """The request, where it is a retrospective one."""
    found = _request(event)
    return found if found and found.is_retrospective else None


def _owed_words(request: ApprovalRequest, event: Event) -> str:
    if event.name == "request.opened":
        return f"{request.subject}: the full approval is owed afterwards"
    return f"The approval afterwards of {request.subject} is overdue"


# Standing in


def _sees_delegation(user: User, delegation: Delegation) -> bool:
    return user.pk in (delegation.person_id, delegation.stand_in_id)


def _standing_in(delegation: Delegation, event: Event) -> str:
    if event.name == "delegation.ended":
        return f"You no longer stand in for {delegation.person.name}"
    since = f" from {wording.moment(delegation.starts_at)}" if event.name == "delegation.planned" else ""
    return f"You stand in for {delegation.person.name}{since} until {wording.moment(delegation.ends_at)}"


def _stood_in(delegation: Delegation, event: Event) -> str:
    if event.name == "delegation.ended":
        return f"{delegation.stand_in.name} no longer votes for you"
    since = f" from {wording.moment(delegation.starts_at)}" if event.name == "delegation.planned" else ""
    return f"{delegation.stand_in.name} votes for you{since} until {wording.moment(delegation.ends_at)}"


def _scope_of(delegation: Delegation, event: Event) -> str:
    scope = f"It is about {stand_ins.scope_words(delegation, stand_ins.team_names())}."
    if event.name == "delegation.ended":
        return f"{scope} Votes that were given stay."
    waiting = len(inbox.requests_for(delegation.stand_in)) if event.name == "delegation.begun" else 0
    waits = f" {wording.plural(waiting, 'request')} in the inbox of {delegation.stand_in.name} now." if waiting else ""
    return f"{scope}{waits} {delegation.reason}".strip()


def _delegations(delegation: Delegation, event: Event) -> str:
    return reverse("approvals:delegations")


# Policies, the catalogue, stops

_OF_POLICY = {
    "policy.proposed": "is proposed",
    "policy.approved": "is approved",
    "policy.rejected": "was sent back",
    "policy.enacted": "is in force",
}


def _stopper(lift: Lift) -> list[User | None]:
    return [lift.stopped.blocked_by, getattr(lift.release, "manager", None)]


def _of_lift(lift: Lift, event: Event) -> str:
    return reverse("portal:inbox_item", args=[lift.requests.latest("pk").pk])


_ALL = [
    Kind(
        "vote-needed",
        "Your vote is needed",
        ("request.opened", "request.stage_reached", "request.reopened", "request.restored", *REMINDED),
        _request,
        _asked_now,
        _of_vote,
        _asked_by,
        _inbox,
        in_hours=REMINDED,
        until=_until,
    ),
    Kind(
        "escalated",
        "A vote of your team is missing and time runs out",
        ("request.escalated",),
        _request,
        lambda r, e: to.leads(r, e),
        _escalated,
        _asked_by,
        _inbox,
        in_hours=("request.escalated",),
        until=_until,
    ),
    Kind(
        "request-slow",
        "A request of yours is running out of time, or of people",
        ("request.escalated", "request.short_handed"),
        _request,
        lambda r, e: to.owners(r),
        _slow,
        _slow_because,
        _inbox,
    ),
    Kind(
        "retrospective",
        "An approval is owed after an emergency of yours",
        ("request.opened", "request.reminded_again"),
        _owed,
        lambda r, e: to.owners(r) if e.name == "request.opened" or e.payload.get("overdue") else set(),
        _owed_words,
        lambda r, e: f"It is due {wording.full(r.due_at)}." if e.name == "request.opened" else _asked_by(r, e),
        _inbox,
        even_to_actor=True,
    ),
    Kind(
        "stand-in",
        "You stand in for somebody",
        ("delegation.planned", "delegation.begun", "delegation.ended"),
        _delegation,
        lambda d, e: to.people([d.stand_in]),
        _standing_in,
        _scope_of,
        _delegations,
        sees=_sees_delegation,
    ),
    Kind(
        "delegation",
        "Somebody votes for you",
        ("delegation.planned", "delegation.begun", "delegation.ended"),
        _delegation,
        lambda d, e: to.people([d.person]),
        _stood_in,
        _scope_of,
        _delegations,
        sees=_sees_delegation,
    ),
    Kind(
        "vote-stale",
        "Your vote went stale",
        ("vote.invalidated",),
        _request,
        _invalidated_voter,
        lambda r, e: f"Your vote on {r.subject} no longer counts",
        _reason,
        _inbox,
        even_to_actor=True,
    ),
    Kind(
        "request-decided",
        "A request of yours was decided",
        ("request.approved", "request.rejected", "request.expired"),
        _request,
        lambda r, e: to.owners(r),
        lambda r, e: f"{r.subject}: request {e.name.split('.')[1]}",
        _reason,
        lambda r, e: kind_of(r.subject).url(r.subject),
        even_to_actor=True,
    ),
    Kind(
        "question",
        "A question on your request",
        ("question.asked",),
        _request,
        lambda r, e: to.owners(r),
        lambda r, e: f"{e.actor.name} asks about {r.subject}",
        lambda r, e: e.payload.get("text", ""),
        _inbox,
    ),
    Kind(
        "answer",
        "Your question was answered",
        ("question.answered",),
        _request,
        _asker,
        lambda r, e: f"{e.actor.name} answers on {r.subject}",
        lambda r, e: e.payload.get("text", ""),
        _inbox,
    ),
    Kind(
        "signoff-needed",
        "Tests wait for you",
        ("release.testing_started", "release.candidate_added", "release.signoffs_reminded"),
        _release,
        lambda r, e: to.testers_of(r) if r.state == "testing" else set(),
        lambda r, e: f"{r} {'still ' if e.name == 'release.signoffs_reminded' else ''}waits for test sign-offs",
        lambda r, e: _reason(r, e) or (f"Current candidate: {r.candidate.version}." if r.candidate else ""),
        lambda r, e: _approvals(r),
    ),
    Kind(
        "blocked",
        "A release of yours was blocked or unblocked",
        ("release.blocked", "release.unblocked"),
        _release,
        lambda r, e: to.crew_of(r),
        lambda r, e: f"{e.actor.name} {e.name.split('.')[1]} {r}",
        _reason,
    ),
    Kind(
        "standstill",
        "A candidate of yours is kept where it is, or may go on",
        ("release.progression_prevented", "release.progression_allowed"),
        _release,
        lambda r, e: to.crew_of(r),
        lambda r, e: (
            f"{e.actor.name} {'keeps' if e.name.endswith('prevented') else 'lets'} {r.product.name} "
            f"{e.payload['candidate']} {'where it is' if e.name.endswith('prevented') else 'go on'}"
        ),
        _reason,
        lambda r, e: reverse("deployments:tab", args=[r.product.slug, r.version]),
    ),
    Kind(
        "ready",
        "A release is ready to deploy",
        ("release.marked_ready",),
        _release,
        lambda r, e: to.crew_of(r),
        lambda r, e: f"{r} is ready to deploy",
        lambda r, e: (
            f"Window: {wording.span(r.window_starts_at, r.window_ends_at)}. Nothing ships until somebody starts it."
        ),
        even_to_actor=True,
    ),
    Kind(
        "window-opening",
        "A window opens soon",
        ("release.window_opening",),
        _release,
        lambda r, e: to.crew_of(r),
        lambda r, e: f"The window of {r} opens {wording.full(r.window_starts_at)}",
        lambda r, e: f"It is {r.get_state_display().lower()}.",
        even_to_actor=True,
    ),
    Kind(
        "deployment",
        "A deployment finished, failed or waits",
        (
            "deployment.succeeded",
            "deployment.failed",
            "deployment.paused",
            "deployment.awaiting",
            "deployment.rolled_back",
            "deployment.rollback_failed",
            "deployment.expired",
        ),
        _deployment,
        lambda d, e: to.shippers(d),
        _shipped,
        _detail,
        even_to_actor=True,
    ),
    Kind(
        "verification-word",
        "A verification waits for somebody to look",
        ("deployment.verifying",),
        _looked_at,
        lambda d, e: to.shippers(d) | to.deployers_of(d) | to.testers_of(d),
        lambda d, e: f"{d}: look, and say whether it is well",
        lambda d, e: "\n".join(f"{c.name}: {c.config['question']}" for c in manual_checks(d.environment)),
        lambda d, e: f"{d.get_absolute_url()}#says",
    ),
    Kind(
        "rollback-confirmation",
        "A rollback waits for your confirmation",
        ("deployment.succeeded", "deployment.failed", "deployment.aborted"),
        _owing,
        _confirmers,
        lambda d, e: f"Production of {d.release.product.name} was rolled back to {d.candidate.version}: confirm it",
        lambda d, e: d.reason,
        lambda d, e: reverse("deployments:confirm", args=[d.pk]),
    ),
    Kind(
        "step-ready",
        "A step of a runbook is yours now",
        ("step.ready",),
        _handed_over,
        lambda s, e: to.holders_of(s),
        lambda s, e: f"Your turn: “{s.name}” of {s.runbook}",
        lambda s, e: f"Planned for {wording.plural(s.planned_minutes, 'minute')}. {s.instructions[:300]}".strip(),
        even_to_actor=True,
    ),
    Kind(
        "step-trouble",
        "A step of a runbook is late, failed or was undone",
        ("step.late", "step.failed", "step.undone"),
        _step,
        _in_trouble,
        _trouble,
        _troubled_by,
    ),
    Kind(
        "runbook",
        "A runbook of yours started or is over",
        ("runbook.started", "runbook.finished", "runbook.aborted"),
        _runbook,
        lambda r, e: to.people([r.release.manager, r.created_by, r.started_by]),
        lambda r, e: f"{r}: {e.name.split('.')[1]}",
        _reason,
    ),
    Kind(
        "waiver-decided",
        "A waiver of yours was decided or lapses",
        ("waiver.granted", "waiver.refused", "waiver.lapsing", "waiver.lapsed"),
        _waiver,
        lambda w, e: to.people([w.requested_by, w.signoff.candidate.release.manager]),
        lambda w, e: f"Waiver of the {_waiver_of(w)} {_came(e)}",
        _about_waiver,
        lambda w, e: _approvals(w.signoff.candidate.release),
    ),
    Kind(
        "override-decided",
        "A freeze override of yours was decided or lapses",
        ("override.granted", "override.refused", "override.lapsing", "override.lapsed"),
        _override,
        lambda o, e: to.people([o.requested_by, o.release.manager]),
        lambda o, e: f"Override of {o.what} for {o.release} {_came(e)}",
        _about_override,
        lambda o, e: _approvals(o.release),
    ),
    Kind(
        "lift-asked",
        "Somebody asks to lift a stop of yours",
        ("lift.requested",),
        _lift,
        lambda x, e: to.people(_stopper(x)),
        lambda x, e: f"{e.actor.name} asks to lift the stop of {x.stopped}",
        _reason,
        _of_lift,
    ),
    Kind(
        "lift-decided",
        "The lifting of a stop was decided",
        ("lift.granted", "lift.refused", "lift.lapsed"),
        _lift,
        lambda x, e: to.people([x.requested_by, *_stopper(x)]),
        lambda x, e: f"{x} {e.name.split('.')[1]}",
        lambda x, e: e.payload.get("comment", "") or _reason(x, e),
        _of_lift,
        even_to_actor=True,
    ),
    Kind(
        "policy",
        "An approval policy changes",
        tuple(_OF_POLICY),
        _policy,
        lambda p, e: to.people([p.created_by]) | to.who_may("releases.manage_policies", None),
        lambda p, e: f"{p} {_OF_POLICY[e.name]}",
        lambda p, e: _reason(p, e) or p.note,
    ),
    Kind(
        "template-decided",
        "A standard change of yours was decided",
        ("template.approved", "template.rejected"),
        _template,
        lambda t, e: to.people([t.created_by]),
        lambda t, e: f"Standard change “{t.name}” {e.name.split('.')[1]}",
        _reason,
        even_to_actor=True,
    ),
    Kind(
        "meeting",
        "A board of yours meets, moves or is called off",
        ("meeting.announced", "meeting.moved", "meeting.cancelled"),
        _meeting,
        lambda m, e: to.board_of(m) if m.announced_at else set(),
        _invited,
        lambda m, e: _reason(m, e) or (f"Place: {m.place}." if m.place else ""),
        even_to_actor=True,
        sees=_sees_meeting,
        attach=_calendar_file,
    ),
    Kind(
        "meeting-open",
        "A board of yours is in session",
        ("meeting.opened",),
        _meeting,
        lambda m, e: to.concerned_by(m),
        lambda m, e: f"{m.board.name} is in session",
        lambda m, e: f"{e.actor.name} opened the meeting.",
        sees=_sees_meeting,
    ),
    Kind(
        "minutes",
        "Minutes of a board",
        ("meeting.closed",),
        _meeting,
        lambda m, e: to.concerned_by(m),
        lambda m, e: f"Minutes of {m}",
        _came_of,
        even_to_actor=True,
        sees=_sees_meeting,
    ),
    Kind(
        "item-deferred",
        "A board put a request of yours off",
        ("item.deferred",),
        _item,
        lambda i, e: to.owners(i.request),
        lambda i, e: f"{i.meeting.board.name} put {i.request.subject} off to its next meeting",
        _reason,
        lambda i, e: i.meeting.get_absolute_url(),
    ),
    Kind(
        "review",
        "A review is due",
        ("release.review_opened", "review.due", "review.reopened"),
        lambda e: _review_of(e),
        lambda r, e: to.people([r.release.manager, r.author]),
        lambda r, e: f"Review of {r.release} is due {wording.full(r.due_at)}",
        _reason,
        even_to_actor=True,
    ),
    Kind(
        "review-approval",
        "A review waits for your approval",
        ("review.submitted",),
        _review,
        lambda r, e: to.who_may("releases.approve_review", r, r.release.manager, r.author),
        lambda r, e: f"{e.actor.name} submits the review of {r.release}",
        lambda r, e: r.summary[:300],
    ),
    Kind(
        "action",
        "An action item is yours",
        ("action.added", "action.changed"),
        _of_payload(ActionItem, "action", "review__release__product", "owner"),
        _action_owner,
        lambda a, e: f"Action item: {a.title}",
        lambda a, e: f"Due {wording.day(a.due_on)}." if a.due_on else "",
        lambda a, e: f"{a.review.get_absolute_url()}#action-{a.pk}",
    ),
]


def _review_of(event: Event) -> Review | None:
    return (
        _review(event)
        if event.stream.startswith("review:")
        else _of_payload(Review, "review", "release__product", "release__manager", "author")(event)
    )


KINDS: dict[str, Kind] = {kind.slug: kind for kind in _ALL}
EVENTS: tuple[str, ...] = tuple(sorted({name for kind in _ALL for name in kind.events}))
