"""Every (state, transition) pair of the seven machines: the allowed ones move, all others refuse."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from approvals.models import ApprovalRequest, FreezeOverride, Lift, Policy, PolicyRow, Rule, Signoff, Vote, Waiver
from approvals.states import GrantState, PolicyState, RequestState, SignoffState, VoteState
from core.blockers import Refused
from core.models import Event
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db

UNSIGNED = {"required", "running", "passed", "failed", "errored", "inconclusive"}
LIVE = {"pending", "suspended", "approved"}
MOVES = {
    "request": {
        "approve": ({"pending"}, "approved"),
        "reject": ({"pending"}, "rejected"),
        "expire": ({"pending", "suspended"}, "expired"),
        "withdraw": (LIVE, "withdrawn"),
        "supersede": (LIVE, "superseded"),
        "reopen": ({"approved"}, "pending"),
        "suspend": ({"pending"}, "suspended"),
        "restore": ({"suspended"}, "pending"),
    },
    "vote": {"revoke": ({"cast"}, "revoked"), "invalidate": ({"cast"}, "invalidated")},
    "signoff": {
        "run": (UNSIGNED - {"running"}, "running"),
        "pass_": (UNSIGNED | {"signed_off"}, "passed"),
        "fail": (UNSIGNED | {"signed_off"}, "failed"),
        "error": (UNSIGNED | {"signed_off"}, "errored"),
        "leave_open": (UNSIGNED | {"signed_off"}, "inconclusive"),
        "sign_off": ({"passed"}, "signed_off"),
        "waive": ({"required", "running", "failed", "errored", "inconclusive"}, "waived"),
        "lapse": ({"waived"}, "required"),
        "make_stale": (UNSIGNED | {"signed_off", "waived"}, "stale"),
    },
    "waiver": {
        "grant": ({"requested"}, "granted"),
        "refuse": ({"requested"}, "refused"),
        "lapse": ({"requested", "granted"}, "lapsed"),
    },
    "override": {
        "grant": ({"requested"}, "granted"),
        "refuse": ({"requested"}, "refused"),
        "lapse": ({"requested", "granted"}, "lapsed"),
    },
    "lift": {
        "grant": ({"requested"}, "granted"),
        "refuse": ({"requested"}, "refused"),
        "lapse": ({"requested"}, "lapsed"),
    },
    "policy": {
        "propose": ({"draft"}, "proposed"),
        "send_back": ({"proposed"}, "draft"),
        "schedule": ({"proposed"}, "scheduled"),
        "enact": ({"scheduled"}, "in_force"),
        "retire": ({"in_force"}, "retired"),
        "discard": ({"draft", "scheduled"}, "discarded"),
    },
}
STATES = {
    "request": (ApprovalRequest, RequestState),
    "vote": (Vote, VoteState),
    "signoff": (Signoff, SignoffState),
    "waiver": (Waiver, GrantState),
    "override": (FreezeOverride, GrantState),
    "lift": (Lift, GrantState),
    "policy": (Policy, PolicyState),
}
STEPS = [(machine, step) for machine in STATES for step in MOVES[machine]]


def made(machine: str):
    """A row whose gates are all clear, so that the state alone decides."""
    release = releases.release(state="approving")
    if machine in ("lift", "policy"):
        return agreed(Lift.objects.create(release=release, requested_by=person()) if machine == "lift" else draft())
    if machine in ("request", "vote"):
        due = timezone.now() - timedelta(hours=1)
        request = approvals.request(release, due_at=due)
        vote = approvals.vote(request, person(roles=["qa-approver"]))
        return request if machine == "request" else vote
    signoff = approvals.signoff(release.candidate)
    approvals.evidence(signoff)
    if machine == "override":
        return agreed(approvals.override(releases.freeze(), release))
    waiver = approvals.waiver(signoff)
    return signoff if machine == "signoff" else agreed(waiver)


def agreed(subject):
    """The subject with an approved request about it."""
    request = approvals.request(subject, {"change-manager": 1})
    approvals.vote(request, person(roles=["change-manager"]), "change-manager")
    releases.put_in_state(request, "approved").save()
    return subject


def draft() -> Policy:
    person(roles=["change-manager"])
    made = Policy.objects.create(subject="waiver", version=99, created_by=person())
    row = PolicyRow.objects.create(policy=made, name="All")
    Rule.objects.create(row=row, who="role:qa-approver", label="QA approver")
    return made


@pytest.mark.parametrize(("machine", "step"), STEPS)
def test_a_transition_moves_from_its_sources_and_from_nowhere_else(machine, step):
    """Through every state, on one row that is put back after each: a failure names the state."""
    if machine == "policy":
        Policy.objects.filter(subject="waiver").update(subject="policy", version=50, state="retired")
    model, states = STATES[machine]
    sources, target = MOVES[machine][step]
    pk = made(machine).pk
    for state in states.values:
        with transaction.atomic():
            moves_or_refuses(
                releases.put_in_state(model.objects.get(pk=pk), state), step, target if state in sources else ""
            )
            transaction.set_rollback(True)


def moves_or_refuses(row, step: str, target: str) -> None:
    was = str(row.state)
    if target:
        getattr(row, step)(reason="Because.")
    else:
        with pytest.raises(Refused) as refusal:
            getattr(row, step)(reason="Because.")
        assert [b.code for b in refusal.value.blockers] == ["state"], was
    assert row.state == (target or was), was
    assert not Event.objects.exists(), was


@pytest.mark.parametrize("machine", STATES)
def test_the_table_names_every_transition_of_its_machine(machine):
    assert set(STATES[machine][0].machine.steps) == set(MOVES[machine])


def test_the_gates_of_each_transition_are_these():
    gates = {
        f"{machine}.{step.name}": step.gates
        for machine, (model, _) in STATES.items()
        for step in model.machine.steps.values()
        if step.gates
    }
    assert gates == {
        "request.approve": ("quorum",),
        "request.expire": ("overdue",),
        "signoff.sign_off": ("current_candidate", "evidence"),
        "signoff.waive": ("waiver",),
        "waiver.grant": ("in_future", "approval"),
        "override.grant": ("in_future", "approval"),
        "lift.grant": ("approval",),
        "policy.propose": ("complete", "policy"),
        "policy.schedule": ("approval",),
    }


def test_a_request_without_its_quorum_is_not_approved():
    request = approvals.request(releases.release(state="approving"), {"qa-approver": 2})
    approvals.vote(request, person(roles=["qa-approver"]))
    with pytest.raises(Refused) as refusal:
        request.approve()
    assert [b.code for b in refusal.value.blockers] == ["quorum:role:qa-approver"]


def test_a_request_before_its_deadline_does_not_expire():
    request = approvals.request(releases.release(state="approving"))
    with pytest.raises(Refused) as refusal:
        request.expire()
    assert [b.code for b in refusal.value.blockers] == ["not-overdue"]
