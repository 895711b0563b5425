"""The three machines of the room, each (state, transition) pair: what is allowed moves, all else refuses and records nothing.

A test takes one transition through every state, on one row that is put back after each: a failure names the state.
"""

import pytest
from django.db import transaction

from accounts.actions import system_user
from core import gates
from core.blockers import Refused
from core.events import record
from core.models import Event
from releases.models import Change, ChangeTemplate, Release
from releases.states import ChangeState, ReleaseState, TemplateState
from tests.factories import releases

pytestmark = pytest.mark.django_db

RELEASE_MOVES = {
    "plan": {"draft": "planned"},
    "start_build": {"planned": "building"},
    "start_testing": {"building": "testing"},
    "request_approval": {"testing": "approving"},
    "expedite": {"draft": "approving", "planned": "approving", "building": "approving", "testing": "approving"},
    "mark_ready": {"approving": "ready"},
    "start_deploying": {"ready": "deploying"},
    "stop_deploying": {"deploying": "ready"},
    "mark_released": {"deploying": "released"},
    "roll_back": {"deploying": "rolled_back", "released": "rolled_back", "review": "rolled_back"},
    "open_review": {"released": "review", "rolled_back": "review"},
    "close": {"review": "closed"},
    "new_candidate": {"testing": "testing", "approving": "testing", "ready": "testing"},
    "reopen_plan": {
        "planned": "planned",
        "building": "planned",
        "testing": "planned",
        "approving": "planned",
        "ready": "planned",
    },
    "hold": {
        "draft": "on_hold",
        "planned": "on_hold",
        "building": "on_hold",
        "testing": "on_hold",
        "approving": "on_hold",
        "ready": "on_hold",
    },
    "resume": {"on_hold": "building"},
    "cancel": {
        "draft": "cancelled",
        "planned": "cancelled",
        "building": "cancelled",
        "testing": "cancelled",
        "approving": "cancelled",
        "ready": "cancelled",
        "on_hold": "cancelled",
    },
}
RELEASE_REASONS = {"roll_back", "reopen_plan", "hold", "resume", "cancel"}

CHANGE_MOVES = {
    "assess": {"new": "assessing"},
    "request_authorisation": {"assessing": "authorising"},
    "expedite": {"new": "authorising"},
    "approve": {"authorising": "approved"},
    "pre_approve": {"new": "approved"},
    "fall_back": {"approved": "new"},
    "discover": {"new": "done"},
    "reject": {"assessing": "rejected", "authorising": "rejected"},
    "rework": {"rejected": "new"},
    "implement": {"approved": "implementing"},
    "finish": {"implementing": "done"},
    "fail": {"implementing": "failed"},
    "back_out": {"implementing": "backed_out", "done": "backed_out"},
    "withdraw": {
        "new": "withdrawn",
        "assessing": "withdrawn",
        "authorising": "withdrawn",
        "approved": "withdrawn",
        "rejected": "withdrawn",
    },
}
CHANGE_REASONS = {"reject", "withdraw", "fall_back"}

TEMPLATE_MOVES = {
    "propose": {"draft": "proposed"},
    "approve": {"proposed": "approved"},
    "reject": {"proposed": "draft"},
    "revise": {"approved": "draft"},
    "retire": {"draft": "retired", "approved": "retired"},
}
TEMPLATE_REASONS = {"reject", "retire"}


@pytest.fixture
def clear_gates(monkeypatch):
    monkeypatch.setattr(gates, "answers", lambda transition, names, obj: [gates.Answer(n, n) for n in names])


def attempt(obj, name, reasons):
    getattr(obj, name)(reason="Because." if name in reasons else "")
    obj.save()
    record(f"{type(obj).__name__.lower()}.moved", obj, actor=system_user())


def assert_moves_only(obj, name, targets, states, reasons):
    """`targets` {state: where it leads}; from all other states it is refused."""
    for state in states.values:
        with transaction.atomic():
            moves_or_refuses(
                releases.put_in_state(type(obj).objects.get(pk=obj.pk), state), name, targets.get(state), reasons
            )
            transaction.set_rollback(True)


def moves_or_refuses(obj, name, target, reasons):
    was = str(obj.state)
    if target:
        attempt(obj, name, reasons)
    else:
        with pytest.raises(Refused) as refusal:
            attempt(obj, name, reasons)
        assert [b.code for b in refusal.value.blockers] == ["state"], was
    kept = type(obj).objects.get(pk=obj.pk)
    assert kept.state == (target or was), was
    assert Event.objects.filter(name__endswith=".moved").count() == (1 if target else 0), was


def test_the_machines_hold_the_transitions_of_the_tables_and_no_others():
    assert set(Release.machine.steps) == set(RELEASE_MOVES)
    assert set(Change.machine.steps) == set(CHANGE_MOVES)
    assert set(ChangeTemplate.machine.steps) == set(TEMPLATE_MOVES)


def test_the_steps_that_need_a_reason_are_these():
    assert {s.name for s in Release.machine.steps.values() if s.reason} == RELEASE_REASONS
    assert {s.name for s in Change.machine.steps.values() if s.reason} == CHANGE_REASONS
    assert {s.name for s in ChangeTemplate.machine.steps.values() if s.reason} == TEMPLATE_REASONS


@pytest.mark.parametrize("name", RELEASE_MOVES)
def test_a_release_moves_only_as_the_table_says(clear_gates, product, name):
    release = releases.release(product, "testing", held_from="building")
    assert_moves_only(release, name, RELEASE_MOVES[name], ReleaseState, RELEASE_REASONS)


@pytest.mark.parametrize("name", CHANGE_MOVES)
def test_a_change_moves_only_as_the_table_says(clear_gates, product, name):
    change = releases.standard_change(product, releases.template(product))
    assert_moves_only(change, name, CHANGE_MOVES[name], ChangeState, CHANGE_REASONS)


@pytest.mark.parametrize("name", TEMPLATE_MOVES)
def test_a_standard_change_of_the_catalogue_moves_only_as_the_table_says(clear_gates, product, name):
    template = releases.template(product, "draft")
    assert_moves_only(template, name, TEMPLATE_MOVES[name], TemplateState, TEMPLATE_REASONS)


def test_each_step_of_the_catalogue_asks_for_its_right_and_those_of_the_system_for_none():
    assert {s.name: (s.right, s.automatic) for s in ChangeTemplate.machine.steps.values()} == {
        "propose": ("releases.contribute", False),
        "approve": ("", True),
        "reject": ("", True),
        "revise": ("releases.contribute", False),
        "retire": ("releases.authorise_change", False),
    }
    assert {s.name for s in Change.machine.steps.values() if s.automatic} >= {"pre_approve", "fall_back", "discover"}


@pytest.mark.parametrize("name", sorted(RELEASE_REASONS))
def test_a_step_that_needs_a_reason_refuses_without_one(clear_gates, product, name):
    state = next(iter(RELEASE_MOVES[name]))
    release = releases.release(product, state, held_from="building")
    with pytest.raises(Refused) as refusal:
        getattr(release, name)(reason="  ")
    assert [b.code for b in refusal.value.blockers] == ["reason"]
    assert release.state == state
