"""The JSON reporter of Mocha (mochajs.org): one document with the lists tests, passes, pending and failures.

A failing hook stands among the failures without being a test; it broke something, so it counts as a failed case.
"""

from .report import Outcome, Report, Tally, UnreadableReport, seconds

_LISTS = {"passes": Outcome.PASSED, "failures": Outcome.FAILED, "pending": Outcome.SKIPPED}


def is_mocha(document: object) -> bool:
    return isinstance(document, dict) and "stats" in document and "tests" in document


def read_mocha(document: dict) -> Report:
    """Count a parsed document. Raises UnreadableReport where its lists are none."""
    tally, suites = Tally("mocha-json"), set()
    for name, outcome in _LISTS.items():
        for case in _cases(document, name):
            title, whole = _text(case.get("title")), _text(case.get("fullTitle"))
            suite = whole.removesuffix(title).strip()
            suites.add(suite)
            tally.add(outcome, title, suite, _message(case), seconds(case.get("duration")) / 1000)
    _count_lost(tally, document)
    tally.suites = len(suites - {""})
    return tally.report()


def _count_lost(tally: Tally, document: dict) -> None:
    """Tests that are in no list of outcomes never ended."""
    for _ in range(len(_cases(document, "tests")) - sum(tally.counts.values())):
        tally.add(Outcome.ERROR, "A test without outcome", message="It is listed and in no list of outcomes.")


def _cases(document: dict, name: str) -> list[dict]:
    cases = document.get(name)
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise UnreadableReport(f"It looks like a Mocha report, but its list “{name}” is missing or broken.")
    return cases


def _message(case: dict) -> str:
    error = case.get("err")
    return _text(error.get("message")) or _text(error.get("stack")) if isinstance(error, dict) else ""


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
