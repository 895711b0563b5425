"""The quorum: one vote per person, rules side by side and in stages, stand-ins, overlapping roles never in a deadlock.

Thousands of drawn questions are answered twice, by the module and by enumeration (`brute_force.py`). A failure names the
seed: `brute_force.drawn(seed)` is the question.
"""

import os
from itertools import combinations
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.quorum import Impossible, Rule, open_stage, possible, solve, still_reachable
from approvals.quorum import filling as fillings
from approvals.quorum.parts import in_key_order
from approvals.quorum.reach import reach_of
from tests.approvals import brute_force


def rule(key, need, *people, stage=1):
    return Rule(key, need, frozenset(people), stage)


QA = rule("qa", 1, "ann", "bob")
SECURITY = rule("security", 1, "ann", "cid")


def test_without_votes_everything_is_missing_and_everyone_eligible_could_help():
    outcome = solve([QA, SECURITY], set())
    assert not outcome.met
    assert outcome.filled == {"qa": (), "security": ()}
    assert outcome.missing == {"qa": 1, "security": 1}
    assert outcome.could_help == {"qa": {"ann", "bob"}, "security": {"ann", "cid"}}


def test_a_person_of_two_roles_fills_only_one_rule():
    outcome = solve([QA, SECURITY], {"ann"})
    assert not outcome.met
    assert sum(outcome.missing.values()) == 1


@pytest.mark.parametrize("other", ["bob", "cid"])
def test_a_vote_moves_to_the_rule_where_it_is_needed(other):
    """Whoever comes second, the vote of the person with both roles makes room."""
    outcome = solve([QA, SECURITY], {"ann", other})
    assert outcome.met
    assert sorted(person for people in outcome.filled.values() for person in people) == sorted(["ann", other])
    assert outcome.could_help == {"qa": frozenset(), "security": frozenset()}


def test_a_vote_could_help_by_freeing_another_one():
    """Ann fills one rule; bob helps even if she fills his, for she then fills the other."""
    outcome = solve([QA, SECURITY], {"ann"})
    assert outcome.could_help == {"qa": {"bob"}, "security": {"cid"}}


def test_votes_of_people_without_a_role_and_beyond_the_need_fill_nothing():
    outcome = solve([QA], {"ann", "bob", "zoe"})
    assert outcome.met
    assert len(outcome.filled["qa"]) == 1


def test_no_rules_and_rules_without_need_are_met_by_nobody():
    assert solve([], {"ann"}).met
    assert solve([rule("none", 0)], set()).met
    assert possible([rule("none", 0)], set()) is None


def test_rules_that_cannot_be_met_are_named_without_the_innocent_ones():
    rules = [QA, SECURITY, rule("operations", 2, "ann", "cid"), rule("product", 1, "pia")]
    assert possible(rules, {"ann", "bob", "cid", "pia"}) == Impossible(
        ("operations", "security"), 3, frozenset({"ann", "cid"})
    )
    assert possible(rules, {"ann", "bob", "cid", "pia"}).short_by == 1


def test_a_rule_that_lacks_people_alone_is_named_alone():
    assert possible([QA, SECURITY], {"ann", "bob"}) is None
    assert possible([QA, SECURITY], {"bob"}) == Impossible(("security",), 1, frozenset())
    assert possible([rule("qa", 3, "ann", "bob")], {"ann", "bob", "cid"}) == Impossible(
        ("qa",), 3, frozenset({"ann", "bob"})
    )


def test_a_rejection_ends_it_only_when_too_few_remain():
    assert still_reachable([QA, SECURITY], votes=set(), rejected={"bob"})
    assert still_reachable([QA, SECURITY], votes={"ann"}, rejected={"bob"})
    assert not still_reachable([QA, SECURITY], votes={"ann"}, rejected={"bob", "cid"})
    assert not still_reachable([QA], votes={"ann"}, rejected={"ann", "bob"})


def test_a_negative_need_and_two_rules_of_one_key_are_errors():
    with pytest.raises(ValueError, match="asks for -1"):
        rule("qa", -1)
    with pytest.raises(ValueError, match="same key"):
        solve([QA, QA], set())


# Overlapping roles


