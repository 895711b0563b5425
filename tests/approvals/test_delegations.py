"""Who votes for whom: the doors of delegation, and what a stand-in can and cannot do in a request."""

from datetime import timedelta
from functools import partial

import pytest
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from approvals import guards, ledger, matching, minutes, places
from approvals.actions import cast_vote, delegate, end_delegation, turn_due
from approvals.models import ApprovalRequest, Delegation, Vote
from core.blockers import Refused
from core.models import Event
from reviews.facts import collect
from tests.approvals.conftest import shown
from tests.approvals.test_concurrency import at_once
from tests.factories import approvals, boards, releases
from tests.factories.accounts import absence, hold, person, team
from tests.factories.delegations import delegation

pytestmark = pytest.mark.django_db

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def payments():
    return releases.product("Payments API")


@pytest.fixture
def ann(payments):
    return person("ann", roles=["qa-approver"], on=payments)


@pytest.fixture
def ben(payments):
    return person("ben", roles=["stakeholder"], on=payments)


@pytest.fixture
def led(ann):
    """Ann's team, and its lead."""
    return team("Red", [ann], lead=person("lena"))


def period(start=timedelta(), length=7 * DAY) -> dict:
    now = timezone.now()
    return {"starts_at": now + start, "ends_at": now + start + length}


def refused(*args, **options) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as refusal:
        delegate(*args, **options)
    assert not Delegation.objects.exists()
    assert not Event.objects.filter(name__startswith="delegation.").exists()
    return [(b.code, b.field) for b in refusal.value.blockers]


def approving(product, rules=None, **fields):
    """A request on a release of the product."""
    release = releases.release(product, "approving", strategy="minor")
    releases.change(product, release, state="approved")
    return approvals.request(release, rules, **fields)


def names() -> list[str]:
    return list(Event.objects.filter(name__startswith="delegation.").order_by("pk").values_list("name", flat=True))


# The door


def test_one_delegates_ones_own_places_and_the_record_names_both(ann, ben):
    made = delegate(ann.pk, ben.pk, actor=ann, reason="On leave.", **period())
    assert (made.person, made.stand_in, made.product, made.who, made.created_by) == (ann, ben, None, "", ann)
    event = Event.objects.get(name="delegation.begun")
    assert (event.actor, event.on_behalf_of, event.scope) == (ann, None, "")
    assert (event.payload["person"], event.payload["stand_in"]) == (ann.pk, ben.pk)


def test_a_delegation_of_one_product_is_recorded_in_its_scope(ann, ben, payments):
    delegate(ann.pk, ben.pk, actor=ann, product_id=payments.pk, **period())
    assert Event.objects.get(name="delegation.begun").scope == f"product:{payments.pk}"


def test_the_lead_of_a_team_delegates_for_a_member_on_their_behalf(ann, ben, led):
    made = delegate(ann.pk, ben.pk, actor=led.lead, **period())
    event = Event.objects.get(name="delegation.begun")
    assert (made.created_by, event.actor, event.on_behalf_of) == (led.lead, led.lead, ann)


def test_nobody_else_delegates_for_somebody_not_even_the_stand_in(ann, ben, led):
    team("Blue", [ben], lead=(other := person("otto")))
    for stranger in (ben, other, person("adam", roles=["administrator"])):
        with pytest.raises(PermissionDenied):
            delegate(ann.pk, ben.pk, actor=stranger, **period())
    assert names() == []


def test_a_service_account_delegates_nothing(ann, ben):
    bot = person("bot", is_service=True)
    team("Bots", [ann], lead=bot)
    with pytest.raises(PermissionDenied):
        delegate(ann.pk, ben.pk, actor=bot, **period())


def test_a_stand_in_must_be_another_person_who_is_here_and_signs(ann, payments):
    bot = person("bot", roles=["stakeholder"], on=payments, is_service=True)
    gone = person("gone", roles=["stakeholder"], on=payments, is_active=False)
    assert refused(ann.pk, ann.pk, actor=ann, **period()) == [("stand-in-self", "stand_in")]
    assert refused(ann.pk, bot.pk, actor=ann, **period()) == [("stand-in-service", "stand_in")]
    assert refused(ann.pk, gone.pk, actor=ann, **period()) == [("stand-in-inactive", "stand_in")]


