"""Random histories through the real doors: whatever people do, and in whatever order, agreement means what it says.

`make soak` plays many more and longer ones (SOAK_EXAMPLES, SOAK_STEPS).
"""

import os
from contextlib import ExitStack
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from approvals import guards, matching, sheet, tally
from approvals.models import ApprovalRequest, Policy
from approvals.states import PolicyState, RequestState, Verdict, VoteState
from config.scenarios.acts import ACTS
from config.scenarios.document import Wrong
from config.scenarios.replay import NOT_NOW
from config.scenarios.stage import Stage, around
from core import events
from core.models import Event
from tests import template
from tests.approvals import brute_force

EXAMPLES = int(os.environ.get("SOAK_EXAMPLES", "4"))
STEPS = int(os.environ.get("SOAK_STEPS", "10"))
SOAK = "SOAK_EXAMPLES" in os.environ

PEOPLE = {
    "mia": ["release-manager", "qa-approver"],
    "quentin": ["qa-approver"],
    "olga": ["qa-approver", "security-approver"],
    "sam": ["security-approver"],
    "sid": ["stakeholder"],
    "tom": ["contributor", "operations-approver"],
    "rosa": ["rule-administrator"],
    "chris": ["change-manager"],
}
VOTERS = ["mia", "quentin", "olga", "sam", "sid", "tom", "chris"]
ROLES = ["qa-approver", "security-approver", "operations-approver"]
RULES = st.sampled_from(
    [
        [{"who": "qa-approver"}],
        [{"who": "qa-approver", "need": 2}, {"who": "security-approver"}],
        [{"who": "qa-approver", "facets": ["artifact"]}, {"who": "security-approver", "facets": ["risk", "rollback"]}],
        [{"who": "qa-approver", "facets": ["window"]}, {"who": "operations-approver", "stage": 2}],
        [{"who": "qa-approver", "veto": False}, {"who": "operations-approver,security-approver", "facets": ["scope"]}],
        [{"who": "person:olga", "facets": ["scope"]}, {"who": "security-approver", "stage": 2}],
    ]
)
ROW_OPTIONS = st.sampled_from([{}, {}, {"count_author": True}, {"count_requester": True}])
EDITS = {
    "window": ("edit", {"by": "mia", "window_longer": 3600}),
    "scope": ("edit", {"by": "mia", "objective": "{n} shoppers pay faster."}),
    "title": ("edit", {"by": "mia", "title": "Title {n}"}),
    "rollback": ("rollback", {"by": "mia", "steps": "Step {n}."}),
    "risk": ("add_risk", {"by": "mia", "title": "Risk {n}", "impact": 2, "likelihood": 2}),
    "notes": ("notes", {"by": "mia", "text": "Notes {n}."}),
    "configuration": ("move_environment", {"name": "Staging", "url": "https://s{n}.example.com"}),
}
GIVEN = {
    "people": PEOPLE,
    "release": {},
    "policy": {"release": {"rows": [{"row": "All", "rules": [{"who": "qa-approver"}, {"who": "security-approver"}]}]}},
}


