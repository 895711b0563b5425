"""What stands around every page of one release: title, badges, stages, next action, menu, tabs.

`of(request, release, tab)` gives the context of `templates/releases/_frame.html`, which each tab page extends.
"""

from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from accounts import policy
from core import gates, wording
from core.blockers import Blocker
from core.events import stream_of
from core.models import Event
from releases.guards import address, lift_address, page, standing
from releases.models import Release
from releases.states import FINISHED, PLAN_EDITABLE, ReleaseState, Stage

# The state → the step that is due in it. An emergency release takes the short way where there is one.
DUE = {
    "draft": "plan",
    "planned": "start_build",
    "building": "start_testing",
    "testing": "request_approval",
    "approving": "mark_ready",
    "ready": "start_deploying",
    "deploying": "mark_released",
    "released": "open_review",
    "rolled_back": "open_review",
    "review": "close",
    "on_hold": "resume",
}
SHORT_WAY = ("draft", "planned", "building", "testing")
ICONS = {
    "plan": "check",
    "start_build": "branch",
    "start_testing": "flask",
    "request_approval": "scale",
    "expedite": "bolt",
    "start_deploying": "deploy",
    "close": "book",
    "resume": "right",
    "hold": "pause",
    "cancel": "x-circle",
    "reopen_plan": "undo",
}
# Steps that are taken on a page of another room: its name and the words of the link to it.
ELSEWHERE = {
    "request_approval": ("approvals:request_release", "Request approval"),
    "expedite": ("approvals:request_release", "Request emergency approval"),
    "mark_ready": ("approvals:tab", "Open the approvals"),
    "start_deploying": ("deployments:tab", "Start deployment"),
    "mark_released": ("deployments:tab", "Watch the deployment"),
}
ENTERS = {
    "release.drafted": Stage.PLANNING,
    "release.plan_reopened": Stage.PLANNING,
    "release.build_started": Stage.BUILD,
    "release.testing_started": Stage.TESTING,
    "release.candidate_added": None,
    "release.approval_requested": Stage.APPROVAL,
    "release.expedited": Stage.APPROVAL,
    "release.deploying_started": Stage.DEPLOYMENT,
    "release.released": Stage.REVIEW,
    "release.rolled_back": Stage.REVIEW,
    "release.closed": Stage.CLOSED,
    "release.cancelled": Stage.CLOSED,
}


@dataclass(frozen=True)
class Action:
    """One thing to do with the release: where it is done and why not now.

    `posts` tells that the address acts at once on POST, `page` that it asks for more than a reason; else it is a page that asks for
    one. `only` says who may, where the reader may not.
    """

    name: str
    label: str
    url: str
    icon: str
    blockers: tuple[Blocker, ...] = ()
    only: str = ""
    posts: bool = False
    page: bool = False
    danger: bool = False
    answers: tuple[gates.Answer, ...] = ()

    @property
    def possible(self) -> bool:
        return not self.blockers and not self.only


def of(request: HttpRequest, release: Release, tab: str = "") -> dict:
    """The frame's context for the page `tab` ("overview", "scope", "candidates", "approvals", …). A constant number of queries.

    Keys: release, product, frame = {trail, stage, notes, held, hold, taken_back, next, blocking, menu, tabs,
    lift_product, may_plan, may_comment}.
    """
    may = _asker(request.user, release)
    due = next_action(release, may)
    return {
        "release": release,
        "product": release.product,
        "frame": {
            "trail": _trail(release),
            "stage": list(Stage).index(release.stage) + 1,
            "notes": _notes(release),
            "held": release.state == ReleaseState.ON_HOLD,
            "hold": _hold(release),
            "taken_back": taken_back(release),
            "next": due,
            "blocking": len([a for a in due.answers if not a.clear]) if due else 0,
            "menu": _menu(release, may, due),
            "tabs": _tabs(release, tab),
            "lift_product": _lift_product(release, may),
            "may_plan": may("releases.plan_release") and standing(release) in PLAN_EDITABLE,
            "may_comment": may("releases.comment"),
        },
    }


def _asker(user, release: Release):
    return lambda right: policy.may(user, right, release)


def due_step(release: Release) -> str:
    """The name of the step that is due, "" when the release is at its end."""
    state = str(release.state)
    return "expedite" if release.is_emergency and state in SHORT_WAY else DUE.get(state, "")


def next_action(release: Release, may) -> Action | None:
    """The step that is due now with its gates' answers; None for a finished release. `may(right)` asks for the reader."""
    name = due_step(release)
    if not name:
        return None
    step = Release.machine.steps[name]
    answers = tuple(gates.answers(step.key, step.gates, release))
    page, label = _elsewhere(release, name)
    return Action(
        name=name,
        label=label or step.label,
        url=page or address("step", release, name),
        icon=ICONS.get(name, "right"),
        blockers=tuple(b for a in answers for b in a.blockers) if not _is_link(name) else (),
        only="" if _is_link(name) or not step.right or may(step.right) else policy.refusal_text(step.right),
        posts=not page and not step.reason,
        answers=answers,
    )


