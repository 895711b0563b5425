"""Phases of a pipeline: who makes them, what they may hold, what they become when the pipeline changes."""

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from core.blockers import Refused
from core.models import Event
from releases import actions, phases
from releases.models import Environment, Phase
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


@pytest.fixture
def four(db):
    """A product with two staging environments and two production ones."""
    made = releases.product("Payments API", slug="payments-api", key="PAY")
    us = Environment(product=made, name="Production US", slug="us", position=3, tier="production")
    rest = releases.pipeline(made, "Test", "Staging", "Production")
    us.save()
    return [*rest, us]


@pytest.fixture
def manager(four):
    return accounts.person("maren", roles=["release-manager"], on=four[0].product)


@pytest.fixture
def keeper(four):
    """Keeps environments, and may not let anything be deployed by itself."""
    return accounts.person("adele", roles=["administrator"], on=four[0].product)


def ids(*environments) -> list[int]:
    return [e.pk for e in environments]


def refusal_of(door, *args, **kwargs) -> list[str]:
    before = list(Environment.objects.order_by("pk").values_list("phase", "position"))
    with pytest.raises(Refused) as refusal:
        door(*args, **kwargs)
    assert list(Environment.objects.order_by("pk").values_list("phase", "position")) == before
    assert not Event.objects.filter(name__startswith="product.").exclude(name="product.phase_added").exists()
    return [b.code for b in refusal.value.blockers]


def made(four, manager, *members, name="Rehearsal", **fields) -> Phase:
    return actions.add_phase(four[0].product_id, actor=manager, environments=ids(*members), name=name, **fields)


def test_environments_without_a_phase_are_each_a_phase_of_their_own_that_is_needed_whole(four):
    found = phases.groups(four[0].product.environments.select_related("phase"))

    assert [(g.name, g.required, g.soak_minutes, g.is_automatic) for g in found] == [
        ("Test", 1, 0, False),
        ("Staging", 1, 0, False),
        ("Production", 1, 0, False),
        ("Production US", 1, 0, False),
    ]


def test_a_phase_groups_adjacent_environments_and_its_event_stands_on_the_product(four, manager):
    phase = made(four, manager, four[0], four[1], needs="at_least", at_least=1, soak_minutes=90)

    found = phases.groups(four[0].product.environments.select_related("phase"))
    event = Event.objects.get(name="product.phase_added")

    assert (found[0].name, [e.name for e in found[0].environments]) == ("Rehearsal", ["Test", "Staging"])
    assert (found[0].required, len(found)) == (1, 3)
    assert found[0].rule == "at least 1 of 2, then 1 h 30 min of soak"
    assert event.stream == f"product:{four[0].product_id}"
    assert event.payload["environments"] == ["test", "staging"]
    assert phase.automated_by is None


@pytest.mark.parametrize(
    ("members", "fields", "code"),
    [
        ((0, 2), {}, ["phase-torn", "phase-torn"]),
        ((1, 2), {}, ["phase-mixed"]),
        ((0, 1), {"needs": "at_least", "at_least": 3}, ["too-few-environments"]),
        ((0, 1), {"at_least": 0}, ["at-least-none"]),
        ((), {}, ["no-environment"]),
        ((0, 1), {"name": " "}, ["name-invalid"]),
    ],
)
def test_a_phase_that_could_not_work_is_refused(four, manager, members, fields, code):
    if code == ["phase-torn", "phase-torn"]:  # without production in it, so that this alone is wrong
        code, members = ["phase-torn"], (0, 2)
        Environment.objects.filter(pk=four[2].pk).update(tier="staging")

    assert refusal_of(made, four, manager, *[four[i] for i in members], **({"name": "Rehearsal"} | fields)) == code
    assert not Phase.objects.exists()


def test_at_least_as_many_as_there_are_is_accepted(four, manager):
    assert made(four, manager, four[0], four[1], needs="at_least", at_least=2).at_least == 2


def test_two_phases_of_a_product_do_not_share_a_name_and_those_of_two_products_may(four, manager):
    made(four, manager, four[0])
    other = releases.pipeline(releases.product())[0]

    assert refusal_of(made, four, manager, four[1], name="rehearsal") == ["phase-taken"]

    accounts.person("olga", roles=["release-manager"], on=other.product)
    olga = accounts.person("otto", roles=["release-manager"], on=other.product)
    assert actions.add_phase(other.product_id, actor=olga, environments=[other.pk], name="Rehearsal").pk


def test_environments_of_another_product_join_no_phase(four, manager):
    other = releases.pipeline(releases.product())[0]

    assert refusal_of(made, four, manager, four[0], other) == ["no-environment"]


def test_only_who_keeps_environments_makes_phases(four):
    reader = accounts.person("sven", roles=["deployer"], on=four[0].product)

    with pytest.raises(PermissionDenied):
        made(four, reader, four[0])
    with pytest.raises(Http404):
        made(four, accounts.person("outsider"), four[0])
    assert not Phase.objects.exists()


def test_to_let_a_phase_be_deployed_to_by_itself_takes_its_own_right_and_keeps_the_name(four, manager, keeper):
    with pytest.raises(PermissionDenied, match="Only a Release manager may do this"):
        made(four, keeper, four[0], is_automatic=True)
    phase = made(four, keeper, four[0])
    with pytest.raises(PermissionDenied):
        actions.change_phase(phase.pk, actor=keeper, is_automatic=True)

    assert actions.change_phase(phase.pk, actor=manager, is_automatic=True).automated_by == manager
    assert actions.change_phase(phase.pk, actor=keeper, is_automatic=False).automated_by is None


