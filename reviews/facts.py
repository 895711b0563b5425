"""What a review knows by itself: collected from events, deployments, sign-offs, waivers, overrides and votes of the release."""

from collections.abc import Iterable

from approvals.models import FreezeOverride, Signoff, Vote, Waiver
from approvals.states import GrantState
from core.events import stream_of
from core.models import Event
from deployments.models import Deployment
from deployments.states import DeploymentState
from releases.models import Release

TIMELINE_AT_MOST = 200
STEPS = (
    "release.drafted", "release.planned", "release.build_started", "release.testing_started", "release.approval_requested",
    "release.expedited", "release.marked_ready", "release.deploying_started", "release.deploying_stopped", "release.released",
    "release.rolled_back", "release.plan_reopened", "release.held", "release.resumed", "release.blocked", "release.unblocked",
    "release.candidate_added",
)  # fmt: skip


def collect(release: Release) -> dict:
    """{timeline, planned, deployments, signoffs, waivers, overrides, votes, incidents}: JSON-able, instants in ISO 8601 UTC."""
    deployments = list(release.deployments.select_related("environment", "candidate", "started_by").order_by("pk"))
    return {
        "timeline": _timeline(release),
        "window": {"starts_at": _iso(release.window_starts_at), "ends_at": _iso(release.window_ends_at)},
        "released_at": _iso(release.released_at),
        "in_window": _in_window(release),
        "changes": [
            {"key": c.key, "title": c.title, "type": c.type, "state": c.state} for c in release.changes.order_by("pk")
        ],
        "candidates": release.candidates.count(),
        "deployments": [_deployment(d) for d in deployments],
        "incidents": [_deployment(d) for d in deployments if d.state in _WENT_WRONG],
        "signoffs": _signoffs(release),
        "waivers": _exemptions(Waiver.objects.filter(signoff__candidate__release=release), "signoff"),
        "overrides": _exemptions(FreezeOverride.objects.filter(release=release), "freeze"),
        "votes": _votes(release),
    }


_WENT_WRONG = {
    DeploymentState.FAILED,
    DeploymentState.ROLLED_BACK,
    DeploymentState.ROLLBACK_FAILED,
    DeploymentState.ABORTED,
}


def _timeline(release: Release) -> list[dict]:
    events = Event.objects.filter(stream=stream_of(release), name__in=STEPS).select_related("actor").order_by("seq")
    return [
        {"name": e.name, "at": _iso(e.at), "by": e.actor.name, "reason": e.payload.get("reason", "")}
        for e in events[:TIMELINE_AT_MOST]
    ]


def _in_window(release: Release) -> bool | None:
    """Whether it went live inside the planned window; None while that cannot be said."""
    if not (release.released_at and release.window_starts_at):
        return None
    return release.window_starts_at <= release.released_at <= release.window_ends_at


def _deployment(d: Deployment) -> dict:
    took = (d.ended_at - d.started_at).total_seconds() if d.started_at and d.ended_at else None
    return {
        "id": d.pk, "environment": d.environment.name, "candidate": d.candidate.version, "kind": d.kind, "state": d.state,
        "started_at": _iso(d.started_at), "ended_at": _iso(d.ended_at), "took_s": took, "detail": d.detail or d.reason,
        "by": d.started_by.name if d.started_by else "",
    }  # fmt: skip


def _signoffs(release: Release) -> list[dict]:
    found = Signoff.objects.filter(candidate=release.candidate_id).select_related("signed_by")
    return [{"kind": s.kind, "state": s.state, "by": s.signed_by.name if s.signed_by else ""} for s in found]


def _exemptions(found: Iterable[Waiver | FreezeOverride], subject: str) -> list[dict]:
    granted = found.filter(state__in=[GrantState.GRANTED, GrantState.LAPSED]).select_related(
        "requested_by", "decided_by", subject
    )
    return [
        {
            "what": str(getattr(e, subject)), "reason": e.reason, "requested_by": e.requested_by.name,
            "decided_by": e.decided_by.name if e.decided_by else "", "expires_at": _iso(e.expires_at),
        }
        for e in granted
    ]  # fmt: skip


def _votes(release: Release) -> list[dict]:
    found = Vote.objects.filter(request__release=release).select_related("person", "seat").order_by("pk")
    return [
        {
            "by": v.person.name, "for": v.seat.name if v.is_stand_in else "", "verdict": v.verdict, "state": v.state,
            "at": _iso(v.cast_at), "comment": v.comment,
        }
        for v in found
    ]  # fmt: skip


def _iso(instant) -> str | None:
    return instant.isoformat() if instant else None