def test_a_stand_in_must_see_the_products_that_are_handed_over(ann, ben):
    other = releases.product("Web Shop")
    hold(ann, "qa-approver", other)
    assert refused(ann.pk, ben.pk, actor=ann, **period()) == [("stand-in-blind", "stand_in")]
    assert refused(ann.pk, person("otto").pk, actor=ann, **period()) == [("stand-in-blind", "stand_in")]


def test_a_stand_in_who_sees_one_product_may_be_given_that_one(ann, ben, payments):
    hold(ann, "qa-approver", releases.product("Web Shop"))
    assert delegate(ann.pk, ben.pk, actor=ann, product_id=payments.pk, **period()).product == payments


def test_a_role_held_everywhere_needs_a_stand_in_who_sees_everything(ann, ben, payments):
    hold(ann, "qa-approver")
    releases.product("Web Shop")
    assert refused(ann.pk, ben.pk, actor=ann, **period()) == [("stand-in-blind", "stand_in")]


def test_without_an_approving_role_of_ones_own_there_is_nothing_to_delegate(ben, ann, payments):
    delegation(ann, ben)
    carl = person("carl", roles=["stakeholder"], on=payments)
    with pytest.raises(Refused) as refusal:
        delegate(ben.pk, carl.pk, actor=ben, **period())
    assert [(b.code, b.field) for b in refusal.value.blockers] == [("nothing-to-delegate", "person")]
    assert Delegation.objects.count() == 1


def test_a_selector_or_a_product_that_one_does_not_hold_is_refused_at_its_field(ann, ben):
    other = releases.product("Web Shop")
    hold(ben, "stakeholder", other)
    hold(ann, "stakeholder", other)
    wanted = period()
    assert refused(ann.pk, ben.pk, actor=ann, who="role:security-approver", **wanted) == [
        ("nothing-to-delegate", "who")
    ]
    assert refused(ann.pk, ben.pk, actor=ann, product_id=other.pk, **wanted) == [("nothing-to-delegate", "product")]
    assert refused(ann.pk, ben.pk, actor=ann, who="nonsense", **wanted) == [("who-unknown", "who")]
    assert refused(ann.pk, ben.pk, actor=ann, who="role:qa-approver,role:cab-member", **wanted) == [
        ("who-several", "who")
    ]


def test_a_place_held_by_a_team_or_asked_for_by_name_can_be_delegated(payments, ben):
    dora, emil = (person(name, roles=["stakeholder"], on=payments) for name in ("dora", "emil"))
    reds = team("Red", [dora], slug="red")
    approvals.policy({"team:red": 1, f"person:{emil.pk}": 1})
    hold(ben, "stakeholder")
    assert delegate(dora.pk, ben.pk, actor=dora, who="team:red", **period()).who == "team:red"
    assert delegate(emil.pk, ben.pk, actor=emil, **period()).person == emil
    hold(reds, "cab-member", payments)
    assert delegate(dora.pk, ben.pk, actor=dora, who="role:cab-member", **period()).who == "role:cab-member"


@pytest.mark.parametrize(
    ("start", "length", "found"),
    [
        (DAY, -HOUR, ("delegation-order", "ends_at")),
        (DAY, timedelta(), ("delegation-order", "ends_at")),
        (-2 * DAY, DAY, ("delegation-past", "ends_at")),
        (DAY, 367 * DAY, ("delegation-too-long", "ends_at")),
    ],
)
def test_times_that_make_no_sense_are_refused(ann, ben, start, length, found):
    assert refused(ann.pk, ben.pk, actor=ann, **period(start, length)) == [found]


def test_nothing_is_delegated_backwards(ann, ben):
    made = delegate(ann.pk, ben.pk, actor=ann, **period(-3 * DAY))
    assert timezone.now() - made.starts_at < HOUR


