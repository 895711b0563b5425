"""The decision sheet: everything a decision rests on, in facets, each with a digest.

A sheet is `{facet: content}`; content is JSON: flat fields, or lists of rows that carry a `key`. Instants are ISO 8601 in UTC. What
can change without touching the decision (the words of the notes, when the rollback was last rehearsed) is left out on purpose.
"""

import hashlib
import json
import re
from dataclasses import dataclass, field
from datetime import UTC, datetime

from django.core.exceptions import ObjectDoesNotExist
from django.utils.dateparse import parse_datetime

from approvals.states import Facet, GrantState, SignoffState
from core import wording
from releases.states import RiskBand

# The relations that `of()` reads, for lists that judge many subjects at once.
RELEASE_PARTS = (
    "changes",
    "risks__owner",
    "rollback_plan__owner",
    "candidate__signoffs__waivers",
    "product__environments",
    "dependencies__needs__product",
)
CHANGE_PARTS = ("product__environments",)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
BANDS = (RiskBand.LOW, RiskBand.MEDIUM, RiskBand.HIGH)


@dataclass(frozen=True)
class Sheet:
    """What there is to decide on, and its digests."""

    content: dict[str, dict]
    digests: dict[str, str] = field(default_factory=dict)
    digest: str = ""


def of(subject) -> Sheet:
    """The sheet of a release or a change as it is now."""
    content = _of_release(subject) if subject._meta.model_name == "release" else _of_change(subject)
    return sealed(content)


def sealed(content: dict[str, dict]) -> Sheet:
    """A sheet from its content: SHA-256 over the canonical JSON of each facet, and one over all of them."""
    digests = {facet: _sha256(content[facet]) for facet in content}
    return Sheet(content, digests, _sha256(digests))


def changed_facets(old: dict[str, str], new: dict[str, str]) -> set[str]:
    """Names of the facets whose digests differ; a facet that only one side knows counts as changed."""
    return {facet for facet in old.keys() | new.keys() if old.get(facet) != new.get(facet)}


def _sha256(content) -> str:
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


# What is on it


def _of_release(release) -> dict[str, dict]:
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
        Facet.ARTIFACT.value: _artifact(release.candidate),
        Facet.WINDOW.value: {"starts": _instant(release.window_starts_at), "ends": _instant(release.window_ends_at)},
        Facet.ROLLBACK.value: _rollback(release),
        Facet.RISK.value: {
            "level": RiskBand(band_of(release)).label,
            "risks": [_risk_row(r) for r in sorted(release.risks.all(), key=lambda r: r.pk)],
            "waived_tests": _waived(release.candidate),
        },
        Facet.CONFIGURATION.value: {"environments": _environments(release.product)},
    }


def _of_change(change) -> dict[str, dict]:
    return {
        Facet.SCOPE.value: {
            "title": change.title,
            "type": change.get_type_display(),
            "kind": change.get_kind_display(),
            "breaking": change.breaking,
            "description": change.description,
        },
        Facet.ARTIFACT.value: {"commits": [{"key": commit, "text": ""} for commit in sorted(change.commits)]},
        Facet.WINDOW.value: {},
        Facet.ROLLBACK.value: {"back_out": change.backout},
        Facet.RISK.value: {"level": change.get_risk_display() or "Not assessed", "impact": change.impact},
        Facet.CONFIGURATION.value: {"environments": _environments(change.product)},
    }


def band_of(subject) -> str:
    """The highest risk band of a release's risks, or the risk of a change; low where none is known."""
    if subject._meta.model_name == "change":
        return subject.risk or RiskBand.LOW.value
    return max((r.band for r in subject.risks.all()), key=BANDS.index, default=RiskBand.LOW).value


def _change_row(change) -> dict:
    words = [change.title, f"{change.get_type_display().lower()}, {(change.risk or 'unrated')} risk"]
    if change.breaking:
        words.append("breaking")
    return {"key": change.key, "text": " · ".join(words)}


def _artifact(candidate) -> dict:
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
        {"key": signoff.kind, "text": f"{waiver.reason} · until {_words(_instant(waiver.expires_at))}"}
        for signoff in sorted(candidate.signoffs.all(), key=lambda s: s.kind)
        if signoff.state == SignoffState.WAIVED
        for waiver in signoff.waivers.all()
        if waiver.state == GrantState.GRANTED
    ]


def _environments(product) -> list[dict]:
    return [
        {
            "key": e.name,
            "text": f"{e.get_tier_display().lower()}, place {e.position + 1}" + (f", {e.url}" if e.url else ""),
        }
        for e in sorted(product.environments.all(), key=lambda e: e.position)
    ]


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat() if at else ""


# How two of them differ

LABELS = {
    "objective": "Objective",
    "changes": "Changes",
    "candidate": "Candidate",
    "starts": "Window starts",
    "ends": "Window ends",
    "level": "Risk level",
    "expected_minutes": "Rollback, minutes",
    "method": "Rollback method",
    "trigger": "Rollback trigger",
    "steps": "Rollback steps",
    "owner": "Rollback owner",
    "automatic": "Automatic rollback",
    "back_out": "Back-out plan",
    "waived_tests": "Waived tests",
}


def label(name: str) -> str:
    return LABELS.get(name, name.replace("_", " ").capitalize())


def compare(old: dict[str, dict], new: dict[str, dict]) -> list[dict]:
    """What differs between two sheets' contents, for the diff macro: [{facet, field, was, now, removed, added}].

    Facets come in their own order; `removed` and `added` are texts of rows, `was` and `now` worded values.
    """
    rows = []
    for facet in Facet.values:
        before, after = old.get(facet, {}), new.get(facet, {})
        for name in dict.fromkeys([*after, *before]):
            if before.get(name) != after.get(name):
                rows.append({"facet": facet, "field": label(name), **_difference(before.get(name), after.get(name))})
    return rows


def unchanged(old: dict[str, dict], new: dict[str, dict]) -> list[str]:
    """Labels of the fields that both sheets say alike and that say something."""
    names = [(facet, name) for facet in Facet.values for name in new.get(facet, {})]
    return [label(n) for f, n in names if new[f][n] not in ("", [], None) and old.get(f, {}).get(n) == new[f][n]]


def _difference(was, now) -> dict:
    if isinstance(was or now, list):
        before, after = _texts(was), _texts(now)
        return {"removed": [t for t in before if t not in after], "added": [t for t in after if t not in before]}
    return {"was": worded(was), "now": worded(now)}


def _texts(rows: list[dict] | None) -> list[str]:
    return [row_words(row) for row in rows or []]


def row_words(row: dict) -> str:
    """One row of a list as text: its key where that means something to people, then its words."""
    shown = "" if row["key"].isdigit() else row["key"]
    text = DIGEST.sub(lambda found: wording.digest_short(found.group()), row["text"])
    return " · ".join(part for part in (shown, text) if part)


def worded(value) -> str:
    """A field's value as text: instants in the reader's zone, yes and no, nothing as "nothing"."""
    if value in (None, ""):
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _words(str(value))


def _words(text: str) -> str:
    at = parse_datetime(text) if len(text) >= 16 and text[4:5] == "-" and text[10:11] == "T" else None
    return wording.full(at) if at else text
