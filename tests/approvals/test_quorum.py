"""The quorum: one vote per person, rules side by side, overlapping roles never in a deadlock."""

from itertools import combinations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.quorum import Impossible, Rule, possible, solve, still_reachable


def rule(key, need, *people):
    return Rule(key, need, frozenset(people))


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


PEOPLE = range(6)
RULES = st.lists(st.tuples(st.integers(0, 3), st.frozensets(st.sampled_from(PEOPLE))), max_size=4).map(
    lambda drawn: [Rule(f"rule-{at}", need, eligible) for at, (need, eligible) in enumerate(drawn)]
)
GROUP = st.frozensets(st.sampled_from(PEOPLE))


def most_filled(rules, people):
    """The largest number of approvals that any choice of a rule (or none) by each person fills."""
    choices = [[None, *(rule for rule in rules if person in rule.eligible)] for person in sorted(people)]
    return max(sum(min(rule.need, chosen.count(rule)) for rule in rules) for chosen in product(*choices))


def needed(rules):
    return sum(rule.need for rule in rules)


@given(RULES, GROUP)
def test_as_many_approvals_are_filled_as_any_choice_could_fill(rules, votes):
    outcome = solve(rules, votes)
    filled = [person for people in outcome.filled.values() for person in people]
    assert len(filled) == len(set(filled)) == most_filled(rules, votes)
    assert outcome.met == (len(filled) == needed(rules))
    for each in rules:
        assert set(outcome.filled[each.key]) <= each.eligible & votes
        assert outcome.missing[each.key] == each.need - len(outcome.filled[each.key]) >= 0


@given(RULES, GROUP)
def test_exactly_those_who_would_bring_it_forward_could_help(rules, votes):
    outcome = solve(rules, votes)
    before = most_filled(rules, votes)
    helpful = {person for person in PEOPLE if person not in votes and most_filled(rules, votes | {person}) > before}
    assert set().union(*outcome.could_help.values()) == helpful


@given(RULES, GROUP)
def test_impossible_is_said_exactly_when_it_is_and_the_reason_is_a_proof_that_needs_every_rule(rules, available):
    reason = possible(rules, available)
    assert (reason is None) == (most_filled(rules, available) == needed(rules))
    if reason is None:
        return
    named = [rule for rule in rules if rule.key in reason.rules]
    assert reason.needed == needed(named)
    assert reason.people == frozenset().union(*(rule.eligible for rule in named)) & available
    assert reason.short_by > 0
    for fewer in combinations(named, len(named) - 1):
        assert most_filled(fewer, available) == needed(fewer)


@given(RULES, GROUP, GROUP)
def test_reachable_means_that_some_further_votes_meet_the_rules(rules, votes, rejected):
    remaining = frozenset(PEOPLE) - rejected
    assert still_reachable(rules, votes, rejected) == (most_filled(rules, remaining) == needed(rules))


@given(RULES, GROUP, st.randoms())
def test_the_answer_does_not_depend_on_the_order_of_what_is_given(rules, votes, dice):
    shuffled, people = list(rules), sorted(votes)
    dice.shuffle(shuffled)
    dice.shuffle(people)
    assert solve(shuffled, people) == solve(rules, votes)
    assert possible(shuffled, people) == possible(rules, votes)


def test_fifty_voters_on_ten_rules_are_solved():
    rules = [Rule(f"rule-{at:02}", 5, frozenset(range(at * 5, at * 5 + 10))) for at in range(10)]
    outcome = solve(rules, range(50))
    assert outcome.met
    assert possible(rules, range(49)).needed == 5
