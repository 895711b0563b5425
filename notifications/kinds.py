"""What people are told, of which event, in which words: one table."""

from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse

from accounts import policy
from accounts.models import User
from approvals import agenda, invitation
from approvals.models import AgendaItem, ApprovalRequest, FreezeOverride, Meeting, Waiver
from approvals.querysets import SUBJECTS
from core import wording
from core.models import Event
from deployments.models import Deployment
from notifications import recipients as to
from releases.models import Release
from reviews.models import ActionItem, Review


def _sees(user: User, about) -> bool:
    return policy.may(user, "releases.view_product", about)


@dataclass(frozen=True)
class Kind:
    """One kind of notification: `read(event)` finds what it is about (None: nothing to tell); the others say to whom and how.

    `sees` says whether a person may see what it is about; `attach` gives a file for the mail: (name, content, MIME type).
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


def _of_stream(model, *related: str):
    def read(event: Event):
        return model.objects.select_related(*related).filter(pk=event.stream.split(":")[1]).first()

    return read


def _of_payload(model, name: str, *related: str):
    def read(event: Event):
        return model.objects.select_related(*related).filter(pk=event.payload.get(name)).first()

    return read


_release = _of_stream(Release, "product", "manager", "created_by")
_request = _of_stream(ApprovalRequest, *SUBJECTS, "change__release__manager", "requester")
_waiver = _of_stream(Waiver, "signoff__candidate__release__product", "requested_by")
_override = _of_stream(FreezeOverride, "release__product", "release__manager", "freeze", "requested_by")
_deployment = _of_stream(
    Deployment, "release__product", "release__manager", "environment", "candidate", "started_by", "created_by"
)
_meeting = _of_stream(Meeting, "board__chair", "chaired_by")
_item = _of_stream(AgendaItem, "meeting__board", "request__release__product", "request__change__product")
_review = _of_stream(Review, "release__product", "release__manager", "author")


def _inbox(request: ApprovalRequest, event: Event) -> str:
    return reverse("portal:inbox_item", args=[request.pk])


def _approvals(release: Release) -> str:
    return reverse("approvals:tab", args=[release.product.slug, release.version])


def _reason(about, event: Event) -> str:
    return event.payload.get("reason", "")


def _detail(deployment: Deployment, event: Event) -> str:
    return event.payload.get("reason", "") or deployment.detail


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


_ALL = [
    Kind(
        "vote-needed",
        "Your vote is needed",
        ("request.opened", "request.reopened", "request.restored", "request.reminded"),
        _request,
        lambda r, e: to.voters(r),
        lambda r, e: (
            f"{'Still waiting: your' if e.name == 'request.reminded' else 'Your'} vote is needed on {r.subject}"
        ),
        lambda r, e: f"{e.actor.name} asks under “{r.policy_name}”. It expires {wording.full(r.due_at)}.",
        _inbox,
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
        lambda r, e: r.subject.get_absolute_url(),
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
            "deployment.rolled_back",
            "deployment.rollback_failed",
            "deployment.expired",
        ),
        _deployment,
        lambda d, e: to.shippers(d),
        lambda d, e: (
            f"{d.release.product.name} {d.candidate.version} to {d.environment.name}: {e.name.split('.')[1].replace('_', ' ')}"
        ),
        _detail,
        even_to_actor=True,
    ),
    Kind(
        "waiver-asked",
        "A waiver waits for your decision",
        ("waiver.requested",),
        _waiver,
        lambda w, e: to.who_may("releases.waive_tests", w, w.requested_by),
        lambda w, e: f"{e.actor.name} asks to waive the {_waiver_of(w)}",
        lambda w, e: w.reason,
        lambda w, e: _approvals(w.signoff.candidate.release),
    ),
    Kind(
        "waiver-decided",
        "A waiver of yours was decided or lapses",
        ("waiver.granted", "waiver.refused", "waiver.lapsing", "waiver.lapsed"),
        _waiver,
        lambda w, e: to.people([w.requested_by, w.signoff.candidate.release.manager]),
        lambda w, e: (
            f"Waiver of the {_waiver_of(w)} {'lapses soon' if e.name == 'waiver.lapsing' else e.name.split('.')[1]}"
        ),
        lambda w, e: f"It ends {wording.full(w.expires_at)}.",
        lambda w, e: _approvals(w.signoff.candidate.release),
    ),
    Kind(
        "override-asked",
        "A freeze override waits for your decision",
        ("override.requested",),
        _override,
        lambda o, e: to.who_may("releases.override_freeze", o, o.requested_by),
        lambda o, e: f"{e.actor.name} asks to let {o.release} through {o.freeze.name}",
        lambda o, e: o.reason,
        lambda o, e: _approvals(o.release),
    ),
    Kind(
        "override-decided",
        "A freeze override of yours was decided",
        ("override.granted", "override.refused"),
        _override,
        lambda o, e: to.people([o.requested_by, o.release.manager]),
        lambda o, e: f"Override of {o.freeze.name} for {o.release} {e.name.split('.')[1]}",
        lambda o, e: o.comment,
        lambda o, e: _approvals(o.release),
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