def test_overlapping_approvers_who_deadlock_when_counted_one_after_the_other_are_counted_as_met():
    """Each vote fits the first rule that is open to it, so the last rule would wait for a sixth person who does not exist."""
    chain = [rule(f"rule-{at}", 1, at, at + 1) for at in range(4)] + [rule("rule-4", 1, 0)]
    assert not brute_force.greedy_met(chain, range(5))
    assert solve(chain, range(5)).met
    assert solve(chain, range(5)).filled["rule-4"] == (0,)


def test_the_vote_of_the_only_one_who_can_fill_a_rule_is_not_wasted_on_another_rule():
    rules = [rule("qa", 1, "ann", "bob"), rule("security", 1, "ann")]
    assert not brute_force.greedy_met(rules, ["ann", "bob"])
    assert solve(rules, ["ann", "bob"]).filled == {"qa": ("bob",), "security": ("ann",)}


TWO_OF_QA_AND_ONE_OF_SECURITY = [rule("qa", 2, "ann", "bob", "cid"), rule("security", 1, "sue", "tom")]


@pytest.mark.parametrize(
    ("votes", "missing"),
    [
        ({"ann", "bob", "cid"}, {"qa": 0, "security": 1}),
        ({"ann", "sue", "tom"}, {"qa": 1, "security": 0}),
        ({"sue", "tom"}, {"qa": 2, "security": 0}),
        ({"ann", "bob", "sue"}, {"qa": 0, "security": 0}),
    ],
)
def test_two_of_qa_and_one_of_security_is_never_three_of_anyone(votes, missing):
    outcome = solve(TWO_OF_QA_AND_ONE_OF_SECURITY, votes)
    assert outcome.missing == missing
    assert outcome.met == (not any(missing.values()))


# Stages

FIRST, SECOND = rule("qa", 1, "ann", "bob"), rule("board", 1, "ann", "cid", stage=2)


def test_the_lowest_stage_that_lacks_an_approval_is_open_and_only_its_people_could_help():
    outcome = solve([FIRST, SECOND], set())
    assert open_stage([FIRST, SECOND], set()) == 1
    assert outcome.missing == {"qa": 1, "board": 1}
    assert outcome.could_help == {"qa": {"ann", "bob"}, "board": frozenset()}


def test_a_vote_for_a_later_stage_counts_there_already_and_opens_nothing():
    assert open_stage([FIRST, SECOND], {"cid"}) == 1
    assert solve([FIRST, SECOND], {"cid"}).filled == {"qa": (), "board": ("cid",)}


def test_a_vote_eligible_in_two_stages_fills_the_earlier_one_while_that_lacks_it():
    outcome = solve([FIRST, SECOND], {"ann"})
    assert outcome.filled == {"qa": ("ann",), "board": ()}
    assert open_stage([FIRST, SECOND], {"ann"}) == 2


def test_an_earlier_stage_that_can_do_without_it_leaves_a_vote_to_the_later_one():
    assert solve([FIRST, SECOND], {"ann", "bob"}).filled == {"qa": ("bob",), "board": ("ann",)}
    assert open_stage([FIRST, SECOND], {"ann", "bob"}) is None


def test_somebody_of_an_earlier_stage_could_help_the_open_one_by_freeing_a_vote():
    """Ann fills the first stage; with bob there she fills the second one."""
    assert solve([FIRST, SECOND], {"ann"}).could_help == {"qa": {"bob"}, "board": {"cid"}}


def test_a_later_stage_keeps_no_vote_where_filling_as_many_rules_as_possible_would_leave_it_there():
    """As many approvals either way: two for the second stage, or one for each; the first stage comes first."""
    rules = [rule("z-first", 1, 1), rule("a-second", 2, 1, 2, stage=2)]
    assert solve(rules, {1, 2}).filled == {"z-first": (1,), "a-second": (2,)}


def test_stages_are_asked_in_the_order_of_their_numbers_and_need_not_be_consecutive():
    rules = [rule("late", 1, "cid", stage=7), rule("early", 1, "ann", stage=3)]
    assert [open_stage(rules, votes) for votes in ([], ["cid"], ["ann"], ["ann", "cid"])] == [3, 3, 7, None]
    assert open_stage([], {"ann"}) is None
    assert open_stage([rule("none", 0), SECOND], set()) == 2