def test_the_same_scope_is_not_handed_out_twice_at_a_time_but_one_after_the_other(ann, ben, payments):
    carl = person("carl", roles=["stakeholder"], on=payments)
    delegate(ann.pk, ben.pk, actor=ann, **period(DAY, 2 * DAY))
    with pytest.raises(Refused) as refusal:
        delegate(ann.pk, carl.pk, actor=ann, **period(2 * DAY, 2 * DAY))
    assert [(b.code, b.field) for b in refusal.value.blockers] == [("delegation-overlaps", "starts_at")]
    delegate(ann.pk, carl.pk, actor=ann, **period(3 * DAY + HOUR, DAY))
    delegate(ann.pk, carl.pk, actor=ann, product_id=payments.pk, **period(DAY, 2 * DAY))
    assert Delegation.objects.count() == 3


def test_who_holds_the_same_role_there_is_no_stand_in(ann, payments):
    other = person("olga", roles=["qa-approver"], on=payments)
    everywhere = person("eve", roles=["qa-approver"])
    assert refused(ann.pk, other.pk, actor=ann, **period()) == [("stand-in-votes-already", "stand_in")]
    assert refused(ann.pk, everywhere.pk, actor=ann, **period()) == [("stand-in-votes-already", "stand_in")]


def test_who_holds_the_role_on_another_product_or_another_role_may_stand_in(ann, payments):
    olga = person("olga", roles=["stakeholder", "security-approver"], on=payments)
    hold(olga, "qa-approver", releases.product("Web Shop"))
    assert delegate(ann.pk, olga.pk, actor=ann, **period()).stand_in == olga


def test_a_circle_is_recorded_and_harmless(ann, payments):
    olga = person("olga", roles=["security-approver"], on=payments)
    delegate(ann.pk, olga.pk, actor=ann, **period())
    delegate(olga.pk, ann.pk, actor=olga, **period())
    assert [e.payload.get("circle") for e in Event.objects.filter(name="delegation.begun").order_by("pk")] == [
        None,
        True,
    ]
    request = approving(payments, {"qa-approver": 1, "security-approver": 1})
    for voter in (ann, olga):
        own, others = places.of(request, voter)
        assert (own.seat, others) == (voter, [])


def test_ending_takes_the_right_at_once_and_is_recorded_once(ann, ben, led, payments):
    made = delegate(ann.pk, ben.pk, actor=ann, **period())
    end_delegation(made.pk, actor=led.lead)
    again = end_delegation(made.pk, actor=ann)
    assert again.ended_by == led.lead
    event = Event.objects.get(name="delegation.ended")
    assert (event.actor, event.on_behalf_of) == (led.lead, ann)
    request = approving(payments)
    assert places.of(request, ben) == (None, [])


def test_the_stand_in_and_strangers_do_not_end_it(ann, ben):
    made = delegate(ann.pk, ben.pk, actor=ann, **period())
    for stranger in (ben, person("otto")):
        with pytest.raises(PermissionDenied):
            end_delegation(made.pk, actor=stranger)
    assert names() == ["delegation.begun"]


def test_one_that_is_over_is_not_ended_again(ann, ben):
    made = delegation(ann, ben, starts_at=timezone.now() - DAY, ends_at=timezone.now() - HOUR)
    with pytest.raises(Refused) as refusal:
        end_delegation(made.pk, actor=ann)
    assert [b.code for b in refusal.value.blockers] == ["delegation-over"]


def test_a_planned_one_begins_and_ends_by_itself_each_told_once(ann, ben):
    made = delegate(ann.pk, ben.pk, actor=ann, **period(DAY, 2 * DAY))
    assert (names(), turn_due()) == (["delegation.planned"], 0)
    Delegation.objects.filter(pk=made.pk).update(starts_at=timezone.now() - HOUR)
    assert (turn_due(), turn_due()) == (1, 0)
    Delegation.objects.filter(pk=made.pk).update(ends_at=(end := timezone.now() - timedelta(minutes=5)))
    assert (turn_due(), turn_due()) == (1, 0)
    made.refresh_from_db()
    assert (made.ended_at, made.ended_by) == (end, None)
    assert names() == ["delegation.planned", "delegation.begun", "delegation.ended"]


def test_one_that_is_ended_before_it_starts_never_begins(ann, ben):
    made = delegate(ann.pk, ben.pk, actor=ann, **period(DAY))
    end_delegation(made.pk, actor=ann)
    Delegation.objects.filter(pk=made.pk).update(starts_at=timezone.now() - HOUR)
    assert turn_due() == 0
    assert names() == ["delegation.planned", "delegation.ended"]


