"""The doors of roles and teams, and the groups that follow them."""

import random
from threading import Barrier, Thread

import pytest
from django.contrib.auth.models import Group, Permission
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from guardian.models import GroupObjectPermission

from accounts import actions, groups, policy
from accounts.models import Grant, Team, User
from accounts.roles import ROLES
from core.blockers import Refused
from core.models import Event
from tests.factories.accounts import hold, person, team
from tests.factories.releases import product

pytestmark = pytest.mark.django_db


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


def rights_by_grants(user: User) -> dict[str, frozenset[str]]:
    """What a person's rights must be, worked out from the grants alone."""
    found: dict[str, set[str]] = {}
    for grant in Grant.objects.filter(user=user) | Grant.objects.filter(team__in=user.teams.all()):
        found.setdefault(grant.scope, set()).update(ROLES[grant.role].rights)
    return {scope: frozenset(rights) for scope, rights in found.items()}


def test_a_role_on_a_product_gives_its_rights_there_and_nowhere_else(adele, payments, checkout):
    mira = person("mira")
    actions.give_role("deployer", actor=adele, user=mira, scope=payments)
    assert policy.rights_of(mira, fresh=True) == {f"product:{payments.pk}": ROLES["deployer"].rights}
    assert policy.may(mira, "releases.deploy", payments)
    assert not policy.may(mira, "releases.deploy", checkout)
    event = Event.objects.get(name="role.given")
    assert (event.stream, event.actor, event.payload) == (
        f"user:{mira.pk}",
        adele,
        {"role": "deployer", "scope": f"product:{payments.pk}"},
    )


def test_a_role_given_twice_is_given_once(adele, payments):
    mira = person("mira")
    first = actions.give_role("deployer", actor=adele, user=mira, scope=payments)
    assert actions.give_role("deployer", actor=adele, user=mira, scope=f"product:{payments.pk}") == first
    assert Event.objects.filter(name="role.given").count() == 1


def test_a_role_taken_back_is_gone_unless_a_team_gives_it_too(adele, payments):
    mira = person("mira")
    own = actions.give_role("deployer", actor=adele, user=mira, scope=payments)
    shippers = actions.add_team(actor=adele, name="Shippers", members=[mira])
    through_team = actions.give_role("deployer", actor=adele, team=shippers, scope=payments)
    actions.take_role(own.pk, actor=adele)
    assert policy.rights_of(mira, fresh=True) == {f"product:{payments.pk}": ROLES["deployer"].rights}
    actions.take_role(through_team.pk, actor=adele)
    assert policy.rights_of(mira, fresh=True) == {}


@pytest.mark.parametrize("seed", range(4))
def test_after_any_sequence_of_doors_the_groups_say_what_the_grants_say(adele, bruno, seed):
    dice = random.Random(seed)  # noqa: S311  dice, no secret
    places = [None, product("Payments"), product("Checkout")]
    people = [person() for _ in range(3)]
    teams = [actions.add_team(actor=adele, name=name, members=[people[0]]) for name in ("Red", "Blue")]
    roles = ["contributor", "qa-approver"]
    for _ in range(40):
        verb = dice.choice(["give", "give_team", "take", "members", "join", "leave"])
        someone, some_team = dice.choice(people), dice.choice(teams)
        if verb == "give":
            actions.give_role(dice.choice(roles), actor=adele, user=someone, scope=dice.choice(places))
        elif verb == "give_team":
            actions.give_role(dice.choice(roles), actor=adele, team=some_team, scope=dice.choice(places))
        elif verb == "take":
            held = list(Grant.objects.exclude(role="administrator"))
            if held:
                actions.take_role(dice.choice(held).pk, actor=adele)
        elif verb == "members":
            actions.set_team_members(some_team.pk, dice.sample(people, dice.randrange(4)), actor=adele)
        elif verb == "join":
            actions.join_team(some_team.pk, someone.pk, actor=adele)
        else:
            actions.leave_team(some_team.pk, someone.pk, actor=adele)
        for user in people:
            assert policy.rights_of(user, fresh=True) == rights_by_grants(user)
    for user in [*people, adele, bruno]:
        expected = rights_by_grants(user)
        fresh = User.objects.get(pk=user.pk)
        assert policy.rights_of(fresh) == expected
        for place in places[1:]:
            for right in ("releases.deploy", "releases.vote", "releases.manage_people"):
                held = right in expected.get("", ()) or right in expected.get(f"product:{place.pk}", ())
                assert fresh.has_perm(right, place) == policy.may(fresh, right, place) == held
                assert policy.who_may(right, place).filter(pk=user.pk).exists() == held
        assert fresh.has_perm("releases.deploy") == ("releases.deploy" in expected.get("", ()))


