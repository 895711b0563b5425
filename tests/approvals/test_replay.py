"""A policy over requests of the past: who else would have been asked, what would have been blocked, what ends as it did."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals import replay, trial, versions
from approvals.actions import draft_policy, remove_row, save_row, set_shadow
from approvals.models import ApprovalRequest, Policy, PolicyRow, Rule, ShadowRun
from approvals.subjects import facts_of
from releases.models import Release
from tests.approvals.conftest import shown
from tests.factories import approvals, releases
from tests.factories.accounts import hold, person, team

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(people):
    """A draft of the policy of releases with one row for everything, written by `write`."""
    made = draft_policy("release", actor=people.rules)
    for row in made.rows.all():
        remove_row(made.pk, row.pk, actor=people.rules)
    return made


@pytest.fixture
def write(draft, people):
    """Add a row with these rules {who: need or fields} to the draft."""

    def written(rules=None, **fields):
        rules = {"role:qa-approver": 1} if rules is None else rules
        asked = [{"who": who, **(rule if isinstance(rule, dict) else {"need": rule})} for who, rule in rules.items()]
        return save_row(draft.pk, actor=people.rules, **({"name": f"Row {draft.rows.count()}"} | fields), rules=asked)

    return written


def closed(rules=None, state="approved", votes=(), *, product=None, facts=True, **fields) -> ApprovalRequest:
    """A decided request of a minor release with `votes` [(person, who, verdict)]."""
    requester = fields.pop("requester", None)
    release = releases.release(product, state="ready", strategy=fields.pop("strategy", "minor"))
    made = approvals.request(
        release, rules, requester=requester, state=state, decided_at=timezone.now(),
        facts=facts_of(release).as_dict() if facts else {},
    )  # fmt: skip
    for voter, who, verdict in votes:
        approvals.vote(made, voter, who, verdict=verdict)
    return made


def over(draft, people, last=50) -> dict[int, replay.Replayed]:
    found = replay.run(versions.whole().get(pk=draft.pk), people.rules, last)
    return {row.request.pk: row for row in found.rows}


def judged(draft, people, request) -> tuple[str, list[str]]:
    row = over(draft, people)[request.pk]
    return row.ending.value, [str(difference) for difference in row.differences]


def test_a_request_that_the_same_people_would_have_decided_ends_as_it_did(draft, write, people):
    write({"role:qa-approver": 1})
    request = closed({"qa-approver": 1}, votes=[(people.qa, "qa-approver", "approve")])
    assert judged(draft, people, request) == ("same", [])


def test_added_dropped_and_renumbered_rules_are_named(draft, write, people):
    write({"role:qa-approver": 2, "role:security-approver": 1})
    request = closed(
        {"qa-approver": 1, "operations-approver": 1},
        votes=[
            (people.qa, "qa-approver", "approve"),
            (people.qa2, "qa-approver", "approve"),
            (people.security, "security-approver", "approve"),
        ],
    )
    ending, differences = judged(draft, people, request)
    assert ending == "other_people"
    assert differences == [
        "2 of QA approver instead of 1",
        "1 of Security approver added",
        "1 of Operations approver dropped",
    ]


def test_votes_that_are_not_enough_would_have_blocked_it(draft, write, people):
    write({"role:qa-approver": 2})
    request = closed({"qa-approver": 1}, votes=[(people.qa, "qa-approver", "approve")])
    row = over(draft, people)[request.pk]
    assert row.ending == replay.Ending.BLOCKED
    assert row.because == "The votes cast then leave 1 more of QA approver open."
    assert [str(d) for d in row.differences] == ["2 of QA approver instead of 1"]


def test_one_vote_never_fills_two_rules(draft, write, people):
    hold(people.qa, "security-approver")
    write({"role:qa-approver": 1, "role:security-approver": 1})
    request = closed({"qa-approver": 1}, votes=[(people.qa, "qa-approver", "approve")])
    assert judged(draft, people, request)[0] == "blocked"


def test_a_request_that_no_row_matches_would_have_been_blocked(draft, write, people):
    write(strategies=["major"])
    request = closed(votes=[(people.qa, "qa-approver", "approve")])
    row = over(draft, people)[request.pk]
    assert (row.ending, row.because, row.row_names) == (replay.Ending.BLOCKED, "No row matches.", [])


def test_rules_that_nobody_of_today_could_meet_would_have_blocked_it(draft, write, people):
    write({"role:product-approver": 1})
    request = closed(votes=[(people.qa, "qa-approver", "approve")])
    row = over(draft, people)[request.pk]
    assert row.ending == replay.Ending.BLOCKED
    assert "nobody could give that" in row.because


def test_a_rejected_or_expired_request_that_would_have_passed_is_told_apart(draft, write, people):
    write({"role:qa-approver": {"need": 1, "veto": False}})
    votes = [(people.qa, "qa-approver", "approve"), (people.security, "security-approver", "reject")]
    rejected = closed({"qa-approver": 1, "security-approver": 1}, "rejected", votes)
    expired = closed({"qa-approver": 2}, "expired", votes[:1])
    nobody = closed({"qa-approver": 1}, "expired")
    found = over(draft, people)
    assert found[rejected.pk].ending == found[expired.pk].ending == replay.Ending.WOULD_PASS
    assert found[nobody.pk].ending == replay.Ending.SAME


def test_a_veto_that_the_draft_gives_would_have_ended_it(draft, write, people):
    write({"role:qa-approver": 1, "role:security-approver": {"need": 1, "veto": True}})
    write_votes = [
        (people.qa, "qa-approver", "approve"),
        (people.qa2, "qa-approver", "approve"),
        (people.security, "security-approver", "reject"),
    ]
    request = closed({"qa-approver": 1, "security-approver": {"veto": False, "need": 1}}, votes=write_votes)
    row = over(draft, people)[request.pk]
    assert row.ending == replay.Ending.BLOCKED
    assert "rejected it, with a veto as Security approver" in row.because


def test_whoever_is_entitled_today_or_counted_for_the_same_selector_then_fills_a_rule(draft, write, people):
    owners = team("Owners", [people.tester], slug="owners")
    write({f"role:qa-approver,team:{owners.slug}": 1})
    gone = person("gus", is_active=False)
    today = closed({"cab-member": 1}, votes=[(people.tester, "cab-member", "approve")])
    then = closed({"qa-approver": 1}, votes=[(gone, "qa-approver", "approve")])
    neither = closed({"cab-member": 1}, votes=[(people.security, "cab-member", "approve")])
    found = over(draft, people)
    assert found[today.pk].ending == replay.Ending.OTHER_PEOPLE
    assert found[then.pk].ending == replay.Ending.OTHER_PEOPLE
    assert found[neither.pk].ending == replay.Ending.BLOCKED


def test_the_vote_of_whoever_asked_counts_only_where_the_draft_lets_it(draft, write, people):
    row = write({"role:qa-approver": 1})
    votes = [(people.qa, "qa-approver", "approve")]
    request = closed({"qa-approver": 1}, votes=votes, requester=people.qa, facts=True)
    assert judged(draft, people, request)[0] == "blocked"
    save_row(draft.pk, row.pk, actor=people.rules, count_requester=True)
    assert judged(draft, people, request)[0] == "same"


def test_the_facts_kept_with_a_request_decide_and_older_ones_are_marked(draft, write, people):
    write(name="Low", risk_bands=["low"])
    write(name="High", risk_bands=["high"])
    votes = [(people.qa, "qa-approver", "approve")]
    kept, older = closed(votes=votes), closed(votes=votes, facts=False)
    for request in (kept, older):
        releases.risk(request.release, impact=5, likelihood=4)
    found = over(draft, people)
    assert (found[kept.pk].row_names, found[kept.pk].is_stored) == (["Low"], True)
    assert (found[older.pk].row_names, found[older.pk].is_stored) == (["High"], False)


def test_rows_are_asked_on_the_day_of_the_request(draft, write, people):
    long_ago = timezone.now() - timedelta(days=100)
    write(name="Then", valid_until=(timezone.now() - timedelta(days=50)).date())
    write(name="Now", valid_from=(timezone.now() - timedelta(days=49)).date())
    votes = [(people.qa, "qa-approver", "approve")]
    old, new = closed(votes=votes), closed(votes=votes)
    ApprovalRequest.objects.filter(pk=old.pk).update(opened_at=long_ago)
    found = over(draft, people)
    assert (found[old.pk].row_names, found[new.pk].row_names) == (["Then"], ["Now"])


def test_only_decided_requests_of_its_kind_in_sight_are_replayed_the_last_ones_first(draft, write, people):
    write()
    seen, hidden = releases.product(), releases.product()
    first, second = closed(product=seen), closed(product=seen)
    closed(product=hidden)
    for state in ("pending", "suspended", "withdrawn", "superseded"):
        approvals.request(releases.release(seen, state="approving"), state=state)
    change = releases.change(seen, state="approved")
    approvals.request(change, state="approved", decided_at=timezone.now())
    local = person("lola", roles=["stakeholder"], on=seen)
    version = versions.whole().get(pk=draft.pk)
    assert [row.request.pk for row in replay.run(version, local, 50).rows] == [second.pk, first.pk]
    assert [row.request.pk for row in replay.run(version, local, 1).rows] == [second.pk]


def test_a_replay_changes_nothing(draft, write, people):
    write({"role:qa-approver": 2})
    request = closed(votes=[(people.qa, "qa-approver", "approve")])
    before = ApprovalRequest.objects.values().get(pk=request.pk)
    over(draft, people)
    assert ApprovalRequest.objects.values().get(pk=request.pk) == before


@pytest.mark.parametrize("subject", ["release", "change", "waiver", "override", "lift", "template", "policy"])
def test_every_kind_of_subject_can_be_replayed_and_tried(client, people, subject):
    version = versions.whole().get(subject=subject, state="in_force")
    made = {
        "release": lambda: releases.release(state="ready", strategy="minor"),
        "change": lambda: releases.change(releases.product(), state="approved"),
        "waiver": lambda: approvals.waiver(approvals.signoff(releases.release(state="testing").candidate)),
        "override": lambda: approvals.override(releases.freeze(), releases.release(state="testing")),
        "lift": lambda: _lift(),
        "template": lambda: releases.template(),
        "policy": lambda: Policy.objects.create(subject="waiver", version=9),
    }[subject]()
    request = approvals.request(made, state="approved", decided_at=timezone.now())
    [row] = replay.run(version, people.rules).rows
    assert (row.request.pk, row.is_stored, len(row.row_names)) == (request.pk, False, 1)
    client.force_login(people.reader, backend="django.contrib.auth.backends.ModelBackend")
    for name, query in (("policy_replay", ""), ("policy_try", f"?request={request.pk}"), ("policy_try", "?facts=1")):
        assert client.get(reverse(f"approvals:{name}", args=[version.pk]) + query).status_code == 200, name


def _lift():
    from approvals.models import Lift

    product = releases.product()
    return Lift.objects.create(
        stopped_product=product, stopped_because="Odd.", reason="It is fine.", requested_by=person()
    )


# The page


def queries(client, url) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def test_the_replay_costs_as_many_queries_for_200_requests_as_for_10(client, draft, write, people):
    write({"role:qa-approver": 1, "team:owners": 1} if team("Owners", [people.qa], slug="owners") else {})
    client.force_login(people.rules, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("approvals:policy_replay", args=[draft.pk]) + "?last=200"

    def add(many):
        for n in range(many):
            made = closed(votes=[(people.qa, "qa-approver", "approve")], facts=n % 2 == 0)
            releases.change(made.release.product, made.release)

    add(10)
    few = queries(client, url)
    add(190)
    assert queries(client, url) == few
    page = client.get(url).content.decode()
    assert page.count('<th scope="row">') == 200


def retired(who: str) -> Policy:
    """A version that is over, with one row that asked `who`."""
    over = Policy.objects.create(
        subject="release", version=900 + Policy.objects.count(), state="retired", valid_from=timezone.now()
    )
    Rule.objects.create(row=PolicyRow.objects.create(policy=over, name="Named", position=1), who=who, need=1)
    return over


def test_a_retired_version_costs_the_same_however_many_it_named_and_still_knows_them():
    release = releases.release()
    named = [person(roles=["qa-approver"], on=release.product) for _ in range(8)]
    gone = team("Long gone", named[6:], slug="long-gone")
    one = retired(f"person:{named[0].pk},team:{gone.slug}")
    many = retired(",".join([*sorted(f"person:{user.pk}" for user in named[:6]), f"team:{gone.slug}"]))

    def tried(version):
        with CaptureQueriesContext(connection) as asked:
            (rule,) = trial.of_subject(version, Release.objects.select_related("product").get(pk=release.pk)).rules
        return {found.person for found in rule.people}, len(asked)

    (few, cost), (all_of_them, same) = tried(one), tried(many)

    assert few == {named[0], *named[6:]}
    assert all_of_them == set(named)
    assert same == cost


def test_the_page_counts_the_endings_and_shows_one_of_them(client, draft, write, people):
    write({"role:qa-approver": 1})
    same = closed(votes=[(people.qa, "qa-approver", "approve")])
    blocked = closed({"security-approver": 1}, votes=[(people.security, "security-approver", "approve")])
    client.force_login(people.reader, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("approvals:policy_replay", args=[draft.pk])
    page = client.get(url).content.decode()
    assert 'Would have been blocked <span class="count">1</span>' in page
    assert 'As it did <span class="count">1</span>' in page
    assert "Would have passed" not in page
    only = client.get(url, {"show": "blocked"}).content.decode()
    assert blocked.get_absolute_url() in only
    assert same.get_absolute_url() not in only
    assert client.get(url, {"last": "1000000", "show": "nonsense"}).status_code == 200


# Shadow


def test_the_shadow_report_holds_what_was_noted_against_what_was_asked(draft, write, people, release, ask):
    write({"role:qa-approver": 2}, name="Strict")
    noted_before = closed()
    ShadowRun.objects.create(policy=draft, request=noted_before, at=timezone.now() - timedelta(days=1))
    set_shadow(draft.pk, actor=people.rules, on=True)
    asked = ask({"qa-approver": 1})
    version = versions.whole().get(pk=draft.pk)
    [row] = replay.shadow(version, people.rules).rows
    assert (row.request, row.row_names, row.ending) == (asked, ["Strict"], replay.Ending.OPEN)
    assert [str(d) for d in row.differences] == ["2 of QA approver instead of 1"]
    from approvals.actions import cast_vote

    cast_vote(asked.pk, actor=people.qa, verdict="approve", digest=shown(asked))
    [row] = replay.shadow(version, people.rules).rows
    assert (row.ending, row.because) == (
        replay.Ending.BLOCKED,
        "The votes cast then leave 1 more of QA approver open.",
    )
    draft.rows.all().delete()  # the report says what was noted, whatever became of the draft
    assert [r.row_names for r in replay.shadow(version, people.rules).rows] == [["Strict"]]


def test_the_shadow_report_costs_a_constant_number_of_queries(client, draft, write, people):
    write({"role:qa-approver": 2}, name="Strict")
    set_shadow(draft.pk, actor=people.rules, on=True)
    client.force_login(people.reader, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("approvals:policy_shadow", args=[draft.pk])
    rules = [{"who": "role:qa-approver", "label": "QA approver", "need": 2, "veto": True, "stage": 1}]

    def add(many):
        for _ in range(many):
            ShadowRun.objects.create(policy=draft, request=closed(), row_names=["Strict"], rules=rules)

    add(3)
    few = queries(client, url)
    add(20)
    assert queries(client, url) == few
