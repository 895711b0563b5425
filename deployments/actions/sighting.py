"""The door for what was put into an environment without Slipway: told by a report, or found by asking the service itself."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from accounts.models import User
from approvals.actions.unauthorised import ask_afterwards
from core import texts
from core.blockers import refuse
from core.events import record, stream_of
from core.models import Event
from core.wording import full
from deployments import identity, where
from deployments.models import Deployment, Sighting
from deployments.states import HOLDS_ENVIRONMENT, DeploymentState, Source
from releases.models import Candidate, Environment, Product
from releases.states import ReleaseState
from releases.steps import COMMIT, discover_change

REPORT = "releases.report_deployments"
SKEW = timedelta(minutes=5)
EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)  # before that it is no clock that speaks
LENGTHS = {"version": 80, "artifact": 500, "event_id": 2_000}
APPROVED = (
    ReleaseState.READY,
    ReleaseState.DEPLOYING,
    ReleaseState.RELEASED,
    ReleaseState.REVIEW,
    ReleaseState.CLOSED,
)


@dataclass(frozen=True)
class Report:
    """What came of a report: `recorded`; `repeated` (the same was reported before); `known` (Slipway knew, so no sighting)."""

    outcome: str
    environment: Environment
    sighting: Sighting | None = None


@dataclass(frozen=True)
class Word:
    """What somebody says was put there. `version` is "" when the service was taken out."""

    version: str
    commit: str
    digest: str
    artifact: str
    at: datetime
    source: str
    event_id: str
    candidate: Candidate | None


def report_deployment(
    environment_id: int,
    *,
    actor: User,
    version: str,
    commit: str = "",
    artifact: str = "",
    at: datetime | None = None,
    source: str = Source.API,
    event_id: str = "",
) -> Report:
    """Take down that a version was put into an environment outside of Slipway, or, without one, out of it.

    A version may also be told by a commit or an artifact. The candidate is recognised by the artifact's digest, the commit (7
    digits or more) or the version. What Slipway itself put or is putting there, and what is known to run, changes nothing;
    neither does a repeat with the same `event_id`. In production, what no approved release brings opens an unauthorised change.
    Raises Environment.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit: an instant more than
    five minutes ahead, a text that is no commit.
    """
    with _entered(environment_id) as environment:
        policy.require(actor, REPORT, environment)
        key = _key(event_id)
        if key and (earlier := environment.sightings.filter(event_id=key).first()):
            return Report("repeated", environment, earlier)
        if key and _was_known(environment, key):
            return Report("known", environment)
        word = _read(environment, version, commit, artifact, at, source, key)
        return _take_down(environment, word, actor)


def note_drift(environment_id: int, *, version: str) -> Report:
    """Take down the version that a service itself answers with, where it is another than the known one. In the system's name."""
    with _entered(environment_id) as environment:
        word = _read(environment, version, "", "", None, Source.PROBE, "")
        return _take_down(environment, word, system_user())


@contextmanager
def _entered(environment_id: int) -> Iterator[Environment]:
    """The door's transaction: the product, whose lock numbers changes, then the environment."""
    product_id = Environment.objects.values_list("product_id", flat=True).get(pk=environment_id)
    with transaction.atomic(durable=True):
        product = Product.objects.select_for_update(no_key=True).get(pk=product_id)
        environment = Environment.objects.select_for_update(of=("self",), no_key=True).get(pk=environment_id)
        environment.product = product
        yield environment


def _key(event_id: str) -> str:
    """The event's id as it is kept: itself, or its digest when it is long."""
    text = _fit(event_id, "event_id")
    return text if len(text) <= 200 else "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _fit(text: str, field: str) -> str:
    text = texts.fit(text, field)
    if len(text) > LENGTHS[field]:
        refuse("too-long", f"It has {len(text):,} characters; at most {LENGTHS[field]:,} are kept.", field=field)
    return text


def _read(environment, version, commit, artifact, at, source, event_id) -> Word:
    version, artifact = _fit(version, "version"), _fit(artifact, "artifact")
    commit = commit.strip().lower()
    if commit and not identity.COMMIT.fullmatch(commit):
        refuse("commit-invalid", "Give the commit's id: 7 to 64 digits of 0 to 9 and a to f.", field="commit")
    named = identity.artifact_of(artifact)
    version = version or named.version[: LENGTHS["version"]]
    candidate = identity.candidate_of(environment.product, version=version, commit=commit, digest=named.digest)
    said = identity.shown(version, named.digest, candidate) or commit[:12] or artifact[: LENGTHS["version"]]
    return Word(said, commit, named.digest, artifact, _instant(at), source, event_id, candidate)


def _instant(at: datetime | None) -> datetime:
    now = timezone.now()
    if at is not None and at < EARLIEST:
        refuse("too-early", "No deployment is older than 1970. Give the instant of the deployment.", field="at")
    if at is not None and at > now + SKEW:
        refuse(
            "in-future",
            f"{full(at)} has not come yet. Give the instant of the deployment; a clock may be five minutes fast.",
            field="at",
        )
    return min(at or now, now)


