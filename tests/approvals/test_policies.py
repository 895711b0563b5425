"""The decision tables: which row decides, how a version is kept, and whose agreement puts it in force."""

import threading
import time
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.utils import timezone

from approvals import matching, versions
from approvals.actions import (
    cast_vote,
    discard_policy,
    double_row,
    draft_policy,
    edit_policy,
    enact_due,
    expire_due,
    move_row,
    outcomes,
    propose_policy,
    remove_row,
    save_row,
    set_required_signoffs,
    set_shadow,
    withdraw,
)
from approvals.models import ApprovalRequest, Policy, RequiredSignoff, ShadowRun
from approvals.subjects import Facts, facts_of
from core.models import Event
from tests.approvals.conftest import shown
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases
from tests.factories.accounts import hold, person, team

pytestmark = pytest.mark.django_db

ONE_QA = [{"who": "role:qa-approver"}]


def deciding(subject) -> list[str]:
    found = matching.match_for(subject)
    return found.names if found else []


def in_force(subject: str) -> Policy:
    return Policy.objects.in_force().get(subject=subject)


def emptied(subject: str) -> Policy:
    policy = in_force(subject)
    policy.rows.all().delete()
    return policy


@pytest.fixture
def draft(people):
    """A draft of the policy of releases, a copy of the one in force."""
    return draft_policy("release", actor=people.rules)


@pytest.fixture
def proposed(draft, people):
    """The draft, asked for; one change manager decides by the policy of a new installation."""
    return propose_policy(draft.pk, actor=people.rules)


def agree(request, actor) -> Policy:
    cast_vote(request.pk, actor=actor, verdict="approve", digest=shown(request))
    return Policy.objects.get(pk=request.proposal_id)


# Which row decides


def test_a_new_installation_has_rules_for_every_strategy_and_type():
    for strategy in ("major", "minor", "patch", "emergency"):
        assert deciding(releases.release(strategy=strategy)) == [f"{strategy.capitalize()} release"]
    for kind in ("normal", "emergency", "unauthorised"):
        assert deciding(releases.change(releases.product(), type=kind)) == [f"{kind.capitalize()} change"]
    assert matching.required_kinds(releases.release(strategy="major")) == [
        "functional",
        "performance",
        "regression",
        "security",
        "uat",
    ]


def test_the_first_row_in_order_that_matches_decides():
    emptied("release")
    release = releases.release(strategy="minor")
    yesterday = timezone.now().date() - timedelta(days=1)
    approvals.policy(name="last", position=9)
    approvals.policy(name="for majors", position=1, strategies=["major"])
    approvals.policy(name="for high risk", position=2, risk_bands=["high"])
    approvals.policy(name="for another", position=3, product=releases.product())
    approvals.policy(name="for changes", position=4, subject="change")
    approvals.policy(name="over", position=4, valid_until=yesterday)
    assert deciding(release) == ["last"]
    releases.risk(release, impact=5, likelihood=4)
    assert deciding(release) == ["for high risk"]
    approvals.policy(name="own", position=0, product=release.product)
    assert deciding(release) == ["own"]


def test_all_rows_that_match_put_their_rules_side_by_side_and_never_pool_them():
    emptied("release")
    approvals.policy({"qa-approver": 2}, name="one", position=1, mode="all")
    approvals.policy({"qa-approver": {"need": 1, "veto": False}, "security-approver": 1}, name="two", position=2)
    approvals.policy({"change-manager": 1}, name="for majors", position=3, strategies=["major"])
    found = matching.match_for(releases.release(strategy="minor"))
    assert found.names == ["one", "two"]
    assert [(r.who, r.need, r.veto) for r in found.rules] == [
        ("role:qa-approver", 2, True),
        ("role:security-approver", 1, True),
    ]


FACTS = Facts(
    "release", product=None, strategy="minor", change_type="normal", risk="low", tier="production", size=3
)  # fmt: skip
TODAY = date(2026, 3, 3)