def test_an_impossible_later_stage_makes_the_whole_impossible_from_the_beginning():
    assert possible([FIRST, SECOND], {"ann"}) == Impossible(("board", "qa"), 2, frozenset({"ann"}))
    assert not still_reachable([FIRST, SECOND], votes=set(), rejected={"bob", "cid"})


# Stand-ins


def test_a_stand_in_fills_the_seat_of_somebody_absent():
    assert possible([QA, SECURITY], {"bob"}) == Impossible(("security",), 1, frozenset())
    assert possible([QA, SECURITY], {"bob"}, {"sam": {"cid"}}) is None


def test_a_stand_in_of_two_acts_once():
    """The proof names the person who would have to act twice."""
    assert possible([QA, SECURITY], set(), {"sam": {"bob", "cid"}}) == Impossible(
        ("qa", "security"), 2, frozenset({"sam"})
    )


def test_a_seat_with_two_stand_ins_is_filled_once():
    """The proof names the seat that would have to be filled twice."""
    short = possible([rule("qa", 2, "ann")], set(), {"sam": {"ann"}, "sue": {"ann"}})
    assert short == Impossible(("qa",), 2, frozenset(), frozenset({"ann"}))
    assert short.short_by == 1


def test_somebody_present_acts_for_their_own_seat_or_stands_in_but_not_both():
    rules = [rule("qa", 1, "ann"), rule("security", 1, "cid")]
    assert possible(rules, {"ann"}, {"ann": {"cid"}}) == Impossible(("qa", "security"), 2, frozenset({"ann"}))
    assert possible(rules, {"ann"}, {"ann": {"cid"}, "sam": {"ann"}}) is None


def test_nobody_who_is_absent_stands_in_for_themselves():
    assert possible([rule("qa", 1, "ann")], set(), {"ann": {"ann"}}).people == frozenset()


def test_of_two_stand_ins_for_one_seat_each_fills_it_for_the_rules_that_were_handed_to_them():
    """Ann, of both roles, is away: sam has her vote as QA, sue as security. Sam alone cannot give it as security."""
    qa, security = rule("qa", 1, "ann"), rule("security", 1, "ann", "cid")
    only = {("sam", "ann"): {"qa"}, ("sue", "ann"): {"security"}}

    assert possible([qa], set(), {"sam": {"ann"}, "sue": {"ann"}}, only) is None
    assert possible([security], set(), {"sam": {"ann"}}, only) == Impossible(("security",), 1, frozenset())
    assert possible([qa, security], {"cid"}, {"sam": {"ann"}, "sue": {"ann"}}, only) is None
    assert possible([qa, security], set(), {"sam": {"ann"}, "sue": {"ann", "cid"}}, only) is None
    needed_twice = {"sam": {"ann", "cid"}, "sue": {"ann"}}
    assert possible([qa, security], set(), needed_twice) is None
    assert possible([qa, security], set(), needed_twice, only).short_by == 1
    assert still_reachable([security], {}, {}, {"sam": {"ann"}}, set(), only) is False
    assert still_reachable([security], {"ann": "sam"}, {}, {"sam": {"ann"}}, set(), only)


def test_a_stand_in_for_one_rule_leaves_the_seat_to_that_rule_when_the_other_stand_in_is_needed_elsewhere():
    """Sue alone could give ann's vote as security, and sue alone could give dan's: so one of the two is missing."""
    rules = [rule("security", 1, "ann"), rule("operations", 1, "dan")]
    stand_ins = {"sam": {"ann"}, "sue": {"ann", "dan"}}
    only = {("sam", "ann"): {"qa"}, ("sue", "ann"): {"security"}}

    assert possible(rules, set(), stand_ins) is None
    short = possible(rules, set(), stand_ins, only)
    assert short is not None
    assert short.short_by == 1
    assert not still_reachable(rules, {}, {}, stand_ins, set(), only)