def test_nobody_makes_an_approver_of_themselves(adele, bruno, payments):
    with pytest.raises(Refused) as refusal:
        actions.give_role("qa-approver", actor=adele, user=adele, scope=payments)
    assert codes(refusal) == ["approver-by-another"]
    assert not Event.objects.exists()
    assert actions.give_role("qa-approver", actor=bruno, user=adele, scope=payments).given_by == bruno


def test_nobody_makes_an_approver_of_themselves_through_a_team(adele, payments):
    approvers = actions.add_team(actor=adele, name="Approvers", members=[])
    actions.give_role("qa-approver", actor=adele, team=approvers, scope=payments)
    for door in (
        lambda: actions.join_team(approvers.pk, adele.pk, actor=adele),
        lambda: actions.set_team_members(approvers.pk, [adele], actor=adele),
    ):
        with pytest.raises(Refused) as refusal:
            door()
        assert codes(refusal) == ["approver-by-another"]
    mine = actions.add_team(actor=adele, name="Mine", members=[adele])
    with pytest.raises(Refused) as refusal:
        actions.give_role("change-manager", actor=adele, team=mine)
    assert codes(refusal) == ["approver-by-another"]
    assert not policy.may(User.objects.get(pk=adele.pk), "releases.vote", payments)


def test_a_service_account_never_gets_an_approving_role(adele, robot, payments):
    with pytest.raises(Refused) as refusal:
        actions.give_role("security-approver", actor=adele, user=robot, scope=payments)
    assert codes(refusal) == ["service-never-signs"]
    approvers = actions.add_team(actor=adele, name="Approvers")
    actions.give_role("cab-member", actor=adele, team=approvers)
    with pytest.raises(Refused) as refusal:
        actions.join_team(approvers.pk, robot.pk, actor=adele)
    assert codes(refusal) == ["service-never-signs"]
    assert not robot.groups.exists()


def test_the_last_administrator_cannot_be_taken_away_by_any_door(adele):
    own = Grant.objects.get(user=adele)
    through = team("Office", [adele])
    with pytest.raises(Refused) as refusal:
        actions.take_role(own.pk, actor=adele)
    assert codes(refusal) == ["last-administrator"]
    hold(through, "administrator")
    actions.take_role(own.pk, actor=adele)
    for door in (
        lambda: actions.leave_team(through.pk, adele.pk, actor=adele),
        lambda: actions.set_team_members(through.pk, [], actor=adele),
        lambda: actions.take_role(Grant.objects.get().pk, actor=adele),
    ):
        with pytest.raises(Refused) as refusal:
            door()
        assert codes(refusal) == ["last-administrator"]
    assert policy.may(User.objects.get(pk=adele.pk), "releases.manage_people")