@pytest.mark.parametrize(
    ("condition", "fits", "fits_not"),
    [
        ("strategies", ["patch", "minor"], ["major"]),
        ("change_types", ["normal"], ["emergency"]),
        ("risk_bands", ["low"], ["medium", "high"]),
        ("tiers", ["production"], ["staging"]),
        ("size_min", 3, 4),
        ("size_max", 3, 2),
        ("in_freeze", False, True),
        ("emergency", False, True),
        ("valid_from", date(2026, 3, 3), date(2026, 3, 4)),
        ("valid_until", date(2026, 3, 3), date(2026, 3, 2)),
    ],
)
def test_a_row_matches_exactly_where_its_condition_holds(condition, fits, fits_not):
    row = approvals.policy(**{condition: fits})
    assert matching.matches(row, FACTS, TODAY)
    setattr(row, condition, fits_not)
    assert not matching.matches(row, FACTS, TODAY)
    assert [c.holds for c in matching.conditions(row, FACTS, TODAY)] == [False]


def test_a_change_in_a_frozen_window_is_told_from_one_outside():
    release = releases.release(strategy="minor")
    assert not facts_of(release).in_freeze
    releases.freeze()
    assert facts_of(release).in_freeze


# Rows


def test_only_rule_administrators_keep_policies(people, draft):
    row = draft.rows.first()
    calls = [
        (draft_policy, ("release",), {}),
        (edit_policy, (draft.pk,), {"note": "Mine."}),
        (save_row, (draft.pk,), {"name": "Ours", "rules": ONE_QA}),
        (remove_row, (draft.pk, row.pk), {}),
        (move_row, (draft.pk, row.pk), {"by": 1}),
        (double_row, (draft.pk, row.pk), {}),
        (set_shadow, (draft.pk,), {"on": True}),
        (propose_policy, (draft.pk,), {}),
        (discard_policy, (draft.pk,), {"reason": "No."}),
    ]
    bot = person("robot", roles=["rule-administrator"], is_service=True)
    elsewhere = person("local", roles=["rule-administrator"], on=releases.product())
    for door, args, options in calls:
        for actor in (people.manager, bot, elsewhere):
            with pytest.raises(PermissionDenied):
                door(*args, actor=actor, **options)
    assert names() == ["policy.drafted"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"name": " "}, "name"),
        ({"name": "minor RELEASE"}, "name-taken"),
        ({"name": "x" * 101}, "name-long"),
        ({"name": "Ou\0rs"}, "unstorable"),
        ({"deadline_hours": 0}, "deadline"),
        ({"afterwards_hours": 24 * 91}, "deadline"),
        ({"clock": "sundial"}, "clock"),
        ({"strategies": ["huge"]}, "strategies-unknown"),
        ({"tiers": ["moon"]}, "tiers-unknown"),
        ({"size_min": 5, "size_max": 4}, "size"),
        ({"size_max": 10**12}, "size"),
        ({"position": -1}, "position"),
        ({"valid_from": date(2026, 3, 3), "valid_until": date(2026, 3, 2)}, "validity"),
        ({"afterwards": "Ours"}, "afterwards"),
        ({"rules": []}, "rules-missing"),
        ({"rules": [{"who": "role:tester"}]}, "role-unknown"),
        ({"rules": [{"who": "nobody"}]}, "who"),
        ({"rules": [{"who": "team:nowhere"}]}, "who-unknown"),
        ({"rules": [{"who": "role:qa-approver"}, {"who": "role:qa-approver"}]}, "rule-twice"),
        ({"rules": [{"who": "role:qa-approver", "need": 0}]}, "need"),
        ({"rules": [{"who": "role:qa-approver", "stage": 0}]}, "stage"),
        ({"rules": [{"who": "role:qa-approver", "deadline_hours": 0}]}, "deadline"),
        ({"rules": [{"who": "role:qa-approver", "facets": ["mood"]}]}, "facet-unknown"),
        ({"rules": [{"who": ",".join(f"person:{n}" for n in range(1000, 1060))}]}, "who-long"),
    ],
)
def test_a_row_that_makes_no_sense_is_refused_and_not_saved(people, draft, changes, code):
    before = draft.rows.count()
    given = {"name": "Ours", "rules": ONE_QA} | changes
    assert refused(save_row, draft.pk, actor=people.rules, **given) == [code]
    assert (draft.rows.count(), names()) == (before, ["policy.drafted"])


def test_a_rule_asks_any_mix_of_roles_teams_and_people_in_one_canonical_form(people, draft):
    owners = team("Owners", slug="owners")
    rules = [{"who": f"team:{owners.slug}, person:{people.qa.pk},role:cab-member", "need": 2, "stage": 2}]
    row = save_row(draft.pk, actor=people.rules, name="Mixed", rules=rules)
    rule = row.rules.get()
    assert rule.who == f"person:{people.qa.pk},role:cab-member,team:owners"
    assert rule.label == f"{people.qa.name}, CAB member or team Owners"