def narrowed(instance) -> dict:
    """{(stand-in, seat): rules}: most stand-ins fill a seat for some of the rules only."""
    dice = Random(instance.seed)  # noqa: S311 (drawn again from its seed)
    keys = [rule.key for rule in instance.rules]
    return {
        (person, seat): frozenset(key for key in keys if dice.random() < 0.6)
        for person, seats in instance.stand_ins.items()
        for seat in sorted(seats)
        if dice.random() < 0.8
    }


def test_questions_about_stand_ins_for_some_rules_only_agree_with_brute_force(instances):
    """The first of the drawn questions, asked again with narrower delegations; in many of them these decide."""
    decided = 0
    for instance in instances[:3000]:
        only = narrowed(instance)
        reason = possible(rules_of(instance), instance.available, instance.stand_ins, only)
        agree(instance, reason is None, brute_force.possible_within(instance.rules, instance.reach, only))
        agree(
            instance,
            reason is None,
            still_reachable(rules_of(instance), {}, {}, instance.stand_ins, instance.available, only),
        )
        assert reason is None or reason.short_by > 0, f"seed {instance.seed}"
        decided += reason is not None and brute_force.possible(instance.rules, instance.reach)
    assert decided > 30


def test_who_acted_in_the_place_of_another_cannot_act_again():
    rules = [rule("qa", 1, "ann"), rule("security", 1, "cid")]
    stand_ins = {"sam": {"ann", "cid"}}
    assert still_reachable(rules, {}, {}, stand_ins, available={"ann"})
    assert still_reachable(rules, {"cid": "sam"}, {}, stand_ins, available={"ann"})
    assert not still_reachable(rules, {"ann": "sam"}, {}, stand_ins, available=set())
    assert still_reachable(rules, {"ann": "ann"}, {}, stand_ins, available=set())


def test_a_rejection_in_the_place_of_another_takes_the_seat_and_the_person():
    rules = [rule("qa", 1, "ann", "sam")]
    assert still_reachable(rules, {}, {"ann": "bob"})
    assert not still_reachable(rules, {}, {"ann": "sam"})
    assert not still_reachable([rule("qa", 1, "ann")], {}, {"ann": "sam"}, {"tom": {"ann"}})


def test_who_approved_for_one_seat_and_rejected_for_another_counts_as_rejecting():
    rules = [rule("qa", 1, "ann")]
    assert still_reachable(rules, {"ann": "sam"}, {"cid": "tom"}, available=set())
    assert not still_reachable(rules, {"ann": "sam"}, {"cid": "sam"}, available=set())
    assert not still_reachable(rules, {"ann": "sam"}, {"ann": "tom"}, available=set())


# Against brute force

DRAWN = 10_000 if "SOAK_EXAMPLES" in os.environ else 3_000


@pytest.fixture(scope="module")
def instances():
    return [brute_force.drawn(seed) for seed in range(DRAWN)]


@pytest.fixture
def nothing_kept():
    """No answers kept from before, and none for afterwards."""
    fillings.best_filling.cache_clear()
    yield
    fillings.best_filling.cache_clear()


def rules_of(instance):
    return [Rule(each.key, each.need, each.eligible, each.stage) for each in instance.rules]


def agree(instance, ours, brute):
    assert ours == brute, f"seed {instance.seed}: {ours}, by brute force {brute}"


def stage_sums(rules, amounts):
    return brute_force.by_stage(rules, [amounts[each.key] for each in rules])


def test_thousands_of_counts_of_votes_agree_with_brute_force(instances):
    for instance in instances:
        rules, votes = instance.rules, instance.ballots
        outcome = solve(rules_of(instance), votes)
        amounts = {key: len(people) for key, people in outcome.filled.items()}
        agree(instance, outcome.met, brute_force.met(rules, votes))
        agree(instance, stage_sums(rules, amounts), brute_force.best_by_stage(rules, votes))
        agree(instance, outcome.missing, {each.key: each.need - amounts[each.key] for each in rules})
        agree(instance, outcome.could_help, brute_force.could_help(rules, votes))
        agree(instance, open_stage(rules_of(instance), votes), brute_force.open_stage(rules, votes))
        voters = [person for people in outcome.filled.values() for person in people]
        agree(instance, len(voters), len(set(voters)))
        assert all(set(outcome.filled[each.key]) <= each.eligible & votes for each in rules), f"seed {instance.seed}"


