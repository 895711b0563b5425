"""The judge of measurements: what is as it was measured passes, and each bound is felt."""

import pytest

from tests.bench.judgement import Measured, troubles

ALONE = Measured(0, page_s=(0.1, 0.3))
FEW = Measured(50, page_s=(0.17, 0.65), answer_s=(0.02, 0.15), age_s=(0.25, 0.44), rate=97)
MANY = Measured(500, page_s=(0.62, 1.3), answer_s=(0.51, 0.94), age_s=(0.30, 0.47), rate=506)


def test_what_was_measured_when_polling_was_chosen_passes():
    assert troubles([ALONE, FEW, MANY]) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"age_s": (1.1, 1.6)}, "saw half of the lines within 1.10 s"),
        ({"age_s": (0.7, 2.1)}, "saw 95 % of the lines within 2.10 s"),
        ({"page_s": (1.3, 2.0)}, "made pages take 13.0 times as long"),
        ({"rate": 240}, "got 240 answers a second"),
    ],
)
def test_each_bound_is_felt(changed, words):
    many = Measured(**vars(MANY) | changed)

    (said,) = troubles([ALONE, FEW, many])

    assert words in said


def test_a_few_watchers_see_nearly_every_line_within_the_second():
    few = Measured(**vars(FEW) | {"age_s": (0.5, 1.1)})

    (said,) = troubles([ALONE, few, MANY])

    assert "50 watchers saw 95 % of the lines within 1.10 s; at most 1.0 s" in said


def test_watchers_who_saw_no_line_at_all_are_no_proof():
    assert len(troubles([ALONE, Measured(**vars(MANY) | {"age_s": (0.0, 0.0)})])) == 2


def test_a_portal_that_answers_fewer_the_more_ask_has_broken_down():
    many = Measured(**vars(MANY) | {"rate": 260})
    few = Measured(**vars(FEW) | {"rate": 270})

    assert troubles([ALONE, few, many]) == ["500 watchers got fewer answers than 50."]


def test_without_a_measurement_of_nobody_watching_nothing_can_be_judged():
    with pytest.raises(ValueError, match="begins without watchers"):
        troubles([FEW, MANY])