def test_the_log_keeps_what_a_row_was_and_became(people, draft):
    made = save_row(draft.pk, actor=people.rules, name="Ours", rules=ONE_QA)
    save_row(draft.pk, made.pk, actor=people.rules, rules=[{"who": "role:qa-approver", "need": 2, "veto": False}])
    payload = Event.objects.order_by("pk").last().payload
    assert payload["was"]["rules"][0]["need"] == 1
    assert [(r["who"], r["need"], r["veto"]) for r in payload["now"]["rules"]] == [("role:qa-approver", 2, False)]


def test_a_new_row_comes_last_and_rows_move_up_and_down_within_the_ends(people, draft):
    emptied_draft = draft.rows.all()
    emptied_draft.delete()
    rows = [save_row(draft.pk, actor=people.rules, name=name, rules=ONE_QA) for name in ("a", "b", "c")]

    def order():
        return "".join(r.name for r in matching.in_order(draft.rows.all()))

    assert order() == "abc"
    move_row(draft.pk, rows[2].pk, actor=people.rules, by=-1)
    assert order() == "acb"
    move_row(draft.pk, rows[0].pk, actor=people.rules, by=1)
    assert order() == "cab"
    told = len(names())
    move_row(draft.pk, rows[2].pk, actor=people.rules, by=-1)
    move_row(draft.pk, rows[1].pk, actor=people.rules, by=1)
    assert order() == "cab"
    assert len(names()) == told


def test_a_copied_row_stands_right_after_its_original_with_its_rules(people, draft):
    row = draft.rows.get(name="Minor release")
    made = double_row(draft.pk, row.pk, actor=people.rules)
    order = [r.name for r in matching.in_order(draft.rows.all())]
    assert order.index("Minor release (2)") == order.index("Minor release") + 1
    assert made.strategies == row.strategies
    assert [r.who for r in made.rules.all()] == [r.who for r in row.rules.all()]


def test_a_row_with_a_new_name_keeps_being_asked_afterwards(people, draft):
    row = draft.rows.get(name="Minor release")
    assert draft.rows.get(name="Emergency release").afterwards == "Minor release"
    save_row(draft.pk, row.pk, actor=people.rules, name="Everyday release")
    assert draft.rows.get(name="Emergency release").afterwards == "Everyday release"


# Drafts and proposals


def test_a_draft_is_a_copy_of_what_is_in_force_or_of_any_version_and_decides_nothing(people, draft):
    assert versions.difference(in_force("release"), draft) == []
    assert (draft.version, draft.based_on, draft.state) == (2, in_force("release"), "draft")
    save_row(draft.pk, actor=people.rules, name="Strict", position=0, rules=ONE_QA)
    again = draft_policy("release", actor=people.rules, based_on=draft.pk)
    assert again.version == 3
    assert again.rows.filter(name="Strict").exists()
    assert deciding(releases.release(strategy="minor")) == ["Minor release"]


def test_a_draft_of_a_kind_that_is_none_is_refused(people):
    assert refused(draft_policy, "train", actor=people.rules) == ["subject"]


def test_a_draft_without_rows_or_rules_cannot_be_proposed_or_run_in_shadow(people, draft):
    draft.rows.all().delete()
    assert refused(propose_policy, draft.pk, actor=people.rules) == ["rows-missing"]
    assert refused(set_shadow, draft.pk, actor=people.rules, on=True) == ["rows-missing"]
    row = save_row(draft.pk, actor=people.rules, name="Quick", afterwards="Slow", rules=ONE_QA)
    assert refused(propose_policy, draft.pk, actor=people.rules) == ["afterwards-unknown"]
    row.rules.all().delete()
    assert "rules-missing" in refused(propose_policy, draft.pk, actor=people.rules)
    draft.refresh_from_db()
    assert (draft.state, draft.is_shadow) == ("draft", False)
    assert not ApprovalRequest.objects.exists()


