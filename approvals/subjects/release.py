"""A release: may this candidate go to production?"""

from django.core.exceptions import ObjectDoesNotExist

from approvals.states import Facet, GrantState, SignoffState, Subject
from approvals.subjects import parts
from approvals.subjects.kind import Facts, Kind, Stance, address, highest_tier
from releases.states import WENT_LIVE, ReleaseState, RiskBand

PARTS = (
    "changes",
    "risks__owner",
    "rollback_plan__owner",
    "candidate__signoffs__waivers",
    "dependencies__needs__product",
    *parts.CONFIGURATION,
)
CAME_BACK = (ReleaseState.DRAFT, ReleaseState.PLANNED, ReleaseState.BUILDING)
NOT_ASKED_NOW = (ReleaseState.TESTING, ReleaseState.ON_HOLD)


def facts(release) -> Facts:
    return Facts(
        Subject.RELEASE.value,
        product=release.product_id,
        strategy=release.strategy,
        risk=parts.band_of_release(release),
        tier=highest_tier(release.product),
        size=len(release.changes.all()),
        in_freeze=parts.touches_freeze(release, release.freeze_table.all()),
        emergency=release.is_emergency,
    )


def content(release) -> dict[str, dict]:
    return {
        Facet.SCOPE.value: {
            "version": release.version,
            "strategy": release.get_strategy_display(),
            "objective": release.objective,
            "changes": [_change_row(c) for c in sorted(release.changes.all(), key=lambda c: c.key)],
            "dependencies": sorted(
                (
                    {"key": str(d.needs), "text": "must ship first" if d.must_ship_first else "may ship later"}
                    for d in release.dependencies.all()
                ),
                key=lambda row: row["key"],
            ),
        },
        Facet.ARTIFACT.value: artifact(release.candidate),
        Facet.WINDOW.value: {
            "starts": parts.instant(release.window_starts_at),
            "ends": parts.instant(release.window_ends_at),
        },
        Facet.ROLLBACK.value: _rollback(release),
        Facet.RISK.value: {
            "level": RiskBand(parts.band_of_release(release)).label,
            "risks": [_risk_row(r) for r in sorted(release.risks.all(), key=lambda r: r.pk)],
            "waived_tests": _waived(release.candidate),
        },
        Facet.CONFIGURATION.value: parts.configuration(release.product),
    }


def _change_row(change) -> dict:
    words = [change.title, f"{change.get_type_display().lower()}, {(change.risk or 'unrated')} risk"]
    if change.breaking:
        words.append("breaking")
    return {"key": change.key, "text": " · ".join(words)}


def artifact(candidate) -> dict:
    if candidate is None:
        return {"candidate": "", "commit": "", "artifacts": []}
    rows = sorted(({"key": a["name"], "text": a["digest"]} for a in candidate.artifacts), key=lambda r: r["key"])
    return {"candidate": candidate.version, "commit": candidate.commit, "artifacts": rows}


def _rollback(release) -> dict:
    try:
        plan = release.rollback_plan
    except ObjectDoesNotExist:
        return {"method": ""}
    return {
        "method": plan.get_method_display(),
        "trigger": plan.trigger,
        "steps": plan.steps,
        "expected_minutes": plan.expected_minutes,
        "owner": plan.owner.name if plan.owner else "",
        "point_of_no_return": plan.point_of_no_return,
        "automatic": plan.automatic,
    }


def _risk_row(risk) -> dict:
    owner = f", {risk.owner.name}" if risk.owner else ""
    words = [
        risk.title,
        f"impact {risk.impact} × likelihood {risk.likelihood}, {risk.band.label.lower()}",
        f"{risk.get_treatment_display().lower()}{owner}" + (f": {risk.plan}" if risk.plan else ""),
    ]
    return {"key": f"{risk.pk}", "text": " · ".join(words)}


def _waived(candidate) -> list[dict]:
    if candidate is None:
        return []
    return [
        {"key": signoff.kind, "text": f"{waiver.reason} · until {parts.instant(waiver.expires_at)}"}
        for signoff in sorted(candidate.signoffs.all(), key=lambda s: s.kind)
        if signoff.state == SignoffState.WAIVED
        for waiver in signoff.waivers.all()
        if waiver.state == GrantState.GRANTED
    ]


def stance(release) -> Stance:
    if release.state == ReleaseState.CANCELLED:
        return Stance.GONE
    if release.state in CAME_BACK:
        return Stance.BACK
    if release.state in WENT_LIVE:
        return Stance.ACTED_ON
    return Stance.WAITS if release.state in NOT_ASKED_NOW else Stance.ASKED


KIND = Kind(
    model="release",
    name=Subject.RELEASE.value,
    facts=facts,
    content=content,
    authors=lambda release: {c.author_id for c in release.changes.all()} - {None},
    url=lambda release: address("approvals:tab", release.product.slug, release.version),
    stance=stance,
    asks=lambda release: release.manager_id,
    parts=PARTS,
    noun="release",
)