class History(RuleBasedStateMachine):
    """One release, those who decide on it, and everything that may happen meanwhile."""

    stage: Stage

    def __init__(self):
        super().__init__()
        self.open = ExitStack()
        self.world = self.open.enter_context(self.stage.world(GIVEN))
        self.n = 0

    def act(self, name: str, /, **options) -> bool:
        """Do something, or be refused; then nothing has been recorded."""
        before = Event.objects.count()
        try:
            with around():
                ACTS[name].do(self.world, **options)
        except (*NOT_NOW, Wrong):
            assert Event.objects.count() == before, f"{name} was refused and left an event"
            return False
        return True

    # What people do

    @rule(by=st.sampled_from(["mia", "mia", "mia", "tom"]))
    def ask_for_approval(self, by):
        self.act("request", by=by)

    @rule(by=st.sampled_from(VOTERS), verdict=st.sampled_from(["approve", "approve", "approve", "reject"]))
    def vote(self, by, verdict):
        if self.act(verdict, by=by) and verdict == "approve":
            request = self.request
            assert by != self.world.named(request.requester_id) or request.count_requester

    @rule(by=st.sampled_from(VOTERS), of=st.sampled_from(VOTERS))
    def vote_for_somebody(self, by, of):
        self.act("approve", by=by, place_of=of)

    @rule(by=st.sampled_from(VOTERS))
    def take_the_vote_back(self, by):
        self.act("revoke", by=by)

    @rule(by=st.sampled_from(VOTERS))
    def ask_a_question(self, by):
        self.act("ask", by=by)

    @rule(what=st.sampled_from(sorted(EDITS)))
    def edit(self, what):
        self.n += 1
        name, options = EDITS[what]
        said = {key: v.format(n=self.n) if isinstance(v, str) else v for key, v in options.items()}
        if "window_longer" in said:
            said["window_longer"] = timedelta(seconds=said["window_longer"])
        self.act(name, **said)

    @rule(author=st.sampled_from(VOTERS))
    def bring_a_change(self, author):
        self.n += 1
        self.act("add_change", by="tom", name=f"change-{self.n}", author=author)

    @rule()
    def build_anew(self):
        self.act("candidate", by="mia")

    @rule(who=st.sampled_from(VOTERS), role=st.sampled_from(ROLES), give=st.booleans())
    def move_a_role(self, who, role, give):
        self.act("give_role", to=who, role=role) if give else self.act("take_role", of=who, role=role)

    @rule(who=st.sampled_from(VOTERS), hours=st.sampled_from([5, 100]))
    def leave(self, who, hours):
        self.act("absent", who=who, lasts=timedelta(hours=hours))

    @rule(who=st.sampled_from(VOTERS))
    def come_back(self, who):
        self.act("back", who=who)

    @rule(of=st.sampled_from(VOTERS), to=st.sampled_from(VOTERS))
    def delegate(self, of, to):
        self.act("delegate", of=of, to=to, lasts=timedelta(days=2))

    @rule(of=st.sampled_from(VOTERS))
    def end_a_delegation(self, of):
        self.act("end_delegation", of=of)

    @rule(rules=RULES, options=ROW_OPTIONS, agreed=st.booleans())
    def change_the_policy(self, rules, options, agreed):
        self.n += 1
        if Policy.objects.filter(state=PolicyState.PROPOSED).exists():
            self.act("approve" if agreed else "reject", by="chris", of="policy")
        else:
            self.act("save_policy", by="rosa", rows=[{"row": f"Row {self.n}", "rules": rules, **options}])

    @rule(step=st.sampled_from(["hold", "resume", "resume"]))
    def stop_and_go(self, step):
        self.act(step, by="mia")

    @rule()
    def withdraw(self):
        self.act("withdraw", by="mia")

    @rule(hours=st.sampled_from([1, 30, 80]))
    def let_time_pass(self, hours):
        self.act("pass", time=timedelta(hours=hours))

    @rule()
    def let_reactions_run(self):
        self.world.react()

    # What must be true after each of them

    @property
    def request(self) -> ApprovalRequest | None:
        return self.world.request()

    @property
    def cast(self) -> list:
        request = self.request
        votes = request.votes.filter(state=VoteState.CAST).select_related("sheet") if request else []
        return [vote for vote in votes if vote.verdict == Verdict.APPROVE]

    @property
    def counts_as_approved(self) -> bool:
        request = self.request
        approved = request is not None and request.state == RequestState.APPROVED
        return approved and not guards.approval_missing(self.world.release)

    def never_counting(self) -> set[int]:
        """Worked out anew, from the rows alone."""
        request, release = self.request, self.world.release
        authors = set(release.changes.values_list("author_id", flat=True)) - {None}
        requester = set() if request.count_requester else {request.requester_id}
        return requester | (set() if request.count_author else authors)

    def fresh(self) -> list:
        """Approvals of those who may count, who saw what is there now in every facet that their rules watch."""
        live, never = sheet.of(self.world.release).content, self.never_counting()
        watched = {r.who: set(r.facets) or set(live) for r in self.request.rules.all()}
        return [
            vote
            for vote in self.cast
            if not {vote.person_id, vote.seat_id} & never
            and all(
                vote.sheet.content[facet] == live[facet] for who in vote.counts_for for facet in watched.get(who, ())
            )
        ]

    @invariant()
    def nothing_counts_as_approved_that_a_counted_voter_had_not_seen(self):
        if not self.counts_as_approved:
            return
        votes = self.fresh()
        rules = [
            SimpleNamespace(
                key=r.who,
                need=r.need,
                stage=r.stage,
                eligible=frozenset(v.seat_id for v in votes if r.who in v.counts_for),
            )
            for r in self.request.rules.all()
        ]
        seats = sorted(v.seat_id for v in votes)
        assert len(set(seats)) == len(seats) == len({v.person_id for v in votes})
        assert brute_force.met(tuple(_hashable(r) for r in rules), seats), "approved without a quorum that saw it"

    @invariant()
    def nobody_counts_twice(self):
        if self.request is None:
            return
        filled = [vote for counted in tally.count(self.request).rules for vote in counted.votes]
        assert len({v.person_id for v in filled}) == len(filled)
        assert len({v.seat_id for v in filled}) == len(filled)

    @invariant()
    def a_stand_in_has_no_place_of_their_own_when_they_vote(self):
        votes = self.cast
        seats = {vote.seat_id for vote in votes}
        assert not [v for v in votes if v.person_id != v.seat_id and v.person_id in seats]

    @invariant()
    def the_event_log_adds_up(self):
        if self.n % 5 == 0:
            assert list(events.verify()) == []

    @invariant()
    def a_ready_release_with_an_outrun_approval_does_not_start(self):
        release = self.world.release
        if release.state == "ready" and not self.counts_as_approved:
            with pytest.raises(NOT_NOW):
                release.start_deploying()

    @precondition(lambda self: self.request is not None)
    @invariant()
    def the_rules_of_a_request_are_those_it_was_opened_with(self):
        opened = Event.objects.filter(stream=f"approvalrequest:{self.request.pk}", name="request.opened").first()
        assert opened is None or [r["who"] for r in opened.payload["rules"]] == [
            r.who for r in sorted(self.request.rules.all(), key=lambda r: (r.stage, r.pk))
        ]

    # And in the end

    def teardown(self):
        try:
            self.goes_on_to_be_approved()
            assert list(events.verify()) == []
        finally:
            self.open.close()

    def goes_on_to_be_approved(self):
        """With enough people none of whom rejects, everybody who could help approves in turn, and then it is approved."""
        self.world.react()
        self.act("resume", by="mia")
        self.world.react()
        if self.request is None or self.request.state != RequestState.PENDING:
            self.act("request", by="mia")
        self.world.react()
        if self.request is None or self.request.state != RequestState.PENDING:
            return
        possible = self.enough_people()
        for _ in range(20):
            helping = self.who_could_help()
            if self.request.state != RequestState.PENDING or not helping:
                break
            assert self.act("approve", by=helping[0]), f"{helping[0]} could help, and may not approve"
            self.world.react()
        if possible:
            assert self.request.state == RequestState.APPROVED, "it sticks although enough people are there"
            assert self.counts_as_approved
        else:
            assert self.request.state != RequestState.APPROVED

    def who_could_help(self) -> list[str]:
        request, release = self.request, self.world.release
        people = matching.eligible(release, request.rules.all(), request.requester_id, request)
        counted = tally.count(request, eligible={who: set(those) for who, those in people.items()})
        return sorted({self.world.named(pk) for found in counted.rules for pk in found.could_help})

    def enough_people(self) -> bool:
        """By enumeration: whether votes that stand and people who may still vote can fill every rule."""
        request = self.request
        people = matching.people_by_who(self.world.release, [r.who for r in request.rules.all()])
        never, standing = self.never_counting(), self.fresh()
        rules = tuple(
            _hashable(
                SimpleNamespace(
                    key=r.who,
                    need=r.need,
                    stage=r.stage,
                    eligible=frozenset(v.seat_id for v in standing if r.who in v.counts_for)
                    | (frozenset(people[r.who]) - never - {v.seat_id for v in standing}),
                )
            )
            for r in request.rules.all()
        )
        seats = {seat for found in rules for seat in found.eligible}
        return brute_force.possible(rules, {seat: frozenset([seat]) for seat in seats})


def _hashable(found) -> brute_force.Drawn:
    return brute_force.Drawn(key=found.key, need=found.need, eligible=found.eligible, stage=found.stage)


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker):
    """A stage on a database of its own; each history is undone."""
    own = template.another(django_settings.DATABASES["default"], f"histories_{os.getpid()}")
    with django_db_blocker.unblock(), own, Stage() as lent:
        yield lent


def test_agreement_means_what_it_says_whatever_happens_in_whatever_order(stage):
    History.stage = stage
    run_state_machine_as_test(
        History,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=not SOAK,
            database=None,
            print_blob=SOAK,
            suppress_health_check=list(HealthCheck),
        ),
    )