def test_the_quorum_of_the_policy_in_force_puts_a_proposal_in_force_and_retires_the_other(people, proposed):
    before = in_force("release")
    assert (proposed.kind, proposed.policy) == ("policy", in_force("policy"))
    assert [(r.who, r.need) for r in proposed.rules.all()] == [("role:change-manager", 1)]
    now = agree(proposed, people.change_manager)
    before.refresh_from_db()
    assert (now.state, before.state) == ("in_force", "retired")
    assert now.valid_from >= before.valid_until
    assert names()[-4:] == ["request.approved", "policy.approved", "policy.retired", "policy.enacted"]


def test_a_stricter_policy_for_policies_is_what_the_next_change_needs(people):
    second = person("cleo", roles=["change-manager"])
    draft = draft_policy("policy", actor=people.rules)
    row = draft.rows.get()
    save_row(draft.pk, row.pk, actor=people.rules, rules=[{"who": "role:change-manager", "need": 2}])
    assert agree(propose_policy(draft.pk, actor=people.rules), people.change_manager).state == "in_force"
    lax = draft_policy("policy", actor=people.rules)
    save_row(lax.pk, lax.rows.get().pk, actor=people.rules, rules=[{"who": "role:change-manager", "need": 1}])
    asked = propose_policy(lax.pk, actor=people.rules)
    assert agree(asked, people.change_manager).state == "proposed"
    assert agree(asked, second).state == "in_force"


def test_whoever_proposes_never_counts_although_they_hold_the_role(people):
    both = person("bo", roles=["rule-administrator", "change-manager"])
    request = propose_policy(draft_policy("release", actor=both).pk, actor=both)
    assert refused(cast_vote, request.pk, actor=both, verdict="approve", digest=shown(request)) == [
        "requester-never-counts"
    ]
    assert Policy.objects.get(pk=request.proposal_id).state == "proposed"


def test_whoever_wrote_a_row_of_it_never_counts_although_others_proposed_it(people, draft):
    both = person("bo", roles=["rule-administrator", "change-manager"])
    save_row(draft.pk, actor=both, name="Theirs", rules=ONE_QA)
    request = propose_policy(draft.pk, actor=people.rules)
    assert refused(cast_vote, request.pk, actor=both, verdict="approve", digest=shown(request)) == [
        "author-never-counts"
    ]
    assert agree(request, people.change_manager).state == "in_force"


def test_a_proposal_that_nobody_could_decide_is_refused_with_the_reason(people, draft):
    people.change_manager.is_active = False
    people.change_manager.save()
    assert refused(propose_policy, draft.pk, actor=people.rules) == ["rule-impossible:role:change-manager"]
    hold(people.rules, "change-manager")
    assert refused(propose_policy, draft.pk, actor=people.rules) == ["rule-impossible:role:change-manager"]
    draft.refresh_from_db()
    assert draft.state == "draft"
    assert names() == ["policy.drafted"]


@pytest.mark.parametrize("state", ["proposed", "scheduled", "in_force", "retired", "discarded"])
def test_only_a_draft_can_be_changed(people, draft, state):
    row = draft.rows.first()
    Policy.objects.in_force().filter(subject="release").update(state="retired")
    Policy.objects.filter(pk=draft.pk).update(state=state)
    before = names()
    for door, args, options in [
        (edit_policy, (draft.pk,), {"note": "Later."}),
        (save_row, (draft.pk,), {"name": "Ours", "rules": ONE_QA}),
        (save_row, (draft.pk, row.pk), {"name": "Ours"}),
        (remove_row, (draft.pk, row.pk), {}),
        (move_row, (draft.pk, row.pk), {"by": 1}),
        (double_row, (draft.pk, row.pk), {}),
        (set_shadow, (draft.pk,), {"on": True}),
        (propose_policy, (draft.pk,), {}),
    ]:
        assert refused(door, *args, actor=people.rules, **options) == ["no-draft"]
    assert names() == before


def test_a_rejected_proposal_is_a_draft_again_and_can_be_asked_for_anew(people, draft, proposed):
    cast_vote(proposed.pk, actor=people.change_manager, verdict="reject", digest=shown(proposed), comment="Too lax.")
    draft.refresh_from_db()
    assert (draft.state, in_force("release").version) == ("draft", 1)
    edit_policy(draft.pk, actor=people.rules, note="Stricter.")
    assert agree(propose_policy(draft.pk, actor=people.rules), people.change_manager).state == "in_force"


