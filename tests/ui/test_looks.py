"""Every state of every machine has one look, and one only."""

import pytest

from approvals import board_states as boards
from approvals import states as approvals
from config.jinja import ICONS
from core import states as core
from deployments import states as deployments
from portal.looks import LOOKS, STAGES, look, stage_number
from releases import states as releases
from reviews import states as reviews

ENUMS = {
    "release": releases.ReleaseState,
    "stage": releases.Stage,
    "strategy": releases.Strategy,
    "change": releases.ChangeState,
    "change_template": releases.TemplateState,
    "change_type": releases.ChangeType,
    "change_kind": releases.ChangeKind,
    "risk": releases.RiskBand,
    "treatment": releases.Treatment,
    "tier": releases.Tier,
    "policy": approvals.PolicyState,
    "request": approvals.RequestState,
    "vote": approvals.VoteState,
    "verdict": approvals.Verdict,
    "facet": approvals.Facet,
    "signoff_kind": approvals.SignoffKind,
    "signoff": approvals.SignoffState,
    "grant": approvals.GrantState,
    "meeting": boards.MeetingState,
    "agenda_item": boards.ItemState,
    "deployment": deployments.DeploymentState,
    "run": deployments.RunState,
    "review": reviews.ReviewState,
    "action": reviews.ActionState,
    "outcome": reviews.Outcome,
    "finding": reviews.FindingKind,
    "delivery": core.DeliveryState,
}


@pytest.mark.parametrize("kind", ENUMS)
def test_every_state_has_a_look(kind):
    assert [value for value in ENUMS[kind].values if value not in LOOKS[kind]] == []


@pytest.mark.parametrize("kind", LOOKS)
def test_every_look_has_a_tone_an_icon_and_a_word(kind):
    for it in LOOKS[kind].values():
        assert it.tone in ("ok", "warn", "bad", "info", "mute")
        assert it.icon in ICONS
        assert it.word[0].isupper()


def test_words_tell_the_states_of_a_machine_apart():
    for kind in ("release", "signoff", "deployment", "run", "review", "action", "request"):
        words = [LOOKS[kind][value].word for value in ENUMS[kind].values]
        assert len(set(words)) == len(words), kind


def test_an_unknown_state_is_an_error_and_names_the_table():
    with pytest.raises(LookupError, match=r"portal/looks\.py"):
        look("signoff", "lost")


def test_seven_stages_are_named_as_people_see_them():
    assert [name for name, _ in STAGES] == list(releases.Stage.labels)
    assert len(STAGES) == 7


@pytest.mark.parametrize(
    ("state", "number"),
    [("draft", 1), ("building", 2), ("testing", 3), ("ready", 4), ("deploying", 5), ("rolled_back", 6), ("closed", 7)],
)
def test_a_release_stands_at_its_stage(state, number):
    assert stage_number(releases.ReleaseState(state)) == number
    assert stage_number(state) == number


def test_a_held_release_stands_where_it_came_from():
    assert stage_number("on_hold", "testing") == 3
    assert stage_number("on_hold") == 1