def test_thousands_of_questions_whether_rules_can_be_met_agree_with_brute_force(instances):
    for instance in instances:
        reason = possible(rules_of(instance), instance.available, instance.stand_ins)
        agree(instance, reason is None, brute_force.possible(instance.rules, instance.reach))
        if reason:
            prove(instance, reason)
        if instance.stand_ins:
            alone = possible(rules_of(instance), instance.available)
            agree(instance, alone is None, brute_force.possible(instance.rules, instance.own_reach))


def prove(instance, reason):
    """The rules named need more than can be filled for them, and each of them is needed to say so."""
    named = [each for each in instance.rules if each.key in reason.rules]
    wanted = frozenset().union(*(each.eligible for each in named))
    agree(instance, reason.rules, tuple(sorted(each.key for each in named)))
    agree(instance, reason.needed, sum(each.need for each in named))
    agree(instance, reason.short_by, reason.needed - brute_force.most_seats(instance.reach, wanted))
    assert reason.short_by > 0, f"seed {instance.seed}"
    for person, seats in instance.reach.items():
        assert person in reason.people or seats & wanted <= reason.seats, f"seed {instance.seed}: {person} could act"
    for fewer in combinations(named, len(named) - 1):
        assert brute_force.possible(fewer, instance.reach), f"seed {instance.seed}: too many rules are named"


def test_thousands_of_questions_whether_rules_are_still_reachable_agree_with_brute_force(instances):
    for instance in instances:
        rules, votes, rejected = instance.rules, instance.votes, instance.rejected
        ours = still_reachable(rules_of(instance), votes, rejected, instance.stand_ins, instance.available)
        agree(instance, ours, brute_force.reachable(rules, votes, rejected, instance.reach))


def test_the_flow_alone_agrees_with_brute_force_where_shortcuts_answer(instances, monkeypatch, nothing_kept):
    """What needs no flow is settled without it; the flow must say the same."""

    def nothing_settled(rules, groups):
        choices = {group: list(choice) for group, (choice, _) in enumerate(groups)}
        return [], [need for _, need in rules], choices

    monkeypatch.setattr(fillings, "settled", nothing_settled)
    for instance in instances[:2000]:
        outcome = solve(rules_of(instance), instance.ballots)
        amounts = {key: len(people) for key, people in outcome.filled.items()}
        best = brute_force.best_by_stage(instance.rules, instance.ballots)
        agree(instance, stage_sums(instance.rules, amounts), best)
        agree(instance, outcome.could_help, brute_force.could_help(instance.rules, instance.ballots))


def stage_decides(instance):
    """Whether as many approvals could be filled in a way that leaves an earlier stage with fewer of them."""
    ways = brute_force.counts(instance.rules, instance.ballots)
    most = brute_force.most(instance.rules, instance.ballots)
    return len({brute_force.by_stage(instance.rules, way) for way in ways if sum(way) == most}) > 1


def stand_in_decides(instance):
    alone = brute_force.possible(instance.rules, instance.own_reach)
    return not alone and brute_force.possible(instance.rules, instance.reach)


def act_decides(instance):
    possible_at_first = brute_force.possible(instance.rules, instance.reach)
    return possible_at_first and not brute_force.reachable(
        instance.rules, instance.votes, instance.rejected, instance.reach
    )


def order_decides(instance):
    """Whether the votes suffice and filling rules one vote after the other would not notice."""
    met = brute_force.met(instance.rules, instance.ballots)
    return met and not brute_force.greedy_met(instance.rules, instance.ballots)


def flow_decides(instance):
    """Whether shortcuts leave something to the flow."""
    rules = in_key_order(rules_of(instance))
    groups = fillings.grouped(rules, instance.ballots)
    sizes = tuple((choice, len(seats)) for choice, seats in groups.items())
    return bool(fillings.settled(tuple((each.stage, each.need) for each in rules), sizes)[2])