def test_a_withdrawn_or_expired_proposal_is_a_draft_again(people, draft, proposed):
    withdraw(proposed.pk, actor=person("max", roles=["release-manager"]), reason="Not now.")
    draft.refresh_from_db()
    assert draft.state == "draft"
    again = propose_policy(draft.pk, actor=people.rules)
    ApprovalRequest.objects.filter(pk=again.pk).update(due_at=timezone.now() - timedelta(hours=1))
    assert expire_due() == 1
    draft.refresh_from_db()
    assert draft.state == "draft"


def test_an_approved_version_waits_for_its_instant_and_can_be_given_up_until_then(people, draft):
    start = timezone.now() + timedelta(days=2)
    edit_policy(draft.pk, actor=people.rules, valid_from=start)
    other = draft_policy("release", actor=people.rules, based_on=draft.pk)
    edit_policy(other.pk, actor=people.rules, valid_from=start)
    waiting = agree(propose_policy(draft.pk, actor=people.rules), people.change_manager)
    given_up = agree(propose_policy(other.pk, actor=people.rules), people.change_manager)
    assert (waiting.state, given_up.state, in_force("release").version) == ("scheduled", "scheduled", 1)
    assert enact_due() == 0
    assert refused(discard_policy, given_up.pk, actor=people.rules, reason=" ") == ["reason"]
    discard_policy(given_up.pk, actor=people.rules, reason="It came too early.")
    Policy.objects.filter(pk__in=[waiting.pk, given_up.pk]).update(valid_from=timezone.now() - timedelta(minutes=1))
    assert enact_due() == 1
    assert enact_due() == 0
    assert in_force("release") == waiting
    given_up.refresh_from_db()
    assert given_up.state == "discarded"


def test_versions_whose_instants_have_passed_come_in_force_in_the_order_of_their_instants(people):
    before, now = in_force("release"), timezone.now()
    later = Policy.objects.create(subject="release", version=2, valid_from=now - timedelta(hours=1))
    earlier = Policy.objects.create(subject="release", version=3, valid_from=now - timedelta(hours=2))
    Policy.objects.filter(pk__in=[later.pk, earlier.pk]).update(state="scheduled")
    assert enact_due() == 2
    assert in_force("release") == later
    earlier.refresh_from_db()
    before.refresh_from_db()
    assert (earlier.state, before.state) == ("retired", "retired")


def test_of_two_proposals_the_second_approved_retires_the_first(people, draft, proposed):
    other = propose_policy(draft_policy("release", actor=people.rules).pk, actor=people.rules)
    first = agree(proposed, people.change_manager)
    assert versions.outdated(other.proposal) == first
    second = agree(other, people.change_manager)
    first.refresh_from_db()
    assert (first.state, second.state) == ("retired", "in_force")
    assert list(Policy.objects.in_force().filter(subject="release")) == [second]


