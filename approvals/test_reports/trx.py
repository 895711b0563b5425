"""TRX, the result files of Visual Studio and `dotnet test` (schema TeamTest 2010).

Results that hold inner results (data-driven and ordered tests) only sum these up, so the inner ones are counted.
"""

import re

from .report import Outcome, Report, Tally, seconds

_OUTCOMES = {
    "passed": Outcome.PASSED,
    "completed": Outcome.PASSED,
    "warning": Outcome.PASSED,
    "failed": Outcome.FAILED,
    "timeout": Outcome.FAILED,
    "notexecuted": Outcome.SKIPPED,
    "inconclusive": Outcome.SKIPPED,
    "pending": Outcome.SKIPPED,
}
_RESULTS = frozenset(["UnitTestResult", "TestResult", "GenericTestResult", "ManualTestResult", "WebTestResult"])
_SPAN = re.compile(r"(?:(\d{1,6})\.)?(\d{1,2}):(\d{1,2}):(\d{1,2}(?:\.\d{1,9})?)", re.ASCII)


class Trx:
    roots = frozenset(["TestRun"])

    def __init__(self):
        self._tally = Tally("trx")
        self._classes: set[str] = set()
        self._open: list[dict] = []

    def opened(self, name: str, attributes: dict[str, str], around: list[str]) -> None:
        if name in _RESULTS:
            if self._open:
                self._open[-1]["sums_up"] = True
            self._open.append({"attributes": attributes, "message": "", "sums_up": False})
        elif name == "TestMethod":
            self._classes.add(attributes.get("className", "")[:300])
        elif name == "RunInfo" and attributes.get("outcome") in ("Error", "Failed", "Aborted"):
            self._tally.suite_errors += 1

    def closed(self, name: str, text: str, around: list[str]) -> None:
        if name == "Message" and around[-2:] == ["Output", "ErrorInfo"] and self._open:
            self._open[-1]["message"] = text
        elif name in _RESULTS:
            result = self._open.pop()
            if not result["sums_up"]:
                self._finish(result["attributes"], result["message"])

    def report(self) -> Report:
        self._tally.suites = len(self._classes)
        return self._tally.report()

    def _finish(self, attributes: dict[str, str], message: str) -> None:
        stated = attributes.get("outcome", "")
        outcome = _OUTCOMES.get(stated.lower(), Outcome.ERROR)
        duration_s = _span_s(attributes.get("duration", ""))
        self._tally.add(outcome, attributes.get("testName", ""), "", message or stated, duration_s)


def _span_s(text: str) -> float:
    """A .NET time span, [days.]hours:minutes:seconds, in seconds; 0 where it is none."""
    match = _SPAN.fullmatch(text.strip())
    if match is None:
        return 0.0
    days, hours, minutes, rest = match.groups(default="0")
    return seconds(((int(days) * 24 + int(hours)) * 60 + int(minutes)) * 60 + float(rest))
