"""What each measure is called, means, rests on, and how its figure is worded."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from core import wording
from reports import figures
from reports.figures import Figure

DORA = "DORA, dora.dev/guides/dora-metrics"


@dataclass(frozen=True)
class Measure:
    """One of DORA's five. `better` is the direction that is good, "up" or "down"; `kind` is rate (a week), span or share."""

    slug: str
    name: str
    asks: str
    definition: str
    source: str
    count: Callable
    better: str
    kind: str
    rows: str = "deployment"

    def words(self, figure: Figure) -> tuple[str, str]:
        """(value, unit): `5.8`, `a week`; `no data` where there is none."""
        return worded(self.kind, figure.value)

    def plain(self, figure: Figure) -> float | None:
        """The value as a number for charts: a week's count, hours, or percent."""
        value = figure.value
        if value is None:
            return None
        if self.kind == "span":
            return round(value / timedelta(hours=1), 1)
        return round(value * 100 if self.kind == "share" else value, 1)

    @property
    def chart_unit(self) -> str:
        return {"rate": "a week", "span": "hours, median", "share": "percent"}[self.kind]


def worded(kind: str, value) -> tuple[str, str]:
    if value is None:
        return "no data", ""
    if kind == "rate":
        return wording.number(value, 1), "a week"
    if kind == "share":
        return wording.number(value * 100, 0 if value in (0, 1) else 1), "%"
    return wording.duration(value), ""


MEASURES = {
    m.slug: m
    for m in (
        Measure(
            "deployment-frequency", "Deployment frequency", "How often do we ship?",
            "Deployments to production whose verification succeeded, divided by the weeks of the period. "
            "Rollbacks are not counted.",
            DORA, figures.deployment_frequency, "up", "rate",
        ),
        Measure(
            "change-lead-time", "Change lead time", "How long does a change take to production?",
            "Median time from the build that first held a change (its first candidate) to the end of the verified deployment that "
            "brought it to production. DORA starts at the commit; Slipway counts from the build, "
            "so the time before it is missing here.",
            DORA, figures.change_lead_time, "down", "span", "change",
        ),
        Measure(
            "change-fail-rate", "Change fail rate", "How often does shipping break something?",
            "Share of the deployments started to production that failed, were aborted, or were rolled back, at once or later.",
            DORA, figures.change_fail_rate, "down", "share",
        ),
        Measure(
            "failed-deployment-recovery-time", "Failed deployment recovery time", "How fast is production well again?",
            "Median time from the moment a deployment to production was first seen to fail until production was verified "
            "again, by a rollback or by another deployment. Failures that are not recovered yet are listed and not counted.",
            DORA, figures.failed_deployment_recovery_time, "down", "span",
        ),
        Measure(
            "deployment-rework-rate", "Deployment rework rate", "How much shipping is repair?",
            "Share of the deployments started to production that were unplanned and mended something there: "
            "those of emergency releases.",
            DORA, figures.deployment_rework_rate, "down", "share",
        ),
    )
}  # fmt: skip
CHANGE_SUCCESS = "change-success"
CHANGE_DEFINITION = (
    "Changes that ended in the period, by type: done when the deployment that brought them was verified, failed when it failed, "
    "backed out when it was rolled back."
)


def finding(measure: Measure, figure: Figure) -> str:
    """What the figure says, in a sentence that does not claim more than it holds."""
    if figure.value is None:
        return nothing(measure, figure)
    value, _unit = measure.words(figure)
    if measure.slug == "deployment-frequency":
        return f"{wording.plural(figure.n, 'deployment')}, {value} a week"
    if measure.kind == "share":
        verb = {"change-fail-rate": "failed", "deployment-rework-rate": "mended something"}[measure.slug]
        return f"{len(figure.of)} of {wording.plural(figure.n, 'deployment')} {verb}"
    if measure.rows == "change":
        return (
            f"Half of {wording.plural(figure.n, 'change')} took less than {value}"
            if figure.n > 1
            else f"One change took {value}"
        )
    return (
        f"Half of {wording.plural(figure.n, 'failure')} were over in {value}"
        if figure.n > 1
        else f"One failure was over in {value}"
    )


def nothing(measure: Measure, figure: Figure) -> str:
    if measure.slug == "failed-deployment-recovery-time":
        return "No failure is recovered yet" if figure.rows else "No deployment failed in this period"
    return (
        "No change reached production in this period"
        if measure.rows == "change"
        else "No production deployment in this period"
    )


def difference(measure: Measure, now: Figure, before: Figure) -> tuple[str, str, str, str] | None:
    """(tone, icon, words, "than before") against the period before; None where either is missing or nothing changed."""
    if now.value is None or before.value is None:
        return None
    if now.value == before.value:
        return "mute", "flat", "same as", "before"
    up = now.value > before.value
    good = up == (measure.better == "up")
    return "ok" if good else "bad", "up" if up else "down", _changed(measure, now, before, up), "than before"


def _changed(measure: Measure, now: Figure, before: Figure, up: bool) -> str:
    gap = abs(now.value - before.value)
    if measure.kind == "rate":
        return f"{wording.number(gap, 1)} {'more' if up else 'less'} often"
    if measure.kind == "share":
        return f"{wording.number(gap * 100, 1)} points {'higher' if up else 'lower'}"
    return f"{wording.duration(gap)} {'slower' if up else 'faster'}"


def headline(pairs: list[tuple[Measure, Figure, Figure]]) -> str:
    """The answer of the page: what got better and what worse, or how little there is to say."""
    better, worse = [], []
    for measure, now, before in pairs:
        change = difference(measure, now, before)
        if change and change[0] == "ok":
            better.append(measure.name.lower())
        elif change and change[0] == "bad":
            worse.append(measure.name.lower())
    if all(now.value is None for _, now, _ in pairs):
        return "Nothing reached production in this period"
    if not better and not worse:
        measure, now, _before = pairs[0]
        return finding(measure, now)
    good = f"{wording.listed(better).capitalize()} better" if better else ""
    bad = f"{wording.listed(worse)} worse"
    return f"{good}, {bad}" if good and worse else good or bad.capitalize()