def _take_down(environment: Environment, word: Word, actor: User) -> Report:
    before = where.running_at(environment, word.at)
    if _is_own(environment, word) or _is_known(before, word):
        _remember(environment, word, actor)
        return Report("known", environment)
    change = None
    if environment.is_production and not _is_approved(environment, word.candidate):
        change = _open_change(environment, word, before, actor)
    sighting = Sighting.objects.create(
        environment=environment,
        version=word.version,
        commit=word.commit,
        artifact=word.artifact,
        candidate=word.candidate,
        at=word.at,
        source=word.source,
        event_id=word.event_id,
        reported_by=actor,
        change=change,
    )
    record(
        "environment.sighted",
        environment,
        actor=actor,
        sighting=sighting.pk,
        version=word.version,
        candidate=word.candidate.pk if word.candidate else None,
        was=before.version if before else "",
        at=word.at,
        source=word.source,
        tier=environment.tier,
        change=change.key if change else "",
    )
    return Report("recorded", environment, sighting)


def _remember(environment: Environment, word: Word, actor: User) -> None:
    """Keep the id of a report that made no sighting: its repeat, when something else runs there, is no news either."""
    if word.event_id:
        told = {"version": word.version, "at": word.at, "source": word.source, "event_id": word.event_id}
        record("environment.report_known", environment, actor=actor, **told)


def _was_known(environment: Environment, key: str) -> bool:
    told = Event.objects.filter(stream=stream_of(environment), name="environment.report_known")
    return told.filter(payload__event_id=key).exists()


def _is_own(environment: Environment, word: Word) -> bool:
    """Whether a deployment by Slipway says the same: it holds the environment with that candidate, or was verified around then."""
    if word.candidate is None:
        return False
    holds = Q(state__in=HOLDS_ENVIRONMENT)
    around = Q(verified_at__gte=word.at - SKEW)
    own = environment.deployments.filter(candidate=word.candidate, started_at__lte=word.at + SKEW)
    return own.filter(holds | around).exists()


def _is_known(before: where.Running | None, word: Word) -> bool:
    """Whether that is what ran there already."""
    if before is None or before.is_nothing:
        return not word.version
    if word.candidate or before.candidate:
        return word.candidate == before.candidate
    return word.version == before.version


def _is_approved(environment: Environment, candidate: Candidate | None) -> bool:
    """Whether this very candidate was approved for production, and was not taken back from there since."""
    if candidate is None or candidate.release.candidate_id != candidate.pk:
        return False
    return candidate.release.state in APPROVED and not _was_taken_back(environment, candidate)


def _was_taken_back(environment: Environment, candidate: Candidate) -> bool:
    forward = environment.deployments.filter(candidate=candidate, rolls_back__isnull=True, started_at__isnull=False)
    last: Deployment | None = forward.order_by("-started_at", "-pk").first()
    return last is not None and last.state == DeploymentState.ROLLED_BACK


def _open_change(environment: Environment, word: Word, before: where.Running | None, actor: User):
    """An unauthorised change for what was found; its approval is asked for in retrospect. The product is locked."""
    change = discover_change(
        environment.product,
        actor=actor,
        title=_title(environment, word),
        description=_description(word, before, actor),
        commits=_commits(word),
    )
    ask_afterwards(change, actor)
    return change


def _title(environment: Environment, word: Word) -> str:
    if not word.version:
        return f"{environment.product} was taken out of {environment} without an approved change"
    return f"{word.version} entered {environment} without an approved change"


def _description(word: Word, before: where.Running | None, actor: User) -> str:
    said = Source(word.source).label
    facts = [
        f"Seen: {full(word.at)}, by {actor}"
        + (f" ({said})." if word.source != Source.PROBE else ": the service itself says so."),
        f"Ran there before: {before.version}."
        if before and before.version
        else "Nothing was known to run there before.",
        _why_unapproved(word),
        f"Artifact: {word.artifact}" if word.artifact else "",
        f"Commit: {word.commit}" if word.commit else "",
    ]
    return "\n\n".join(fact for fact in facts if fact)


def _why_unapproved(word: Word) -> str:
    if not word.version:
        return "Nothing in Slipway asked for it to be taken out."
    if word.candidate is None:
        return "It is no candidate of any release."
    release = word.candidate.release
    if release.candidate_id != word.candidate.pk:
        return f"It is an earlier candidate of {release}, and not the one that its approval is about."
    if release.state in APPROVED:
        return f"It was rolled back from there before: {release}."
    return f"{release} was not approved for production then: it is {release.get_state_display().lower()}."


def _commits(word: Word) -> list[str]:
    """Full ids alone: what a change keeps."""
    commit = word.candidate.commit if word.candidate else word.commit
    return [commit] if COMMIT.fullmatch(commit) else []
