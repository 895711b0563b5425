"""What a test report says, whatever tool wrote it, and the tally that every format fills."""

import math
from dataclasses import dataclass, field
from enum import StrEnum

MAX_CASES = 50  # failing cases kept by name
MAX_NAME = 300  # characters
MAX_MESSAGE = 500  # characters


class UnreadableReport(ValueError):
    """A file that is not accepted as a test report; the message says why, for the person who uploaded it."""


class Outcome(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class FailedCase:
    """A test case that failed or ended in an error. All texts are plain text from outside: escape them where shown."""

    name: str
    suite: str
    outcome: str
    message: str


@dataclass(frozen=True)
class Report:
    """Totals counted from the test cases of a report, not from what its header claims.

    `tests` is the sum of passed, failed, errors and skipped. `suite_errors` counts what broke outside of any test
    case (a suite's set-up, a package that does not build, a crashed runner). `duration_s` adds up the cases, so tests
    run side by side count fully. `cases_failed` holds the first 50.
    """

    format: str
    suites: int
    tests: int
    passed: int
    failed: int
    errors: int
    skipped: int
    suite_errors: int
    duration_s: float
    cases_failed: tuple[FailedCase, ...]

    @property
    def clean(self) -> bool:
        """At least one test passed and nothing failed or broke. A report without passed tests proves nothing."""
        return self.passed > 0 and not (self.failed or self.errors or self.suite_errors)


@dataclass
class Tally:
    """Counts the cases of one report while it is read."""

    format: str
    suites: int = 0
    suite_errors: int = 0
    duration_s: float = 0.0
    counts: dict[Outcome, int] = field(default_factory=lambda: dict.fromkeys(Outcome, 0))
    cases_failed: list[FailedCase] = field(default_factory=list)

    def add(self, outcome: Outcome, name: str, suite: str = "", message: str = "", duration_s: float = 0.0) -> None:
        self.counts[outcome] += 1
        self.duration_s += duration_s
        if outcome in (Outcome.FAILED, Outcome.ERROR) and len(self.cases_failed) < MAX_CASES:
            case = FailedCase(
                plain(name, MAX_NAME), plain(suite, MAX_NAME), str(outcome), plain(message.strip(), MAX_MESSAGE)
            )
            self.cases_failed.append(case)

    def report(self) -> Report:
        return Report(
            format=self.format,
            suites=self.suites,
            tests=sum(self.counts.values()),
            passed=self.counts[Outcome.PASSED],
            failed=self.counts[Outcome.FAILED],
            errors=self.counts[Outcome.ERROR],
            skipped=self.counts[Outcome.SKIPPED],
            suite_errors=self.suite_errors,
            duration_s=round(self.duration_s, 6),
            cases_failed=tuple(self.cases_failed),
        )


def plain(text: str, limit: int) -> str:
    """Text that a database and a page can take: no control characters but line ends and tabs, cut at `limit`."""
    kept = text[: limit + 1]
    kept = "".join(character if _is_plain(character) else "\ufffd" for character in kept)
    return kept if len(kept) <= limit else kept[: limit - 1] + "…"


def _is_plain(character: str) -> bool:
    code = ord(character)
    return character in "\n\t" or not (code < 32 or 127 <= code < 160 or 0xD800 <= code < 0xE000)


def seconds(value: object) -> float:
    """A duration as reports write it, in seconds ("1,234.5" too); 0 for what is no sensible one."""
    try:
        number = float(value.replace(",", "")) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return number if math.isfinite(number) and 0 <= number < 1e9 else 0.0
