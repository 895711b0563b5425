"""Doors of a standstill: a candidate is kept where it is, and let go on by somebody with another right."""

from django.utils import timezone

from accounts import policy
from accounts.models import User
from core import texts
from core.blockers import Blocker, refuse, refuse_if
from core.events import record
from core.locking import locked
from deployments.models import Standstill
from releases.models import Candidate, Release

PREVENT = "releases.block_release"
ALLOW = "releases.unblock_release"


def prevent_progression(candidate_id: int, *, actor: User, reason: str) -> Standstill:
    """Let a candidate enter no environment of a phase that it has not reached. What is under way goes on.

    Raises Candidate.DoesNotExist, Http404/PermissionDenied, or Refused (no reason, stopped already).
    """
    release_id = Candidate.objects.values_list("release_id", flat=True).get(pk=candidate_id)
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, PREVENT, release)
        candidate = release.candidates.get(pk=candidate_id)
        refuse_if(_reason_missing(reason, "Say why: those who may let it go on will ask."))
        standing = candidate.standstills.filter(ended_at__isnull=True).select_related("begun_by").first()
        if standing:
            refuse("stopped-already", f"{standing.begun_by} stopped {candidate} already: {standing.reason}")
        made = Standstill.objects.create(candidate=candidate, reason=reason.strip(), begun_by=actor)
        record("release.progression_prevented", release, actor=actor, candidate=candidate.version, reason=made.reason)
    return made


def allow_progression(candidate_id: int, *, actor: User, reason: str) -> Standstill:
    """End the standstill of a candidate; a person answers for that. Raises as prevent_progression, and Refused where nobody
    stopped it."""
    release_id = Candidate.objects.values_list("release_id", flat=True).get(pk=candidate_id)
    with locked(Release.objects.select_related("product"), release_id) as release:
        policy.require(actor, ALLOW, release)
        policy.require_person(actor)
        candidate = release.candidates.get(pk=candidate_id)
        refuse_if(_reason_missing(reason, "Say why it may go on: it stays in the record."))
        standing = candidate.standstills.filter(ended_at__isnull=True).first()
        if standing is None:
            refuse("not-stopped", f"Nobody stopped {candidate}.")
        standing.ended_by, standing.ended_at, standing.ended_because = actor, timezone.now(), reason.strip()
        standing.save()
        record(
            "release.progression_allowed",
            release,
            actor=actor,
            candidate=candidate.version,
            reason=standing.ended_because,
            was=standing.reason,
        )
    return standing


def _reason_missing(reason: str, message: str) -> list[Blocker]:
    if not reason.strip():
        return [Blocker("reason", message, field="reason")]
    return texts.unfit(reason, "reason")