@pytest.mark.django_db(transaction=True)
def test_two_administrators_who_remove_each_other_at_once_leave_one():
    people = [person("adele", roles=["administrator"]), person("bruno", roles=["administrator"])]
    start, outcomes = Barrier(2), []

    def remove(actor, other):
        start.wait()
        try:
            actions.take_role(Grant.objects.get(user=other).pk, actor=actor)
            outcomes.append("taken")
        except (Refused, PermissionDenied, Grant.DoesNotExist) as no:
            outcomes.append(type(no).__name__)
        finally:
            connection.close()

    threads = [Thread(target=remove, args=pair) for pair in (people, people[::-1])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert sorted(outcomes) == ["PermissionDenied", "taken"]
    assert policy.who_may("releases.manage_people").count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_role_given_to_a_team_while_somebody_joins_reaches_them():
    adele, payments = person("adele", roles=["administrator"]), product("Payments")
    joiners = [person() for _ in range(4)]
    red = team("Red")
    start, errors = Barrier(5), []

    def run(door):
        start.wait()
        try:
            door()
        except Exception as error:
            errors.append(error)
        finally:
            connection.close()

    doors = [lambda u=u: actions.join_team(red.pk, u.pk, actor=User.objects.get(pk=adele.pk)) for u in joiners]
    doors.append(lambda: actions.give_role("deployer", actor=User.objects.get(pk=adele.pk), team=red, scope=payments))
    threads = [Thread(target=run, args=[door]) for door in doors]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not errors
    assert all(policy.may(User.objects.get(pk=u.pk), "releases.deploy", payments) for u in joiners)


def test_only_those_who_keep_people_give_and_take_roles(noor, payments, adele):
    mira = person("mira")
    grant = actions.give_role("tester", actor=adele, user=mira, scope=payments)
    red = team("Red")
    recorded = Event.objects.count()
    for door in (
        lambda: actions.give_role("tester", actor=noor, user=noor, scope=payments),
        lambda: actions.take_role(grant.pk, actor=noor),
        lambda: actions.add_team(actor=noor, name="Noor's"),
        lambda: actions.change_team(red.pk, actor=noor, name="Noor's"),
        lambda: actions.join_team(red.pk, noor.pk, actor=noor),
        lambda: actions.leave_team(red.pk, noor.pk, actor=noor),
        lambda: actions.set_team_members(red.pk, [noor], actor=noor),
        lambda: actions.add_person(actor=noor, username="new"),
    ):
        with pytest.raises(PermissionDenied, match="Only an Administrator may do this"):
            door()
    assert Event.objects.count() == recorded


def test_who_keeps_people_of_one_product_gives_roles_there_alone(payments, checkout):
    keeper, mira = person("keeper", roles=["administrator"], on=payments), person("mira")
    actions.give_role("tester", actor=keeper, user=mira, scope=payments)
    with pytest.raises(Http404):
        actions.give_role("tester", actor=keeper, user=mira, scope=checkout)
    with pytest.raises(PermissionDenied):
        actions.give_role("tester", actor=keeper, user=mira)
    assert [g.scope for g in mira.grants.all()] == [f"product:{payments.pk}"]


def test_a_role_that_is_no_role_is_refused(adele):
    with pytest.raises(KeyError):
        actions.give_role("emperor", actor=adele, user=person())


def test_somebody_who_left_gets_no_role(adele):
    gone = person("gone", is_active=False)
    with pytest.raises(Refused) as refusal:
        actions.give_role("tester", actor=adele, user=gone)
    assert codes(refusal) == ["person-left"]


def test_an_upgrade_that_changes_a_role_reaches_the_groups_there_are(payments):
    mira = person("mira", roles=["deployer"], on=payments)
    group = Group.objects.get(name=f"deployer@product:{payments.pk}")
    permissions = GroupObjectPermission.objects.filter(group=group)
    permissions.filter(permission__codename="deploy").delete()
    wrong = Permission.objects.get(codename="manage_people")
    first = permissions.first()
    GroupObjectPermission.objects.create(
        group=group, permission=wrong, content_type=first.content_type, object_pk=first.object_pk
    )
    groups.renew()
    assert policy.rights_of(mira, fresh=True) == {f"product:{payments.pk}": ROLES["deployer"].rights}


def test_a_team_name_is_taken_in_any_case(adele):
    red = actions.add_team(actor=adele, name="Red")
    for door in (
        lambda: actions.add_team(actor=adele, name="RED"),
        lambda: actions.change_team(actions.add_team(actor=adele, name="Blue").pk, actor=adele, name="red"),
    ):
        with pytest.raises(Refused) as refusal:
            door()
        assert codes(refusal) == ["team-name-taken"]
    actions.change_team(red.pk, actor=adele, name="Crimson", lead=adele)
    assert Team.objects.get(slug="red").lead == adele