def test_nobody_brings_an_environment_into_an_automatic_phase_in_the_name_of_another(four, manager, keeper):
    phase = made(four, manager, four[2], name="Live", is_automatic=True)

    with pytest.raises(PermissionDenied):
        actions.change_phase(phase.pk, actor=keeper, environments=ids(four[2], four[3]))
    with pytest.raises(PermissionDenied):
        actions.put_in_phase(four[3].pk, phase.pk, actor=keeper)
    actions.change_phase(phase.pk, actor=keeper, name="Everybody")

    phase.refresh_from_db()
    assert (phase.name, phase.automated_by) == ("Everybody", manager)
    assert list(phase.environments.all()) == [four[2]]


def test_a_service_account_does_not_let_a_phase_be_deployed_to_by_itself(four):
    robot = accounts.person("robot", roles=["release-manager"], on=four[0].product)
    type(robot).objects.filter(pk=robot.pk).update(is_service=True)
    robot.refresh_from_db()

    with pytest.raises(PermissionDenied, match="never sign"):
        made(four, robot, four[0], is_automatic=True)


def test_a_change_says_what_changed_and_none_says_nothing(four, manager):
    phase = made(four, manager, four[0], four[1], soak_minutes=10)

    actions.change_phase(phase.pk, actor=manager, soak_minutes=10, environments=ids(four[0], four[1]))
    assert not Event.objects.filter(name="product.phase_changed").exists()

    actions.change_phase(phase.pk, actor=manager, soak_minutes=30, environments=ids(four[1]))
    changed = Event.objects.get(name="product.phase_changed").payload["changed"]
    assert changed == {"soak_minutes": [10, 30], "environments": [["test", "staging"], ["staging"]]}


def test_an_environment_is_put_into_a_phase_and_taken_out_again(four, manager):
    phase = made(four, manager, four[0])

    actions.put_in_phase(four[1].pk, phase.pk, actor=manager)
    assert list(phase.environments.order_by("position")) == four[:2]
    actions.put_in_phase(four[0].pk, None, actor=manager)
    assert list(phase.environments.all()) == [four[1]]

    told = [e.payload for e in Event.objects.filter(name="product.environment_placed").order_by("seq")]
    assert [(e["environment"], e["was"], e["phase"]) for e in told] == [
        ("staging", "", "Rehearsal"),
        ("test", "Rehearsal", ""),
    ]


def test_the_last_environment_does_not_leave_its_phase(four, manager):
    made(four, manager, four[0])

    assert refusal_of(actions.put_in_phase, four[0].pk, None, actor=manager) == ["phase-empty"]
    assert refusal_of(actions.remove_environment, four[0].pk, actor=manager) == ["phase-empty"]


def test_an_environment_that_a_phase_counts_on_is_not_removed(four, manager):
    made(four, manager, four[0], four[1], needs="at_least", at_least=2)

    assert refusal_of(actions.remove_environment, four[0].pk, actor=manager) == ["too-few-environments"]


def test_a_phase_is_not_torn_by_a_new_order_nor_mixed_by_a_new_tier(four, manager):
    product = four[0].product
    made(four, manager, four[2], four[3], name="Live")
    Environment.objects.filter(pk=four[1].pk).update(tier="production")
    torn = ids(four[0], four[2], four[1], four[3])

    assert refusal_of(actions.order_environments, product.pk, torn, actor=manager) == ["phase-torn"]
    assert refusal_of(actions.change_environment, four[2].pk, actor=manager, tier="staging") == ["production-last"]
    actions.order_environments(product.pk, ids(four[0], four[3], four[2], four[1]), actor=manager)

    assert [e.name for e in product.environments.order_by("position")][1:3] == ["Production US", "Production"]


def test_the_tier_of_a_phase_does_not_become_mixed(four, manager):
    made(four, manager, four[0], four[1])

    assert refusal_of(actions.change_environment, four[1].pk, actor=manager, tier="production") == ["phase-mixed"]


def test_what_was_a_phase_is_environments_again(four, manager):
    phase = made(four, manager, four[0], four[1])

    actions.remove_phase(phase.pk, actor=manager)

    assert not Phase.objects.exists()
    assert len(phases.groups(four[0].product.environments.select_related("phase"))) == 4
    assert Event.objects.get(name="product.phase_removed").payload["environments"] == ["test", "staging"]


def test_a_new_environment_tears_no_phase(four, manager):
    product = four[0].product
    made(four, manager, four[0], four[1])
    made(four, manager, four[2], four[3], name="Live")

    actions.add_environment(product.pk, actor=manager, name="Preview", tier="staging")

    order = [(g.name, len(g.environments)) for g in phases.groups(product.environments.select_related("phase"))]
    assert order == [("Rehearsal", 2), ("Preview", 1), ("Live", 2)]


@pytest.mark.parametrize(
    ("number", "words"), [(0, "0 min"), (45, "45 min"), (60, "1 h"), (90, "1 h 30 min"), (4320, "3 days")]
)
def test_soak_is_told_in_words(number, words):
    assert phases.minutes(number) == words
