"""When a phase opens: what earlier ones need, how long they soak, what takes it back; and candidates stopped where they are."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.blockers import Refused
from core.models import Event
from deployments import pipeline
from deployments.actions import deployment as doors
from deployments.actions.progression import allow_progression, prevent_progression
from deployments.models import Standstill
from tests.deployments.line import Line, make
from tests.factories import accounts, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db


@pytest.fixture
def line(tool) -> Line:
    return make()


def test_environments_without_phases_open_one_after_the_other_as_ever(line):
    assert line.codes(line.eu) == ["not-verified-before"]
    line.verify(line.test)
    assert line.codes(line.us) == ["not-verified-before"]

    assert line.deploy(line.eu).state == "running"


def test_a_blocker_names_each_earlier_environment_that_is_missing_and_leads_to_the_tab(line):
    blockers = line.refused(line.us)

    assert [b.message for b in blockers] == [
        "4.8.0-rc.1 was not verified in Test yet. Deploy it there first.",
        "4.8.0-rc.1 was not verified in EU yet. Deploy it there first.",
    ]
    assert blockers[0].url == "/r/payments/4.8.0/deployments/"
    assert blockers[0].fix == "Deploy to Test"


def test_environments_of_one_phase_do_not_wait_for_each_other(line):
    line.phase(line.eu, line.us)
    line.verify(line.test)

    assert line.deploy(line.us).state == "running"
    assert line.deploy(line.eu).state == "running"


def test_all_of_a_phase_must_be_verified_and_the_missing_ones_are_named_together(line):
    line.phase(line.test, line.eu)
    assert [b.message for b in line.refused(line.us)] == [
        "4.8.0-rc.1 was not verified in Test and EU yet. Deploy it there first."
    ]
    line.verify(line.eu)
    assert line.codes(line.us) == ["not-verified-before"]
    line.verify(line.test)

    assert line.deploy(line.us).state == "running"


def test_at_least_so_many_open_the_next_phase_and_one_fewer_does_not(line):
    line.phase(line.test, line.eu, line.us, needs="at_least", at_least=2)
    line.verify(line.us)
    blockers = line.refused(line.production)

    assert blockers[0].code == "too-few-verified"
    assert blockers[0].message == (
        "4.8.0-rc.1 counts in 1 of 3 environments of “Canaries”, and it takes 2. Deploy it to 1 more: Test or EU."
    )
    line.verify(line.test)
    assert "too-few-verified" not in line.codes(line.production)


def test_an_optional_phase_may_be_passed_over(line):
    line.phase(line.eu, needs="optional", soak_minutes=600)
    line.verify(line.test)

    assert line.deploy(line.us).state == "running"


def test_what_was_taken_back_does_not_count_any_more(line):
    row = line.verify(line.test)
    releases.put_in_state(row, "rolled_back")

    assert line.codes(line.eu) == ["not-verified-before"]


def test_a_verification_of_another_candidate_does_not_count(line):
    line.verify(line.test)
    releases.candidate(line.release)

    assert line.codes(line.eu) == ["not-verified-before"]


@pytest.mark.parametrize(("ago", "left"), [(0, "1 h 30 min"), (89, "1 min"), (45, "45 min")])
def test_a_phase_soaks_and_the_blocker_counts_the_minutes_that_are_left(line, ago, left):
    line.phase(line.test, soak_minutes=90)
    line.verify(line.test, ago_minutes=ago)

    blocker = line.refused(line.eu)[0]

    assert blocker.code == "still-soaking"
    assert f"for another {left}, until " in blocker.message


def test_a_phase_that_has_soaked_is_open(line):
    line.phase(line.test, soak_minutes=90)
    line.verify(line.test, ago_minutes=90)

    assert line.deploy(line.eu).state == "running"


def test_the_soak_of_a_whole_phase_ends_with_the_last_of_those_that_are_needed(line):
    line.phase(line.test, line.eu, line.us, needs="at_least", at_least=2, soak_minutes=60)
    line.verify(line.test, ago_minutes=70)
    line.verify(line.eu, ago_minutes=20)
    line.verify(line.us, ago_minutes=5)

    phase = pipeline.of(line.release).phases[0]

    assert phase.soak_left_minutes == 40


def test_a_soak_that_another_candidate_cut_short_does_not_count(line):
    line.phase(line.test, soak_minutes=60)
    line.verify(line.test, ago_minutes=100)
    other = releases.release(line.release.product, state="testing", version="4.7.9")
    began = timezone.now() - timedelta(minutes=90)
    shipping.deployment(other, line.test, "failed", started_at=began)

    blocker = line.refused(line.eu)[0]

    assert blocker.code == "soak-cut-short"
    assert "ran in Test for 10 min of 1 h" in blocker.message


def test_a_candidate_that_was_replaced_after_its_soak_has_soaked(line):
    line.phase(line.test, soak_minutes=60)
    line.verify(line.test, ago_minutes=100)
    other = releases.release(line.release.product, state="testing", version="4.7.9")
    shipping.deployment(other, line.test, "succeeded", started_at=timezone.now() - timedelta(minutes=30))

    assert line.deploy(line.eu).state == "running"


def test_deployed_again_after_a_cut_the_candidate_soaks_anew(line):
    line.phase(line.test, soak_minutes=60)
    line.verify(line.test, ago_minutes=100)
    other = releases.release(line.release.product, state="testing", version="4.7.9")
    shipping.deployment(other, line.test, "failed", started_at=timezone.now() - timedelta(minutes=90))
    line.verify(line.test, ago_minutes=10)

    assert "for another 50 min" in line.refused(line.eu)[0].message


def test_a_rollback_waits_for_no_phase(line):
    shipping.verified(line.us, "4.7.0")
    row = line.verify(line.us)

    assert doors.roll_back(row.pk, actor=line.deployer, reason="It is slow.").state == "running"


def test_the_reading_says_when_the_next_phase_opens_by_the_passing_of_time(line):
    line.phase(line.test, soak_minutes=90)
    assert pipeline.of(line.release).next_opening_at is None
    row = line.verify(line.test, ago_minutes=30)

    seen = pipeline.of(line.release)

    assert seen.next_opening_at == row.verified_at + timedelta(minutes=90)
    assert [seen.is_open(phase) for phase in seen.phases] == [True, False, False, False]
    assert seen.opened_by(seen.phases[1]) == row


def test_a_release_without_a_candidate_stands_nowhere(line):
    line.release.candidate = None

    seen = pipeline.of(line.release)

    assert [phase.is_done for phase in seen.phases] == [False] * 4
    assert seen.is_open(seen.phases[0])


@pytest.mark.parametrize("many", [1, 7])
def test_the_reading_asks_as_much_for_seven_deployments_as_for_one(line, many):
    line.phase(line.eu, line.us, soak_minutes=5)
    for _ in range(many):
        line.verify(line.test, line.eu, line.us)
    release = type(line.release).objects.select_related("product", "candidate").get(pk=line.release.pk)

    with CaptureQueriesContext(connection) as queries:
        assert pipeline.of(release).next_opening_at

    assert len(queries) == 3


# Standstills


@pytest.fixture
def stopper(line):
    return line.deployer


@pytest.fixture
def change_manager(line):
    return accounts.person("tomasz", roles=["change-manager"], on=line.release.product)


def test_a_stopped_candidate_goes_again_where_it_was_and_enters_no_new_phase(line, stopper):
    line.phase(line.eu, line.us)
    line.verify(line.test, line.eu)

    prevent_progression(line.release.candidate_id, actor=stopper, reason="Memory grows.")

    assert line.codes(line.production)[0] == "progression-prevented"
    assert line.deploy(line.test).state == "running"
    assert line.deploy(line.us).state == "running"  # its phase was reached


def test_a_blocker_tells_who_stopped_the_candidate_and_why(line, stopper):
    line.verify(line.test)
    prevent_progression(line.release.candidate_id, actor=stopper, reason="Memory grows.")

    blocker = line.refused(line.eu)[0]

    assert "stopped 4.8.0-rc.1 where it is: Memory grows." in blocker.message
    assert blocker.fix == "See the standstill"


def test_a_candidate_that_was_rolled_back_may_still_go_again_where_it_had_been(line, stopper):
    releases.put_in_state(line.verify(line.test), "rolled_back")
    prevent_progression(line.release.candidate_id, actor=stopper, reason="Memory grows.")

    assert line.deploy(line.test).state == "running"


def test_the_next_candidate_is_not_stopped(line, stopper):
    prevent_progression(line.release.candidate_id, actor=stopper, reason="Memory grows.")
    assert line.codes(line.test) == ["progression-prevented"]
    releases.candidate(line.release)

    assert line.deploy(line.test).state == "running"


def test_whoever_stops_a_candidate_does_not_hold_the_right_to_let_it_go_on(line, stopper, change_manager):
    candidate = line.release.candidate_id
    prevent_progression(candidate, actor=stopper, reason="Memory grows.")

    with pytest.raises(PermissionDenied, match="Only a Change manager may do this"):
        allow_progression(candidate, actor=stopper, reason="It is fine.")
    assert line.codes(line.test) == ["progression-prevented"]
    allow_progression(candidate, actor=change_manager, reason="The leak is in the probe.")

    assert line.deploy(line.test).state == "running"
    ended = Standstill.objects.get()
    assert (ended.begun_by, ended.ended_by, ended.ended_because) == (
        stopper,
        change_manager,
        "The leak is in the probe.",
    )


def test_a_machine_may_stop_a_candidate_and_a_person_alone_lets_it_go_on(line):
    machine = accounts.person("ci", roles=["release-manager", "change-manager"], on=line.product, is_service=True)
    prevent_progression(line.release.candidate_id, actor=machine, reason="Memory grows.")

    with pytest.raises(PermissionDenied, match="Service accounts"):
        allow_progression(line.release.candidate_id, actor=machine, reason="It is fine.")

    assert Standstill.objects.filter(ended_at=None).count() == 1


def test_only_who_may_block_stops_a_candidate(line):
    reader = accounts.person("sam", roles=["stakeholder"], on=line.release.product)

    with pytest.raises(PermissionDenied):
        prevent_progression(line.release.candidate_id, actor=reader, reason="I want to.")
    with pytest.raises(Http404):
        prevent_progression(line.release.candidate_id, actor=accounts.person(), reason="I want to.")
    assert not Standstill.objects.exists()


def test_a_standstill_is_told_on_the_release_with_candidate_and_reason(line, stopper, change_manager):
    prevent_progression(line.release.candidate_id, actor=stopper, reason="Memory grows.")
    allow_progression(line.release.candidate_id, actor=change_manager, reason="It was the probe.")

    told = Event.objects.filter(stream=f"release:{line.release.pk}").order_by("seq")

    assert [(e.name, e.payload["candidate"], e.payload["reason"]) for e in told] == [
        ("release.progression_prevented", "4.8.0-rc.1", "Memory grows."),
        ("release.progression_allowed", "4.8.0-rc.1", "It was the probe."),
    ]


def test_a_standstill_needs_a_reason_and_stands_once(line, stopper, change_manager):
    candidate = line.release.candidate_id

    def codes_of(door, **asked):
        with pytest.raises(Refused) as refusal:
            door(candidate, **asked)
        return [b.code for b in refusal.value.blockers]

    assert codes_of(prevent_progression, actor=stopper, reason="  ") == ["reason"]
    assert codes_of(allow_progression, actor=change_manager, reason="Why not.") == ["not-stopped"]
    prevent_progression(candidate, actor=stopper, reason="Memory grows.")
    assert codes_of(prevent_progression, actor=stopper, reason="Again.") == ["stopped-already"]
    assert codes_of(allow_progression, actor=change_manager, reason="") == ["reason"]
    assert Standstill.objects.filter(ended_at__isnull=True).count() == 1


def test_an_earlier_candidate_can_be_stopped_and_the_current_one_goes_on(line, stopper):
    earlier = line.release.candidate_id
    releases.candidate(line.release)

    made = prevent_progression(earlier, actor=stopper, reason="Memory grows.")

    assert made.candidate_id == earlier
    assert line.deploy(line.test).state == "running"


def test_a_reason_that_cannot_be_kept_is_refused_at_its_field(line, stopper, change_manager):
    candidate = line.release.candidate_id
    with pytest.raises(Refused) as refusal:
        prevent_progression(candidate, actor=stopper, reason="Memory\0 grows.")
    assert [b.field for b in refusal.value.blockers] == ["reason"]
    assert not Standstill.objects.exists()

    prevent_progression(candidate, actor=stopper, reason="Memory grows.")
    with pytest.raises(Refused) as refusal:
        allow_progression(candidate, actor=change_manager, reason="\0")
    assert [b.field for b in refusal.value.blockers] == ["reason"]
    assert Standstill.objects.get().ended_at is None