# In a request


def vote(request, voter, **options) -> Vote:
    return cast_vote(request.pk, actor=voter, verdict="approve", digest=shown(request), **options)


def codes(request, voter, **options) -> list[str]:
    with pytest.raises(Refused) as refusal:
        vote(request, voter, **options)
    return [b.code for b in refusal.value.blockers]


def test_a_vote_by_delegation_fills_the_owners_place_and_every_record_names_both(ann, ben, payments, client):
    given = delegate(ann.pk, ben.pk, actor=ann, **period())
    request = approving(payments)
    cast = vote(request, ben)
    assert (cast.person, cast.seat, cast.delegation, cast.counts_for) == (ben, ann, given, ["role:qa-approver"])
    event = Event.objects.get(name="vote.cast")
    assert (event.actor, event.on_behalf_of, event.payload["delegation"]) == (ben, ann, given.pk)
    request.refresh_from_db()
    assert request.state == "approved"
    (fact,) = collect(request.release)["votes"]
    assert (fact["by"], fact["for"]) == ("Ben", "Ann")
    client.force_login(ben)
    (row,) = client.get(f"/api/v1/requests/{request.pk}/").json()["votes"]
    assert (row["person"], row["seat"], row["delegation"]) == (ben.pk, ann.pk, given.pk)
    (line,) = ledger.of(request).rows
    assert (line.who, line.note.startswith("For Ann, by delegation")) == (ben, True)


def test_the_minutes_of_a_board_name_the_stand_in_and_whose_place_it_was(ann, ben, payments):
    delegation(ann, ben)
    request = approving(payments)
    vote(request, ben)
    now = timezone.now()
    held = boards.meeting(opened_at=now - HOUR, closed_at=now + HOUR)
    item = boards.item(held, ApprovalRequest.objects.get(pk=request.pk), "decided", outcome="approved")
    assert "- Ben, for Ann, approved it in the meeting, " in minutes.record_of(item)


def test_a_vote_in_ones_own_name_is_for_nobody_else_in_the_facts(ann, payments):
    request = approving(payments)
    vote(request, ann)
    (fact,) = collect(request.release)["votes"]
    assert (fact["by"], fact["for"]) == ("Ann", "")


def test_a_delegation_of_another_product_gives_no_place(ann, ben, payments):
    other = releases.product("Web Shop")
    hold(ann, "qa-approver", other)
    hold(ben, "stakeholder", other)
    hold(ben, "cab-member", payments)
    delegate(ann.pk, ben.pk, actor=ann, product_id=other.pk, **period())
    assert codes(approving(payments), ben) == ["no-rule-for-you"]


def test_a_delegation_of_one_selector_counts_for_its_rules_alone(ann, ben, payments):
    hold(ann, "security-approver", payments)
    delegate(ann.pk, ben.pk, actor=ann, who="role:security-approver", **period())
    request = approving(payments, {"qa-approver": 1, "security-approver": 1})
    assert vote(request, ben).counts_for == ["role:security-approver"]
    request.refresh_from_db()
    assert request.state == "pending"


def test_the_place_is_open_from_the_first_instant_to_the_last(ann, ben, payments):
    given = delegation(ann, ben)
    request = approving(payments)
    subject, rules = request.release, request.rules.all()

    def standing(at) -> bool:
        return ben.pk in matching.seats(subject, rules, request.requester_id, at=at).stand_ins

    instant = timedelta(microseconds=1)
    assert [standing(given.starts_at - instant), standing(given.starts_at)] == [False, True]
    assert [standing(given.ends_at - instant), standing(given.ends_at)] == [True, False]


def test_a_delegation_never_goes_onward(ann, ben, payments):
    hold(ben, "cab-member", payments)
    carl = person("carl", roles=["stakeholder"], on=payments)
    delegation(ann, ben)
    delegation(ben, carl)
    request = approving(payments)
    assert places.of(request, carl) == (None, [])
    with pytest.raises(PermissionDenied):
        vote(request, carl)
    assert [p.seat for p in places.of(request, ben)[1]] == [ann]


