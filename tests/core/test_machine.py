"""Transitions and gates: every no explains itself, the same before the click as after."""

import pytest

from core import gates
from core.blockers import Blocker, Refused
from core.checks import gates_are_answered
from core.gates import Clear
from core.machine import MACHINES, offers
from tests.factories.releases import release

pytestmark = pytest.mark.django_db


@pytest.fixture
def answer(monkeypatch):
    """Answer a gate of a transition for this test alone."""
    registry = {key: dict(found) for key, found in gates._registry.items()}
    monkeypatch.setattr(gates, "_registry", registry)

    def put(transition, name, find, because=None):
        registry.setdefault(transition, {}).pop(name, None)
        gates.register(transition, name, find, label=name.capitalize(), because=because)

    return put


def clear(_obj):
    return []


def shut(_obj):
    return [Blocker("shut", "It is shut.", "/open/", "Open it")]


def broken(_obj):
    raise ZeroDivisionError


def test_a_transition_from_another_state_is_refused_with_the_state_as_reason():
    with pytest.raises(Refused) as refusal:
        release(state="closed").start_build()
    assert [(b.code, b.message) for b in refusal.value.blockers] == [
        ("state", "Start the build is not possible while it is closed.")
    ]


def test_the_offer_before_the_click_names_the_blockers_that_the_click_gives(answer):
    for name in MACHINES["release"].steps["start_build"].gates:
        answer("release.start_build", name, shut)
    planned = release(state="planned")
    (offer,) = [o for o in offers(planned, lambda right: True) if o.name == "start_build"]
    with pytest.raises(Refused) as refusal:
        planned.start_build()
    assert offer.blockers == refusal.value.blockers
    assert offer.blockers
    assert planned.state == "planned"


def test_a_gate_that_fails_blocks(answer):
    answer("release.start_testing", "candidate", broken)
    with pytest.raises(Refused) as refusal:
        release(state="building").start_testing()
    assert [b.code for b in refusal.value.blockers] == ["gate-failed:candidate"]


def test_a_gate_that_nobody_answers_blocks(answer):
    gates._registry["release.start_testing"] = {}
    with pytest.raises(Refused) as refusal:
        release(state="building").start_testing()
    assert [b.code for b in refusal.value.blockers] == ["gate-unanswered:candidate"]


def test_a_waived_gate_is_clear_and_says_so(answer):
    answer("release.start_testing", "candidate", clear, lambda obj: Clear("Let through by Noor.", waived=True))
    (found,) = gates.answers("release.start_testing", ["candidate"], release(state="building"))
    assert (found.clear, found.waived, found.tone, found.because) == (True, True, "mute", "Let through by Noor.")


def test_a_step_that_needs_a_reason_is_refused_without_one():
    with pytest.raises(Refused) as refusal:
        release(state="planned").hold(reason="  ")
    assert [(b.code, b.field) for b in refusal.value.blockers] == [("reason", "reason")]


def test_the_state_cannot_be_assigned():
    with pytest.raises(AttributeError):
        release().state = "closed"


def test_reading_a_row_anew_takes_its_state_along_and_keeps_it_protected():
    planned = release(state="planned")
    type(planned).objects.filter(pk=planned.pk).update(state="building", title="New")
    planned.refresh_from_db()
    assert (planned.__dict__["state"], planned.title) == ("building", "New")
    with pytest.raises(AttributeError):
        planned.state = "closed"


def test_on_hold_remembers_where_it_came_from(answer):
    held = release(state="testing")
    held.hold(reason="Waiting for a supplier")
    held.save()
    held.resume(reason="It came")
    assert held.state == "testing"


def test_every_gate_that_a_transition_declares_is_answered_and_every_answer_is_asked():
    assert gates_are_answered(None) == []


def test_the_start_up_check_names_a_gate_that_nobody_answers(answer):
    gates._registry["release.start_testing"] = {}
    assert [error.id for error in gates_are_answered(None)] == ["slipway.E001"]


def test_the_start_up_check_names_an_answer_that_nobody_asks(answer):
    answer("release.start_testing", "moon_phase", clear)
    assert [error.id for error in gates_are_answered(None)] == ["slipway.E002"]
