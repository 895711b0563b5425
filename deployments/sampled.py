"""What the samples of a verification look like: checks by samples, and the figures of those that have one. Reads nothing itself."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.utils.functional import cached_property

from deployments.checks import CHECKS
from deployments.models import Check, Sample
from deployments.states import CheckKind

SHOWN = 10
ANSWERS = {True: ("ok", "check", "Well"), False: ("bad", "x-circle", "Not well"), None: ("warn", "clock", "No answer")}
ASKED = ("info", "running", "Being asked")
NOT_ASKED = ("mute", "flat", "Not asked")


@dataclass(frozen=True)
class Cell:
    """One answer: tone, icon and word; `detail` is what the check said."""

    tone: str
    icon: str
    word: str
    detail: str = ""


@dataclass(frozen=True)
class Row:
    """One check over the samples shown, oldest first."""

    name: str
    kind: str
    cells: list[Cell]

    @property
    def last(self) -> Cell:
        return self.cells[-1]


@dataclass(frozen=True)
class Figures:
    """The values of one check over time; None where there was none. `bound` is (threshold, in words), if it still stands."""

    name: str
    names: list[str]
    values: list[float | None]
    bound: tuple[float, str] | None

    @property
    def table(self) -> list[tuple[str, float | None]]:
        return list(zip(self.names, self.values, strict=True))

    @property
    def can_be_drawn(self) -> bool:
        """Charts begin at nought."""
        known = [value for value in self.values if value is not None]
        return len(known) > 1 and min(known) >= 0 and (self.bound is None or self.bound[0] >= 0)


class Sampled:
    """The newest samples of one verification, as a matrix of checks by samples."""

    def __init__(self, samples: list[Sample], checks: Callable[[], Iterable[Check]]):
        """`checks` gives those of the environment; it is called only where a figure has to be told its bound."""
        since = samples[-1].since if samples else None
        self.samples = [sample for sample in samples if sample.since == since]
        self.shown = self.samples[-SHOWN:]
        self._checks_of_environment = checks

    @property
    def columns(self) -> list[str]:
        """When each sample was opened, from the first one: "+4 s"."""
        return [self._offset(sample) for sample in self.shown]

    def _offset(self, sample: Sample) -> str:
        return f"+{round((sample.at - self.samples[0].at).total_seconds())} s"

    @property
    def rows(self) -> list[Row]:
        keys = dict.fromkeys((r["kind"], r["check"]) for s in self.shown for r in s.results)
        return [Row(name, kind, [_cell(sample, kind, name) for sample in self.shown]) for kind, name in keys]

    @property
    def figures(self) -> list[Figures]:
        keys = dict.fromkeys(r["check"] for s in self.samples for r in s.results if r["kind"] == CheckKind.PROMETHEUS)
        return [self._figures(name) for name in keys]

    def _figures(self, name: str) -> Figures:
        found = [_result(sample, CheckKind.PROMETHEUS, name) for sample in self.samples]
        values = [_short(result["value"]) if result else None for result in found]
        return Figures(name, [self._offset(sample) for sample in self.samples], values, self._bound(name))

    @cached_property
    def _checks(self) -> dict[str, Check]:
        return {check.name: check for check in self._checks_of_environment()}

    def _bound(self, name: str) -> tuple[float, str] | None:
        check = self._checks.get(name)
        if check is None or check.kind != CheckKind.PROMETHEUS or CHECKS[check.kind].validate(check.config):
            return None
        return check.config["threshold"], CHECKS[check.kind].bound(check.config)


def _result(sample: Sample, kind: str, name: str) -> dict | None:
    return next((r for r in sample.results if (r["kind"], r["check"]) == (kind, name)), None)


def _cell(sample: Sample, kind: str, name: str) -> Cell:
    result = _result(sample, kind, name)
    if result is None:
        return Cell(*(ASKED if sample.is_open else NOT_ASKED))
    return Cell(*ANSWERS[result["ok"]], result["detail"])


def _short(value: float | None) -> float | None:
    """Three significant digits, which is what a chart can show."""
    return None if value is None else float(f"{value:.3g}")