def _is_link(name: str) -> bool:
    """Steps that the system takes, or that a review ends in: their page shows what they wait for, and is always open."""
    return name in ("mark_ready", "mark_released", "open_review", "close")


def _elsewhere(release: Release, name: str) -> tuple[str, str]:
    if name in ("open_review", "close"):
        review = getattr(release, "review_of", None)
        url = page("reviews:review", review.pk) if review else page("reviews:reviews")
        return url, "Write the review" if name == "open_review" or review is None else "Open the review"
    if name in ELSEWHERE:
        view, label = ELSEWHERE[name]
        return page(view, release.product.slug, release.version), label
    return "", ""


def _menu(release: Release, may, due: Action | None) -> list[Action]:
    """The other steps, each with a page that asks for the reason or says who may."""
    steps = [s for s in Release.machine.from_state(release.state) if not s.automatic and s.reason]
    actions = [
        Action(
            s.name,
            s.label,
            address("step", release, s.name),
            ICONS.get(s.name, "right"),
            only="" if may(s.right) else policy.refusal_text(s.right),
            danger=s.tone == "bad",
        )
        for s in steps
        if due is None or s.name != due.name
    ]
    if release.state not in FINISHED:
        actions.insert(0, _block(release, may))
    return actions


def _block(release: Release, may) -> Action:
    """Who may stop it may also ask to lift the stop, which others then agree to."""
    only = "" if may("releases.block_release") else policy.refusal_text("releases.block_release")
    if release.is_blocked:
        return Action("lift", "Lift the block", lift_address(release), "check", only=only, page=True)
    return Action("block", "Block at once", address("block", release), "stop", only=only, danger=True)


def _lift_product(release: Release, may) -> str:
    """Where the reader may ask to lift the stop of the whole product; "" where there is none, or not for them."""
    return lift_address(release.product) if release.product.is_blocked and may("releases.block_release") else ""


def _trail(release: Release) -> list[tuple[str, str]]:
    product = release.product
    return [
        ("Releases", reverse("releases:releases")),
        (product.name, page("portal:product", product.slug)),
        (release.version, ""),
    ]


def _tabs(release: Release, current: str) -> list[tuple[str, str, int | None, bool]]:
    args = [release.product.slug, release.version]
    rows = [
        ("overview", "Overview", "portal:release", None),
        ("scope", "Scope", "releases:scope", release.changes.count()),
        ("candidates", "Candidates", "releases:candidates", release.candidates.count()),
        ("approvals", "Approvals", "approvals:tab", None),
        ("deployments", "Deployments", "deployments:tab", None),
        ("runbook", "Runbook", "deployments:runbook", None),
        ("risks", "Risks", "releases:risks", release.risks.count()),
        ("rollback", "Rollback", "releases:rollback", None),
        ("notes", "Notes", "releases:notes", None),
        ("log", "Log", "portal:release_log", None),
    ]
    return [(word, page(name, *args), count, slug == current) for slug, word, name, count in rows if page(name, *args)]


def _notes(release: Release) -> list[str]:
    """One line per stage: when it was entered, since when it lasts, when it is planned."""
    entered = _entered(release)
    here = list(Stage).index(release.stage)
    return [_note(release, stage, entered.get(stage), index, here) for index, stage in enumerate(Stage)]


def _note(release: Release, stage: Stage, at, index: int, here: int) -> str:
    if index > here:
        planned = stage == Stage.DEPLOYMENT and release.window_starts_at
        return f"planned {wording.day(release.window_starts_at)}" if planned else ""
    if at is None:
        return ""
    if index == here and release.state not in FINISHED:
        return f"since {wording.day(at)}, {wording.relative(at)}"
    return wording.day(at)


def taken_back(release: Release) -> bool:
    """Whether what was released runs no longer: it was rolled back, also where the review has followed since."""
    if release.state == ReleaseState.ROLLED_BACK:
        return True
    if release.state not in (ReleaseState.REVIEW, ReleaseState.CLOSED):
        return False
    told = Event.objects.filter(stream=stream_of(release), name__in=("release.released", "release.rolled_back"))
    return told.order_by("-seq").values_list("name", flat=True).first() == "release.rolled_back"


def _hold(release: Release) -> Event | None:
    """The event that put a release on hold: who did it, and why; None for one that is not held."""
    if release.state != ReleaseState.ON_HOLD:
        return None
    events = Event.objects.filter(stream=stream_of(release), name="release.held").select_related("actor")
    return events.order_by("-seq").first()


def _entered(release: Release) -> dict[Stage, object]:
    """{stage: instant of its last beginning}, from the release's events."""
    found = {Stage.PLANNING: release.created_at}
    rows = Event.objects.filter(stream=stream_of(release), name__in=ENTERS).order_by("seq")
    for name, at, payload in rows.values_list("name", "at", "payload"):
        stage = ENTERS[name]
        if stage is None and payload.get("state") == ReleaseState.TESTING:
            stage = Stage.TESTING
        if stage is not None:
            found[stage] = at
    return found