def test_a_stand_in_with_a_place_of_their_own_votes_in_their_own_name_alone(ann, payments):
    olga = person("olga", roles=["security-approver"], on=payments)
    delegation(ann, olga)
    request = approving(payments, {"qa-approver": 1, "security-approver": 1})
    assert codes(request, olga, seat_id=ann.pk) == ["own-place"]
    assert vote(request, olga).seat == olga


def test_the_owner_who_votes_in_person_replaces_the_stand_ins_vote(ann, ben, payments):
    delegation(ann, ben)
    request = approving(payments, {"qa-approver": 2})
    first = vote(request, ben)
    second = vote(request, ann)
    first.refresh_from_db()
    assert (first.state, first.ended_because) == ("revoked", "Ann decides in person.")
    assert (second.seat, second.state) == (ann, "cast")
    assert Vote.objects.filter(state="cast").count() == 1


def test_a_place_that_its_owner_has_filled_is_taken(ann, ben, payments):
    delegation(ann, ben)
    request = approving(payments, {"qa-approver": 2})
    vote(request, ann)
    assert codes(request, ben) == ["seat-taken"]


def test_two_stand_ins_of_one_person_fill_one_place_once(ann, ben, payments):
    carl = person("carl", roles=["stakeholder"], on=payments)
    delegation(ann, ben)
    delegation(ann, carl, product=payments)
    request = approving(payments, {"qa-approver": 2})
    vote(request, ben)
    assert codes(request, carl) == ["seat-taken"]
    assert Vote.objects.filter(state="cast").count() == 1


def test_one_stand_in_of_two_people_has_one_vote(ann, ben, payments):
    abe = person("abe", roles=["qa-approver"], on=payments)
    delegation(ann, ben)
    delegation(abe, ben)
    request = approving(payments, {"qa-approver": 2})
    first = vote(request, ben, seat_id=ann.pk)
    second = vote(request, ben, seat_id=abe.pk)
    first.refresh_from_db()
    assert (first.state, second.state) == ("revoked", "cast")
    request.refresh_from_db()
    assert request.state == "pending"


def test_the_requester_and_the_authors_stand_in_for_nobody(ann, ben, payments):
    author = person("arno", roles=["stakeholder"], on=payments)
    delegation(ann, ben)
    delegation(ann, author, product=payments)
    release = releases.release(payments, "approving", strategy="minor")
    releases.change(payments, release, state="approved", author=author)
    request = approvals.request(release, requester=ben)
    assert codes(request, ben) == ["requester-never-counts"]
    assert codes(request, author) == ["author-never-counts"]


def test_a_vote_stays_when_its_delegation_ends_and_the_right_is_gone(ann, ben, payments):
    given = delegate(ann.pk, ben.pk, actor=ann, **period())
    request = approving(payments, {"qa-approver": 2})
    cast = vote(request, ben)
    end_delegation(given.pk, actor=ann)
    cast.refresh_from_db()
    assert cast.state == "cast"
    later = approving(payments)
    with pytest.raises(PermissionDenied):
        vote(later, ben)


def test_who_is_away_until_the_end_is_not_counted_on_unless_somebody_stands_in(ann, ben, payments):
    approvals.policy({"qa-approver": 1}, deadline_hours=24)
    release = releases.release(payments, "testing", strategy="minor")

    def found() -> list[str]:
        fresh = type(release).objects.get(pk=release.pk)
        return [b.code for b in guards.policy_unmet(fresh)]

    assert found() == []
    absence(ann, timezone.now() - HOUR, timezone.now() + 3 * DAY)
    assert found() == ["rule-impossible:role:qa-approver"]
    delegation(ann, ben)
    assert found() == []


def test_a_working_clock_waits_for_who_is_back_within_its_hours(ann, payments):
    release = releases.release(payments, "testing", strategy="minor")
    absence(ann, timezone.now() - HOUR, timezone.now() + 3 * DAY)
    row = approvals.policy({"qa-approver": 1}, deadline_hours=24, clock="working")
    assert guards.policy_unmet(release) == []
    row.clock = "always"
    row.save()
    fresh = type(release).objects.get(pk=release.pk)
    assert [b.code for b in guards.policy_unmet(fresh)] == ["rule-impossible:role:qa-approver"]


