"""The doors of a release: its plan, its steps, its block, its dependencies."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404
from django.utils import timezone

from core import gates
from core.blockers import Refused
from core.models import Event
from releases import actions
from releases.models import Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


def codes(refusal):
    return [b.code for b in refusal.value.blockers]


def fields(refusal):
    return [b.field for b in refusal.value.blockers]


@pytest.fixture
def only_ours(monkeypatch):
    """Gates of other rooms are clear, so that these tests speak of releases alone."""
    ask = gates._answer
    ours = lambda name: gates.registered(name[0])[name[1]].find.__module__.startswith("releases.")  # noqa: E731

    def answer(transition, name, obj):
        return ask(transition, name, obj) if ours((transition, name)) else gates.Answer(name, name)

    monkeypatch.setattr(gates, "_answer", answer)


# Drafting and editing


def test_a_draft_is_recorded_with_its_version_and_strategy(product, manager):
    release = actions.draft_release(product.pk, actor=manager, version="1.0.0", strategy="major", manager=manager)
    event = Event.objects.get()
    assert (event.name, event.stream, event.actor) == ("release.drafted", f"release:{release.pk}", manager)
    assert event.payload == {"version": "1.0.0", "strategy": "major"}
    assert release.state == "draft"


@pytest.mark.parametrize(
    ("version", "code"),
    [
        ("1.0", "version-invalid"),
        ("v1.0.0", "version-invalid"),
        ("4.8.0", "version-taken"),
        ("4.7.2", "version-not-newer"),
        ("4.7.0-rc.1", "version-not-newer"),
    ],
)
def test_a_version_that_does_not_fit_is_refused_at_its_field(product, manager, version, code):
    releases.release(product, "closed", version="4.7.3")
    releases.release(product, "draft", version="4.8.0")
    with pytest.raises(Refused) as refusal:
        actions.draft_release(product.pk, actor=manager, version=version)
    assert (codes(refusal), fields(refusal)) == ([code], ["version"])
    assert Release.objects.count() == 2
    assert not Event.objects.exists()


def test_an_older_line_may_still_get_a_newer_version(product, manager):
    releases.release(product, "closed", version="5.0.0")
    releases.release(product, "closed", version="4.7.3")
    assert actions.draft_release(product.pk, actor=manager, version="4.7.4").pk


def test_the_version_of_a_cancelled_release_is_free_again(product, manager):
    releases.release(product, "cancelled", version="4.8.0")
    assert actions.draft_release(product.pk, actor=manager, version="4.8.0").pk


@pytest.mark.parametrize("version", ["spring/1", "..", "a\\b"])
def test_a_free_version_must_be_able_to_stand_in_an_address(manager, product, version):
    product.scheme = "free"
    product.save()
    with pytest.raises(Refused) as refusal:
        actions.draft_release(product.pk, actor=manager, version=version)
    assert codes(refusal) == ["version-invalid"]


def test_half_a_window_and_one_in_disorder_are_refused_at_the_field(product, manager):
    now = timezone.now()
    for window, code in (
        ({"window_starts_at": now}, "window-half"),
        ({"window_starts_at": now, "window_ends_at": now}, "window-order"),
    ):
        with pytest.raises(Refused) as refusal:
            actions.draft_release(product.pk, actor=manager, version="1.0.0", **window)
        assert (codes(refusal), fields(refusal)) == ([code], ["window_ends_at"])


def test_somebody_who_is_no_release_manager_cannot_be_named_one(product, manager, contributor):
    with pytest.raises(Refused) as refusal:
        actions.draft_release(product.pk, actor=manager, version="1.0.0", manager=contributor)
    assert (codes(refusal), fields(refusal)) == (["manager-unfit"], ["manager"])


def test_planning_needs_the_right_and_sight(product, contributor, outsider):
    with pytest.raises(PermissionDenied):
        actions.draft_release(product.pk, actor=contributor, version="1.0.0")
    with pytest.raises(Http404):
        actions.draft_release(product.pk, actor=outsider, version="1.0.0")
    assert not Release.objects.exists()


def test_an_edit_that_matters_counts_the_plan_up_and_tells_what_changed(product, manager):
    release = releases.release(product, "approving", objective="Old.")
    edited = actions.edit_plan(release.pk, actor=manager, objective="New.", title=release.title)
    payload = Event.objects.get(name="release.plan_edited").payload
    assert payload == {"changed": {"objective": ["Old.", "New."]}, "material": True, "plan_version": 2}
    assert edited.plan_version == 2


def test_a_new_title_alone_is_not_material(product, manager):
    release = releases.release(product, "approving")
    assert actions.edit_plan(release.pk, actor=manager, title="Instant refunds").plan_version == 1
    assert Event.objects.get().payload["material"] is False


def test_an_edit_that_changes_nothing_leaves_no_event(product, manager):
    release = releases.release(product, "draft", manager=manager)
    actions.edit_plan(release.pk, actor=manager, version=release.version, objective=release.objective, manager=manager)
    assert not Event.objects.exists()


@pytest.mark.parametrize("field", [{"version": "9.0.0"}, {"strategy": "major"}])
def test_version_and_strategy_are_settled_once_the_build_has_begun(product, manager, field):
    release = releases.release(product, "testing")
    with pytest.raises(Refused) as refusal:
        actions.edit_plan(release.pk, actor=manager, **field)
    assert codes(refusal) == ["plan-settled"]
    assert refusal.value.blockers[0].url.endswith(f"/{release.version}/step/reopen_plan/")
    assert not Event.objects.exists()


def test_a_new_version_drops_the_candidate_that_carries_the_old_one(product, manager):
    release = releases.release(product, "planned", version="1.0.0")
    candidate = releases.candidate(release)
    edited = actions.edit_plan(release.pk, actor=manager, version="1.1.0")
    assert edited.candidate is None
    assert Event.objects.get().payload["changed"]["candidate"] == [candidate.version, None]


@pytest.mark.parametrize("state", ["deploying", "released", "review", "closed", "cancelled", "rolled_back"])
def test_a_plan_is_closed_once_the_deployment_has_begun(product, manager, state):
    release = releases.release(product, state)
    with pytest.raises(Refused) as refusal:
        actions.edit_plan(release.pk, actor=manager, title="Too late")
    assert codes(refusal) == ["plan-closed"]


# Steps


def test_a_plan_is_confirmed_when_it_is_whole_and_the_event_holds_what_the_gates_said(only_ours, product, manager):
    release = releases.release(product, "draft")
    releases.change(product, release)
    assert actions.take_step(release.pk, "plan", actor=manager).state == "planned"
    payload = Event.objects.get().payload
    assert (payload["state"], payload["transition"], payload["came_from"]) == ("planned", "plan", "draft")
    assert {g["gate"]: g["clear"] for g in payload["gates"]}["scope"] is True


def test_an_empty_plan_is_refused_with_every_reason_at_once(only_ours, product, manager):
    releases.release(product, "closed", version="2.0.0")
    release = releases.release(
        product, "draft", version="2.0.0-rc.1", objective=" ", manager=None, window_starts_at=None, window_ends_at=None
    )
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, "plan", actor=manager)
    assert codes(refusal) == [
        "objective-missing",
        "manager-missing",
        "window-missing",
        "scope-empty",
        "version-not-newer",
    ]
    assert all(b.url for b in refusal.value.blockers)
    release.refresh_from_db()
    assert release.state == "draft"
    assert not Event.objects.exists()


def test_a_window_that_is_over_does_not_confirm_a_plan(only_ours, product, manager):
    then = timezone.now() - timedelta(days=2)
    release = releases.release(product, "draft", window_starts_at=then, window_ends_at=then + timedelta(hours=1))
    releases.change(product, release)
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, "plan", actor=manager)
    assert codes(refusal) == ["window-over"]


def test_the_build_waits_for_dependencies_that_are_not_planned(only_ours, product, manager):
    release, needed = releases.release(product, "planned"), releases.release(state="draft")
    release.dependencies.create(needs=needed)
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, "start_build", actor=manager)
    assert codes(refusal) == [f"dependency-unplanned:{needed.pk}"]
    releases.put_in_state(needed, "planned")
    assert actions.take_step(release.pk, "start_build", actor=manager).state == "building"


@pytest.mark.parametrize("same", [{"commits": ["c" * 40]}, {"pull_request": 12}])
def test_the_build_waits_while_another_open_release_carries_the_same_work(only_ours, product, manager, same):
    release, other = releases.release(product, "planned"), releases.release(product, "draft")
    mine, theirs = releases.change(product, release, **same), releases.change(product, other, **same)
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, "start_build", actor=manager)
    assert codes(refusal) == [f"double-scope:{mine.key}:{other.version}"]
    assert theirs.key in refusal.value.blockers[0].message
    releases.put_in_state(other, "cancelled")
    assert actions.take_step(release.pk, "start_build", actor=manager).state == "building"


def test_testing_waits_for_a_candidate(only_ours, product, manager):
    release = releases.release(product, "building")
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, "start_testing", actor=manager)
    assert codes(refusal) == ["candidate-missing"]
    releases.candidate(release)
    assert actions.take_step(release.pk, "start_testing", actor=manager).state == "testing"


def test_a_release_on_hold_resumes_where_it_stood(only_ours, product, manager):
    release = releases.release(product, "testing")
    actions.take_step(release.pk, "hold", actor=manager, reason="The bank is away.")
    assert actions.take_step(release.pk, "resume", actor=manager, reason="It is back.").state == "testing"
    names = list(Event.objects.order_by("seq").values_list("name", flat=True))
    assert names == ["release.held", "release.resumed"]
    assert Event.objects.get(name="release.held").payload["reason"] == "The bank is away."


@pytest.mark.parametrize("name", ["hold", "cancel", "reopen_plan"])
def test_a_step_that_needs_a_reason_says_so(product, manager, name):
    release = releases.release(product, "testing")
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, name, actor=manager, reason="  ")
    assert (codes(refusal), fields(refusal)) == (["reason"], ["reason"])
    assert not Event.objects.exists()


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("testing", "request_approval"),
        ("draft", "expedite"),
        ("review", "close"),
        ("approving", "mark_ready"),
        ("ready", "start_deploying"),
        ("deploying", "mark_released"),
        ("testing", "new_candidate"),
        ("draft", "nonsense"),
        ("draft", "save"),
    ],
)
def test_steps_of_other_rooms_and_of_the_system_are_not_taken_by_this_door(product, state, name):
    release = releases.release(product, state, strategy="emergency")
    everything = accounts.person(roles=["release-manager", "deployer", "change-manager"], on=product)
    with pytest.raises(Refused) as refusal:
        actions.take_step(release.pk, name, actor=everything, reason="x")
    assert codes(refusal) == ["not-this-way"]
    assert not Event.objects.exists()


def test_a_step_asks_who_may(product, contributor, outsider):
    release = releases.release(product, "testing")
    with pytest.raises(PermissionDenied, match="Release manager"):
        actions.take_step(release.pk, "hold", actor=contributor, reason="x")
    with pytest.raises(Http404):
        actions.take_step(release.pk, "hold", actor=outsider, reason="x")
    assert not Event.objects.exists()


# Blocks and comments


def test_anybody_with_the_right_blocks_at_once_and_no_door_here_lifts_it(product):
    deployer = accounts.person(roles=["deployer"], on=product)
    release = releases.release(product, "ready")
    actions.block_release(release.pk, actor=deployer, reason="The ledger is wrong.")
    release.refresh_from_db()
    assert (release.blocked_reason, release.blocked_by) == ("The ledger is wrong.", deployer)
    assert list(Event.objects.values_list("name", flat=True)) == ["release.blocked"]
    assert [name for name in actions.__all__ if "unblock" in name] == []


def test_a_block_needs_a_reason_and_is_set_once(product, manager):
    release = releases.release(product, "ready")
    with pytest.raises(Refused) as refusal:
        actions.block_release(release.pk, actor=manager, reason=" ")
    assert fields(refusal) == ["reason"]
    actions.block_release(release.pk, actor=manager, reason="Wait.")
    with pytest.raises(Refused) as refusal:
        actions.block_release(release.pk, actor=manager, reason="Again.")
    assert codes(refusal) == ["blocked-already"]


def test_a_comment_is_an_event_and_an_empty_one_is_refused(product, contributor, stakeholder):
    release = releases.release(product)
    actions.comment(release.pk, actor=contributor, text=" Looks fine. ")
    assert Event.objects.get().payload == {"text": "Looks fine."}
    with pytest.raises(Refused):
        actions.comment(release.pk, actor=contributor, text="\n")
    with pytest.raises(PermissionDenied):
        actions.comment(release.pk, actor=stakeholder, text="May I?")
    assert Event.objects.count() == 1


# Dependencies


def test_a_circle_of_dependencies_is_refused_and_named(product, manager):
    a, b, c = (releases.release(product, "draft", version=f"{n}.0.0") for n in (1, 2, 3))
    actions.add_dependency(a.pk, b.pk, actor=manager)
    actions.add_dependency(b.pk, c.pk, actor=manager)
    with pytest.raises(Refused) as refusal:
        actions.add_dependency(c.pk, a.pk, actor=manager)
    assert (codes(refusal), fields(refusal)) == (["dependency-circle"], ["needs"])
    message = refusal.value.blockers[0].message
    assert all(str(r) in message for r in (a, b, c))
    assert "1.0.0 needs Payments API 2.0.0" in message
    assert c.dependencies.count() == 0


def test_a_release_cannot_need_itself_nor_the_same_one_twice(product, manager):
    a, b = releases.release(product), releases.release(product)
    with pytest.raises(Refused) as refusal:
        actions.add_dependency(a.pk, a.pk, actor=manager)
    assert codes(refusal) == ["dependency-circle"]
    kept = actions.add_dependency(a.pk, b.pk, actor=manager)
    with pytest.raises(Refused) as refusal:
        actions.add_dependency(a.pk, b.pk, actor=manager)
    assert codes(refusal) == ["dependency-known"]
    actions.remove_dependency(kept.pk, actor=manager)
    assert not a.dependencies.exists()


def test_a_release_of_an_unseen_product_cannot_be_needed(product, manager):
    a, hidden = releases.release(product), releases.release()
    with pytest.raises(Release.DoesNotExist):
        actions.add_dependency(a.pk, hidden.pk, actor=manager)


def test_a_deployment_waits_for_what_must_ship_first_and_only_for_that(product):
    release = releases.release(product, "ready")
    first, beside = releases.release(state="ready"), releases.release(state="ready")
    release.dependencies.create(needs=first, must_ship_first=True)
    release.dependencies.create(needs=beside, must_ship_first=False)
    found = {a.gate: a for a in gates.answers("release.start_deploying", ["dependencies_released"], release)}
    assert [b.code for b in found["dependencies_released"].blockers] == [f"dependency-unreleased:{first.pk}"]
    releases.put_in_state(first, "released")
    release = Release.objects.get(pk=release.pk)
    assert gates.answers("release.start_deploying", ["dependencies_released"], release)[0].clear