@pytest.mark.parametrize(
    ("holds", "at_least", "at_most"),
    [
        (lambda i: brute_force.met(i.rules, i.ballots), 0.25, 0.5),
        (lambda i: brute_force.possible(i.rules, i.reach), 0.3, 0.6),
        (lambda i: brute_force.reachable(i.rules, i.votes, i.rejected, i.reach), 0.25, 0.5),
        (lambda i: brute_force.open_stage(i.rules, i.ballots) in (2, 3), 0.15, 0.4),
        (lambda i: any(seat != person for seat, person in i.votes.items()), 0.1, 0.4),
        (stand_in_decides, 0.05, 0.2),
        (stage_decides, 0.08, 0.3),
        (act_decides, 0.07, 0.3),
        (order_decides, 0.01, 0.2),
        (flow_decides, 0.02, 0.5),
    ],
    ids=[
        *("met", "possible", "reachable", "later-stage", "voted-by-stand-in"),
        *("stand-in-decides", "stage-decides", "act-decides", "order-decides", "flow-decides"),
    ],
)
def test_the_questions_drawn_hold_a_fair_share_of_every_answer(instances, holds, at_least, at_most):
    share = sum(holds(instance) for instance in instances[:2000]) / 2000
    assert at_least <= share <= at_most


# Properties

PEOPLE = range(6)
GROUP = st.frozensets(st.sampled_from(PEOPLE))
RULES = st.lists(st.tuples(st.integers(0, 3), GROUP, st.integers(1, 3)), max_size=4).map(
    lambda drawn: [Rule(f"rule-{at}", need, eligible, stage) for at, (need, eligible, stage) in enumerate(drawn)]
)
STAND_INS = st.dictionaries(st.sampled_from(PEOPLE), GROUP, max_size=4)
PERSON = st.sampled_from(PEOPLE)


def total(outcome):
    return sum(outcome.missing.values())


@given(RULES, GROUP)
def test_nobody_is_counted_twice_and_every_counted_vote_was_given_by_somebody_eligible(rules, votes):
    outcome = solve(rules, votes)
    filled = [person for people in outcome.filled.values() for person in people]
    assert len(filled) == len(set(filled)) == brute_force.most(rules, votes)
    for each in rules:
        assert set(outcome.filled[each.key]) <= each.eligible & votes
        assert outcome.missing[each.key] == each.need - len(outcome.filled[each.key]) >= 0


@given(RULES, GROUP, PERSON)
def test_one_more_vote_never_unmeets_a_rule_s_stage_nor_closes_what_was_met(rules, votes, one_more):
    before, after = solve(rules, votes), solve(rules, votes | {one_more})
    opened, opens = open_stage(rules, votes), open_stage(rules, votes | {one_more})
    assert after.met or not before.met
    assert opens is None or (opened is not None and opens >= opened)
    assert 0 <= total(before) - total(after) <= 1


@given(RULES, GROUP, PERSON)
def test_exactly_those_who_would_bring_the_open_stage_forward_could_help(rules, votes, person):
    stage = open_stage(rules, votes)
    asked = [each for each in rules if stage is not None and each.stage <= stage]
    forward = total(solve(asked, votes | {person})) < total(solve(asked, votes))
    assert forward == any(person in people for people in solve(rules, votes).could_help.values())


@given(RULES, GROUP)
def test_no_vote_is_held_by_a_later_stage_while_an_earlier_one_lacks_it(rules, votes):
    outcome = solve(rules, votes)
    for lacking in (each for each in rules if outcome.missing[each.key]):
        for later in (each for each in rules if each.stage > lacking.stage):
            assert lacking.eligible.isdisjoint(outcome.filled[later.key])


@given(RULES, GROUP, STAND_INS)
def test_impossible_is_said_exactly_when_it_is_and_every_rule_named_is_needed_to_say_so(rules, available, stand_ins):
    reach = reach_of(available, stand_ins)
    reason = possible(rules, available, stand_ins)
    assert (reason is None) == brute_force.possible(rules, reach)
    if reason is None:
        return
    named = [each for each in rules if each.key in reason.rules]
    assert reason.needed == sum(each.need for each in named)
    assert reason.short_by > 0
    for fewer in combinations(named, len(named) - 1):
        assert possible(fewer, available, stand_ins) is None


@given(RULES, GROUP)
def test_without_stand_ins_the_reason_names_everybody_who_could_give_one_of_the_approvals(rules, available):
    reason = possible(rules, available)
    if reason:
        named = [each for each in rules if each.key in reason.rules]
        assert reason.people == frozenset().union(*(each.eligible for each in named)) & available
        assert reason.seats == frozenset()