def test_a_rejection_ends_a_request_only_when_nobody_is_left_stand_ins_counted(ann, ben, payments):
    abe = person("abe", roles=["qa-approver"], on=payments)
    rules = {"qa-approver": {"need": 1, "veto": False}}
    absence(abe, timezone.now() - HOUR, timezone.now() + 90 * DAY)

    def rejected_by_ann() -> str:
        request = approving(payments, rules)
        cast_vote(request.pk, actor=ann, verdict="reject", digest=shown(request), comment="No.")
        request.refresh_from_db()
        return request.state

    assert rejected_by_ann() == "rejected"
    delegation(abe, ben)
    assert rejected_by_ann() == "pending"


def test_one_stand_in_of_two_who_are_away_gives_one_approval_and_not_two(ann, ben, payments):
    away = [person(roles=["qa-approver"], on=payments) for _ in range(2)]
    for owner in away:
        absence(owner, timezone.now() - HOUR, timezone.now() + 90 * DAY)
        delegation(owner, ben)
    request = approving(payments, {"qa-approver": {"need": 2, "veto": False}})
    cast_vote(request.pk, actor=ann, verdict="reject", digest=shown(request), comment="No.")
    request.refresh_from_db()
    assert request.state == "rejected"


def test_a_place_handed_to_two_people_for_different_rules_is_not_counted_on_for_the_rule_that_neither_can_give(
    ben, payments
):
    """Ann, away, gave her vote as QA to ben and as security to sid; sid has dan's vote, too, and gives one of the two."""
    ann = person("ann", roles=["qa-approver", "security-approver"], on=payments)
    dan = person("dan", roles=["operations-approver"], on=payments)
    sid = person("sid", roles=["stakeholder"], on=payments)
    for owner in (ann, dan):
        absence(owner, timezone.now() - HOUR, timezone.now() + 90 * DAY)
    delegation(ann, ben, who="role:qa-approver")
    delegation(ann, sid, who="role:security-approver")
    delegation(dan, sid)
    release = releases.release(payments, "testing", strategy="minor")

    def found(rules) -> list[str]:
        row = approvals.policy(rules, mode="first")
        codes = [b.code for b in guards.policy_unmet(type(release).objects.get(pk=release.pk))]
        row.delete()
        return codes

    assert found({"security-approver": 1}) == []
    assert found({"qa-approver": 1, "operations-approver": 1}) == []
    person("abe", roles=["qa-approver"], on=payments)
    assert found({"qa-approver": 1, "security-approver": 1}) == []
    assert len(found({"qa-approver": 1, "security-approver": 1, "operations-approver": 1})) == 1


def test_an_absence_that_ends_in_time_does_not_end_a_request(ann, payments):
    abe = person("abe", roles=["qa-approver"], on=payments)
    absence(abe, timezone.now() - HOUR, timezone.now() + DAY)
    request = approving(payments, {"qa-approver": {"need": 1, "veto": False}})
    cast_vote(request.pk, actor=ann, verdict="reject", digest=shown(request), comment="No.")
    request.refresh_from_db()
    assert request.state == "pending"


def person_of(knock, voter) -> int:
    return knock(actor=voter).person_id


@pytest.mark.django_db(transaction=True)
def test_owner_and_stand_in_at_once_leave_one_vote_for_the_place(monkeypatch):
    monkeypatch.setattr("core.outbox.ring", lambda delivery_id: None)
    for _ in range(3):
        with transaction.atomic():
            product = releases.product()
            owner = person(roles=["qa-approver"], on=product)
            stand_in = person(roles=["stakeholder"], on=product)
            person(roles=["qa-approver"], on=product)
            delegation(owner, stand_in)
            request = approving(product, {"qa-approver": 2})
        knock = partial(cast_vote, request.pk, verdict="approve", digest=shown(request))
        answers = at_once(*(partial(person_of, knock, voter) for voter in (owner, stand_in)))
        assert answers[0] == owner.pk
        assert answers[1] in (stand_in.pk, ["seat-taken"])
        (kept,) = Vote.objects.filter(request=request, state="cast")
        assert (kept.person_id, kept.seat_id) == (owner.pk, owner.pk)
        request.refresh_from_db()
        assert request.state == "pending"