@pytest.mark.django_db(transaction=True)
def test_two_versions_approved_at_the_same_moment_come_in_force_one_after_the_other(people, monkeypatch):
    approvals.lay_down_first_rules()  # what the flush after an earlier test has taken away
    requests = [propose_policy(draft_policy("release", actor=people.rules).pk, actor=people.rules) for _ in range(2)]
    digests = [shown(request) for request in requests]
    together, failed = threading.Barrier(2), []
    put_in_force, record = outcomes.put_in_force, outcomes.record

    def at_once(policy, actor):
        together.wait(timeout=20)
        put_in_force(policy, actor)

    def slowly(name, *args, **told):
        record(name, *args, **told)
        if name == "policy.retired":
            time.sleep(0.5)  # the other one arrives while the change of places is half done

    monkeypatch.setattr(outcomes, "put_in_force", at_once)
    monkeypatch.setattr(outcomes, "record", slowly)

    def vote(request, digest):
        try:
            cast_vote(request.pk, actor=people.change_manager, verdict="approve", digest=digest)
        except Exception as error:  # shown by the assertion below
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=vote, args=pair) for pair in zip(requests, digests, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert failed == []
    states = sorted(Policy.objects.filter(subject="release").values_list("state", flat=True))
    assert states == ["in_force", "retired", "retired"]


def test_a_running_request_keeps_its_rules_when_its_policy_is_replaced(people, release, ask):
    asked = ask({"qa-approver": 2})
    draft = draft_policy("release", actor=people.rules)
    for row in draft.rows.all():
        remove_row(draft.pk, row.pk, actor=people.rules)
    save_row(draft.pk, actor=people.rules, name="All new", rules=[{"who": "role:security-approver"}])
    now = agree(propose_policy(draft.pk, actor=people.rules), people.change_manager)
    asked.refresh_from_db()
    assert asked.policy.state == "retired"
    assert [(r.who, r.need) for r in asked.rules.all()] == [("role:qa-approver", 2)]
    for voter in (people.qa, people.qa2):
        cast_vote(asked.pk, actor=voter, verdict="approve", digest=shown(asked))
    asked.refresh_from_db()
    assert asked.state == "approved"
    assert deciding(releases.release(strategy="minor")) == ["All new"]
    assert now.state == "in_force"


# The past


def test_the_versions_of_a_day_are_those_that_held_at_some_instant_of_it(people):
    first = in_force("release")
    turn = datetime(2026, 3, 3, 12, tzinfo=UTC)
    Policy.objects.filter(pk=first.pk).update(
        state="retired", valid_from=datetime(2026, 2, 1, tzinfo=UTC), valid_until=turn
    )
    second = Policy.objects.create(subject="release", version=2, state="in_force", valid_from=turn)
    Policy.objects.create(subject="release", version=3, state="discarded", valid_from=turn)

    def held(day):
        return [p for p in versions.held_on(day) if p.subject == "release"]

    assert held(date(2026, 1, 31)) == []
    assert held(date(2026, 3, 2)) == [first]
    assert held(date(2026, 3, 3)) == [first, second]
    assert held(date(2026, 3, 4)) == [second]


def test_the_difference_of_two_versions_names_rows_rules_and_order(people, draft):
    old = in_force("release")
    save_row(draft.pk, actor=people.rules, name="Frozen", position=1, in_freeze=True, rules=ONE_QA)
    remove_row(draft.pk, draft.rows.get(name="Patch release").pk, actor=people.rules)
    save_row(draft.pk, draft.rows.get(name="Minor release").pk, actor=people.rules, deadline_hours=10)
    move_row(draft.pk, draft.rows.get(name="Emergency release").pk, actor=people.rules, by=-3)
    edit_policy(draft.pk, actor=people.rules, mode="all")
    found = {row.pop("field"): row for row in versions.difference(old, versions.whole().get(pk=draft.pk))}
    assert found["Mode"] == {"was": "First match", "now": "All matches"}
    assert found["Frozen"] == {
        "removed": [],
        "added": ["when inside a freeze: yes", "asks 1 of QA approver", "72 h, every hour"],
    }
    assert found["Patch release"]["added"] == []
    hours = "working hours of those who could approve"
    assert found["Minor release"] == {"removed": [f"24 h, {hours}"], "added": [f"10 h, {hours}"]}
    assert found["Order of the rows"]["now"].startswith("Emergency release, Major release")
    assert set(found) == {"Mode", "Frozen", "Patch release", "Minor release", "Order of the rows"}


# Shadow


def test_a_draft_in_shadow_notes_what_it_would_ask_and_decides_nothing(people, release, draft, ask):
    save_row(draft.pk, actor=people.rules, name="Strict", position=0, rules=[{"who": "role:cab-member", "need": 3}])
    set_shadow(draft.pk, actor=people.rules, on=True)
    asked = ask({"qa-approver": 1})
    run = ShadowRun.objects.get()
    assert (run.policy, run.request, run.row_names) == (draft, asked, ["Strict"])
    assert [(r["who"], r["need"]) for r in run.rules] == [("role:cab-member", 3)]
    assert [r.who for r in asked.rules.all()] == ["role:qa-approver"]
    set_shadow(draft.pk, actor=people.rules, on=False)
    approvals.policy({"change-manager": 1}, subject="change")
    assert names().count("policy.shadow_started") == names().count("policy.shadow_stopped") == 1


# Tests that a strategy asks for


def test_required_kinds_are_set_in_general_and_for_a_product(people):
    product = releases.product()
    set_required_signoffs("patch", ["security"], actor=people.rules)
    set_required_signoffs("patch", ["uat", "functional"], actor=people.rules, product=product)
    assert matching.required_kinds(releases.release(strategy="patch")) == ["security"]
    assert matching.required_kinds(releases.release(product, strategy="patch")) == ["functional", "uat"]
    set_required_signoffs("patch", [], actor=people.rules, product=product)
    assert not RequiredSignoff.objects.filter(product=product).exists()
    assert refused(set_required_signoffs, "patch", ["vibes"], actor=people.rules) == ["kind-unknown"]
