"""The output of `go test -json`: one JSON event a line (pkg.go.dev/cmd/test2json).

Every test and subtest that reports a result counts. One that started and never ended (a panic, a time limit) is an
error; so is, outside of any test, a package that fails without a failing test.
"""

import json
from collections import defaultdict

from .report import Outcome, Report, Tally, UnreadableReport, seconds

_ENDS = {"pass": Outcome.PASSED, "bench": Outcome.PASSED, "fail": Outcome.FAILED, "skip": Outcome.SKIPPED}
_MAX_OUTPUT = 2_000  # characters kept of a running test's output


class GoTest:
    def __init__(self):
        self._tally = Tally("go-test")
        self._running: dict[tuple[str, str], list[str]] = {}
        self._broken_tests: dict[str, int] = defaultdict(int)
        self._failed_packages: list[str] = []
        self._packages: set[str] = set()

    def event(self, event: dict) -> None:
        action, package, test = (_text(event.get(key)) for key in ("Action", "Package", "Test"))
        if package:
            self._packages.add(package)
        if test:
            self._test_event(action, package, test, event)
        elif action in ("fail", "build-fail"):
            self._failed_packages.append(package or _text(event.get("ImportPath")))

    def _test_event(self, action: str, package: str, test: str, event: dict) -> None:
        key = (package, test)
        if action == "run":
            self._running[key] = []
        elif action == "output":
            output = self._running.get(key)
            if output is not None and sum(map(len, output)) < _MAX_OUTPUT:
                output.append(_text(event.get("Output"))[:_MAX_OUTPUT])
        elif action in _ENDS:
            message = _message(self._running.pop(key, []))
            self._broken_tests[package] += action == "fail"
            self._tally.add(_ENDS[action], test, package, message, seconds(event.get("Elapsed")))

    def report(self) -> Report:
        for (package, test), output in self._running.items():
            self._broken_tests[package] += 1
            self._tally.add(Outcome.ERROR, test, package, _message(output) or "It started and never ended.")
        self._tally.suites = len(self._packages)
        self._tally.suite_errors = len({name for name in self._failed_packages if not self._broken_tests[name]})
        return self._tally.report()


def read_go_test(text: str) -> Report:
    """Read a whole event stream. Raises UnreadableReport where a line is no event."""
    report = GoTest()
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or "Action" not in event:
            raise UnreadableReport(f"Line {number} is not an event of “go test -json”, or is cut off.")
        report.event(event)
    return report.report()


def _message(output: list[str]) -> str:
    """What a test printed, without the lines in which the tool announces it."""
    lines = "".join(output).splitlines()
    return "\n".join(line for line in lines if not line.lstrip().startswith(("=== ", "--- ")))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
