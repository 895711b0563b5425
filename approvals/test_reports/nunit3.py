"""NUnit 3 result files (docs.nunit.org, "Test Result XML Format").

An exception inside a test is a failure with the label "Error" there, and counts as failed here too. An inconclusive
test proved nothing and counts as skipped.
"""

from .report import Outcome, Report, Tally, seconds

_OUTCOMES = {
    "passed": Outcome.PASSED,
    "warning": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "skipped": Outcome.SKIPPED,
    "inconclusive": Outcome.SKIPPED,
}


class NUnit3:
    roots = frozenset(["test-run"])

    def __init__(self):
        self._tally = Tally("nunit3")
        self._case: dict[str, str] | None = None
        self._message = ""

    def opened(self, name: str, attributes: dict[str, str], around: list[str]) -> None:
        if name == "test-suite":
            self._tally.suites += 1
            broke = attributes.get("result") == "Failed" and attributes.get("site") in ("SetUp", "TearDown")
            self._tally.suite_errors += broke
        elif name == "test-case":
            self._case, self._message = attributes, ""

    def closed(self, name: str, text: str, around: list[str]) -> None:
        if name == "message" and around[-2:] == ["test-case", "failure"]:
            self._message = text
        elif name == "test-case" and self._case is not None:
            self._finish(self._case)
            self._case = None

    def report(self) -> Report:
        return self._tally.report()

    def _finish(self, case: dict[str, str]) -> None:
        outcome = _OUTCOMES.get(case.get("result", "").lower(), Outcome.ERROR)
        self._tally.add(
            outcome,
            case.get("name", ""),
            case.get("classname", ""),
            self._message or case.get("label", ""),
            seconds(case.get("duration")),
        )
