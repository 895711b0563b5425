"""A worker dies at a point of the code; another one finds what it left."""

import pytest

from tests.faults.world import Case, until_all_run

pytestmark = pytest.mark.journey


@pytest.mark.parametrize("point", ["before the claim", "after the claim", "after the call", "before the commit"])
def test_a_worker_that_dies_while_it_starts_a_run_loses_nothing_and_starts_nothing_twice(cases, die_at, outcome, point):
    for case in cases.values():
        die_at(point, "start_run", (case.run.pk,), case.rig.settings)
        assert case.run.state == ("waiting" if point == "before the claim" else "claimed")
    for case in cases.values():
        case.let_the_claim_lapse()
        case.go_on_to_the_end()
        case.check()
        if point == "before the claim":
            assert not case.asked
        outcome(f"worker dies {point} of a start", case)


@pytest.mark.parametrize("point", ["after the call", "before the commit"])
def test_a_worker_that_dies_while_it_polls_a_run_loses_nothing(cases, die_at, outcome, point):
    until_all_run(cases)
    for case in cases.values():
        case.let_end()
        die_at(point, "poll_run", (case.run.pk,), case.rig.settings)
        assert case.run.state == "running"
    for case in cases.values():
        case.let_the_claim_lapse()
        case.go_on_to_the_end()
        case.check()
        assert not case.asked, case.asked
        assert says_it_once(case)
        outcome(f"worker dies {point} of a poll", case)


def says_it_once(case: Case) -> bool:
    """What the tool said is not there a second time, although it was read twice."""
    lines = [line.text for line in case.run.lines.all()]
    half = len(lines) // 2
    return len(lines) < 2 or lines[:half] != lines[half : 2 * half]
