"""What is next for a release, who does it, and what is in the way: the line that tables and cards show.

Reads relations with `.all()` only, so that `prefetched()` lets a list ask once.
"""

from dataclasses import dataclass, field

from accounts.models import User
from approvals.states import RequestState, Verdict, VoteState
from core import gates, wording
from core.gates import Answer
from core.machine import Step
from releases.frame import DUE, due_step
from releases.models import Release
from releases.states import ReleaseState

S = ReleaseState
STEPS = sorted({*DUE.values(), "expedite"})
NOT_DUE = ("mark_released",)
OWN = (
    "deployments__environment",
    "deployments__started_by",
    "requests__rules",
    "requests__votes",
)


@dataclass(frozen=True)
class Next:
    """The next step of a release: `words` and `sub` are plain text, `person` does it, None when several may."""

    step: Step | None
    answers: list[Answer] = field(default_factory=list)
    words: str = ""
    sub: str = ""
    person: User | None = None

    @property
    def blocking(self) -> list[Answer]:
        return [a for a in self.answers if a.tone == "bad"]

    @property
    def tally(self) -> tuple[int, int, int, int]:
        """How many gates passed, are waived, block, and are not due yet: what a deployment still proves is not due."""
        tones = [a.tone for a in self.answers]
        passed, waived, bad = tones.count("ok"), tones.count("mute"), tones.count("bad")
        later = self.step is not None and self.step.name in NOT_DUE
        return passed, waived, 0 if later else bad, bad if later else 0

    @property
    def clear(self) -> bool:
        return not self.blocking

    @property
    def blockers(self) -> list:
        return [b for a in self.blocking for b in a.blockers]


def prefetched(releases):
    """The queryset with everything that `of()` reads, in a number of queries that does not grow with the rows."""
    lookups = [p for name in STEPS for p in gates.prefetches(f"release.{name}")]
    taken = {getattr(p, "prefetch_to", p) for p in lookups}
    return releases.select_related("product", "manager", "candidate").prefetch_related(
        *dict.fromkeys(lookups), *(p for p in OWN if p not in taken)
    )


def of(release: Release, reader: User | None = None) -> Next:
    """What is next. `reader` is called You in the words."""
    name = due_step(release)
    step = Release.machine.steps[name] if name else None
    answers = gates.answers(step.key, step.gates, release) if step else []
    words, sub, person = _words(release, step, answers)
    return Next(step, answers, _addressed(words, person, reader), sub, person)


def _words(release: Release, step: Step | None, answers: list[Answer]) -> tuple[str, str, User | None]:
    since = f"since {wording.day(release.state_since)}"
    if release.is_blocked:
        return f"{release.get_state_display()}, blocked: {release.blocked_reason}", since, release.blocked_by
    if release.state == S.ON_HOLD:
        return "{who} resumes it", since, release.manager
    if release.state == S.APPROVING:
        return _waiting_for_votes(release)
    if release.state == S.DEPLOYING:
        return _deploying(release)
    blockers = [b for a in answers if a.tone == "bad" for b in a.blockers]
    if blockers:
        more = f"and {wording.plural(len(blockers) - 1, 'more blocker')}" if len(blockers) > 1 else since
        return blockers[0].message, more, release.manager
    return _free(release, step, since)


def _free(release: Release, step: Step | None, since: str) -> tuple[str, str, User | None]:
    if step is None or (step.automatic and release.state != S.READY):
        return release.get_state_display(), since, None
    if release.state == S.READY:
        return "{who} starts the deployment", "everything is clear", release.manager
    return "{who}: " + step.label[0].lower() + step.label[1:], "everything is clear", release.manager


def _waiting_for_votes(release: Release) -> tuple[str, str, User | None]:
    request = next(
        (r for r in release.requests.all() if r.state == RequestState.PENDING and not r.is_retrospective), None
    )
    if request is None:
        return "Waits for its approval", f"since {wording.day(release.state_since)}", None
    labels = [rule.label for rule in request.rules.all() if _given(request, rule.who) < rule.need]
    due = f"due {wording.near(request.due_at)}"
    if not labels:
        return "The approval is being settled", due, None
    return f"{wording.listed(labels)} {'approves' if len(labels) == 1 else 'approve'}", due, None


def _given(request, who: str) -> int:
    """Approving votes that could fill a rule. Who fits several rules shows in each: the request itself counts exactly."""
    return sum(
        1
        for v in request.votes.all()
        if v.state == VoteState.CAST and v.verdict == Verdict.APPROVE and who in v.counts_for
    )


def _deploying(release: Release) -> tuple[str, str, User | None]:
    live = next((d for d in release.deployments.all() if d.is_live), None)
    if live is None:
        return "The deployment is being settled", f"since {wording.day(release.state_since)}", None
    words = "{who} decides on the paused deployment" if live.state == "paused" else "{who} watches the deployment"
    return words, f"{live.environment.name}, {live.get_state_display().lower()}", live.started_by or release.manager


def _addressed(words: str, person: User | None, reader: User | None) -> str:
    """`{who}` becomes the first name, or You with the verb turned."""
    if "{who}" not in words:
        return words
    if person is None:
        return words.replace("{who}: ", "").replace("{who} ", "Somebody ")
    if reader is not None and person.pk == reader.pk:
        return _to_you(words)
    return words.replace("{who}", person.first)


def _to_you(words: str) -> str:
    for third, second in (("resumes", "resume"), ("starts", "start"), ("decides", "decide"), ("watches", "watch")):
        words = words.replace("{who} " + third, "You " + second)
    return words.replace("{who}", "You")