@given(RULES, GROUP, GROUP, STAND_INS)
def test_one_more_person_or_stand_in_never_makes_rules_impossible(rules, available, arriving, stand_ins):
    if possible(rules, available) is None:
        assert possible(rules, available, stand_ins) is None
    if possible(rules, available, stand_ins) is None:
        assert possible(rules, available | arriving, stand_ins) is None


@given(RULES, GROUP, GROUP)
def test_reachable_means_that_some_further_votes_meet_the_rules(rules, votes, rejected):
    remaining = frozenset(PEOPLE) - rejected
    assert still_reachable(rules, votes, rejected) == brute_force.met(rules, remaining)


@given(RULES, GROUP)
def test_what_is_met_is_reachable_and_what_is_reachable_without_rejections_is_possible(rules, votes):
    assert still_reachable(rules, votes, set()) or not solve(rules, votes).met
    assert still_reachable(rules, set(), set()) == (possible(rules, PEOPLE) is None)


@given(RULES, GROUP, STAND_INS, st.randoms())
def test_the_answer_does_not_depend_on_the_order_of_what_is_given(rules, votes, stand_ins, dice):
    shuffled, people, deputies = list(rules), sorted(votes), list(stand_ins.items())
    for each in (shuffled, people, deputies):
        dice.shuffle(each)
    assert solve(shuffled, people) == solve(rules, votes)
    assert open_stage(shuffled, people) == open_stage(rules, votes)
    assert possible(shuffled, people, dict(deputies)) == possible(rules, votes, stand_ins)
    reachable = still_reachable(rules, [], votes, stand_ins, PEOPLE)
    assert still_reachable(shuffled, [], people, dict(deputies), reversed(PEOPLE)) == reachable


@pytest.mark.parametrize("votes", [(0, 8), (8, 0)])
def test_of_two_who_could_be_counted_the_lower_number_is_however_a_set_happens_to_hold_them(votes):
    """Sets of 0 and 8 are read in the order in which they were filled."""
    assert solve([rule("qa", 1, 0, 8)], frozenset(votes)).filled == {"qa": (0,)}


# Size and speed


def test_fifty_voters_on_ten_rules_are_solved():
    rules = [Rule(f"rule-{at:02}", 5, frozenset(range(at * 5, at * 5 + 10))) for at in range(10)]
    outcome = solve(rules, range(50))
    assert outcome.met
    assert possible(rules, range(49)).needed == 5


def test_what_nobody_contests_is_counted_without_a_flow(monkeypatch, nothing_kept):
    monkeypatch.setattr(fillings, "flow_of", None)
    rules = [rule("board", 2, 1, 2, 3), rule("qa", 2, 3, 4, 5, stage=2), rule("security", 1, 6, 7)]
    rules.append(rule("nobody", 0, 6, 7))
    assert solve(rules, {1, 2, 3, 4, 6, 7}).met
    assert solve(rules, {1, 2, 3, 4, 6, 7}).filled == {
        "board": (1, 2),
        "qa": (3, 4),
        "security": (6,),
        "nobody": (),
    }


def test_a_thousand_requests_of_one_shape_ask_for_one_flow(monkeypatch, nothing_kept):
    asked, flow = [], fillings.flow_of
    monkeypatch.setattr(fillings, "flow_of", lambda *question: asked.append(question) or flow(*question))
    for first in range(0, 4000, 4):
        a, b, c, d = range(first, first + 4)
        rules = [rule("one", 1, a, b, d), rule("three", 1, a, c, d), rule("two", 1, b, c, d)]
        assert solve(rules, {a, b, c, d}).met
    assert len(asked) == 1
    assert fillings.best_filling.cache_info().maxsize


def test_an_answer_that_its_reader_changes_is_not_the_next_reader_s():
    solve([QA], {"ann"}).filled["qa"] = ()
    solve([QA], {"ann"}).could_help.clear()
    assert solve([QA], {"ann"}).filled == {"qa": ("ann",)}
    assert solve([QA], {"ann"}).could_help == {"qa": frozenset()}
