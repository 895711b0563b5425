"""JUnit XML, the format of Ant's and Maven's runners that most tools write, each in its own way.

There is no binding schema; the elements below are what the tools have in common. A case with both an error and a
failure counts once, as an error. Reruns (`flakyFailure`, `rerunFailure`) do not change a case's own outcome.
"""

from .report import Outcome, Report, Tally, seconds

_BAD = {"error": Outcome.ERROR, "failure": Outcome.FAILED}
_NOT_RUN = frozenset(["notrun", "disabled", "skipped", "ignored", "suppressed"])


class JUnit:
    roots = frozenset(["testsuites", "testsuite"])

    def __init__(self):
        self._tally = Tally("junit")
        self._suites: list[str] = []
        self._case: dict | None = None

    def opened(self, name: str, attributes: dict[str, str], around: list[str]) -> None:
        parent = around[-1] if around else ""
        if name == "testsuite":
            self._tally.suites += 1
            self._suites.append(attributes.get("name", ""))
        elif name == "testcase" and self._case is None:
            self._case = _opened_case(attributes, len(around), self._suites[-1] if self._suites else "")
        elif self._is_own(around):
            self._judge(name, attributes)
        elif name in _BAD and parent == "testsuite":
            self._tally.suite_errors += 1

    def closed(self, name: str, text: str, around: list[str]) -> None:
        if name == "testsuite" and self._suites:
            self._suites.pop()
        elif self._case is not None and name == "testcase" and len(around) == self._case["depth"]:
            self._finish(self._case)
            self._case = None
        elif name in _BAD and self._is_own(around) and self._case["outcome"] == _BAD[name]:
            self._case["message"] = self._case["message"] or text

    def report(self) -> Report:
        return self._tally.report()

    def _is_own(self, around: list[str]) -> bool:
        """Whether an element inside these is a direct child of the open case."""
        return self._case is not None and len(around) == self._case["depth"] + 1

    def _judge(self, name: str, attributes: dict[str, str]) -> None:
        case = self._case
        if name in _BAD and case["outcome"] is not Outcome.ERROR:
            case["outcome"] = _BAD[name]
            case["message"] = attributes.get("message") or attributes.get("type") or ""
        elif name in ("skipped", "disabled") and case["outcome"] is Outcome.PASSED:
            case["outcome"] = Outcome.SKIPPED

    def _finish(self, case: dict) -> None:
        self._tally.add(case["outcome"], case["name"], case["suite"], case["message"], case["duration_s"])


def _opened_case(attributes: dict[str, str], depth: int, suite: str) -> dict:
    not_run = {attributes.get("status", "").lower(), attributes.get("result", "").lower()} & _NOT_RUN
    return {
        "name": attributes.get("name", ""),
        "suite": attributes.get("classname") or suite,
        "duration_s": seconds(attributes.get("time")),
        "outcome": Outcome.SKIPPED if not_run else Outcome.PASSED,
        "message": "",
        "depth": depth,
    }
