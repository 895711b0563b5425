"""What an edit does to the votes: edits × facets, and who is asked again."""

from datetime import timedelta

import pytest

from approvals import guards, sheet
from approvals.actions import cast_vote, refresh, request_release_approval
from approvals.models import Vote
from approvals.states import Facet
from core.models import Event
from tests.approvals.conftest import shown
from tests.factories import approvals, releases

pytestmark = pytest.mark.django_db


def _set(**fields):
    def edit(release):
        for name, value in fields.items():
            setattr(release, name, value)
        release.save()

    return edit


def move_window(release):
    release.window_ends_at += timedelta(hours=1)
    release.save()


def replace_candidate(release):
    releases.candidate(release)


def edit_rollback(release):
    type(release.rollback_plan).objects.update(steps="Run step 11.")


def rehearse_rollback(release):
    type(release.rollback_plan).objects.update(rehearsed_at=release.created_at)


def take_change_out(release):
    release.changes.update(release=None)


def raise_change_risk(release):
    release.changes.update(risk="high")


def move_change_on(release):
    release.changes.update(state="implementing")


def waive_a_test(release):
    approvals.waiver(approvals.signoff(release.candidate, "performance", "waived"))


def need_another(release):
    release.dependencies.create(needs=releases.release())


def add_environment(release):
    release.product.environments.create(name="Canary", slug="canary", position=7, tier="production")


def block_environment(release):
    release.product.environments.update(blocked_reason="Disk full")


EDITS = [
    (move_window, {"window"}),
    (replace_candidate, {"artifact"}),
    (edit_rollback, {"rollback"}),
    (rehearse_rollback, set()),
    (releases.risk, {"risk"}),
    (waive_a_test, {"risk"}),
    (take_change_out, {"scope"}),
    (raise_change_risk, {"scope"}),
    (move_change_on, set()),
    (need_another, {"scope"}),
    (add_environment, {"configuration"}),
    (block_environment, set()),
    (_set(objective="Something else"), {"scope"}),
    (_set(strategy="major"), {"scope"}),
    (_set(version="9.9.9"), {"scope"}),
    (_set(title="A better name"), set()),
    (_set(notes="A comma, moved."), set()),
    (_set(manager=None), set()),
    (_set(plan_version=7), set()),
]
NAMES = [getattr(edit, "__name__", "edit") for edit, _ in EDITS]


@pytest.mark.parametrize(("edit", "facets"), EDITS, ids=[f"{n}-{i}" for i, n in enumerate(NAMES)])
def test_an_edit_changes_exactly_these_facets_and_ends_exactly_the_votes_that_watch_them(
    ask, release, people, edit, facets
):
    """One approver per facet, each watching that one alone."""
    watchers = dict(zip(Facet.values, _approvers(), strict=True))
    request = ask({role: {"need": 1, "facets": [facet]} for facet, (role, _) in watchers.items()})
    for _, voter in watchers.values():
        cast_vote(request.pk, actor=voter, verdict="approve", digest=shown(request))
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) == ("approved", "ready")

    before = sheet.of(release)
    edit(release)
    release = type(release).objects.get(pk=release.pk)
    assert sheet.changed_facets(before.digests, sheet.of(release).digests) == facets
    # The gate holds before any reaction has run.
    assert bool(guards.approval_missing(release)) is bool(facets)

    refresh(request.pk, editor=people.manager)
    refresh(request.pk, editor=people.manager)
    stale = {v.person for v in Vote.objects.filter(state="invalidated")}
    assert stale == {watchers[facet][1] for facet in facets}
    request.refresh_from_db()
    assert request.state == ("pending" if facets else "approved")
    events = Event.objects.filter(name="vote.invalidated")
    assert [e.payload["facets"] for e in events] == [[f] for f in facets]
    assert all(people.manager.name in v.ended_because for v in Vote.objects.filter(state="invalidated"))


def _approvers():
    from tests.factories.accounts import person

    roles = [
        "qa-approver",
        "security-approver",
        "operations-approver",
        "product-approver",
        "cab-member",
        "change-manager",
    ]
    return [(role, person(roles=[role])) for role in roles]


def test_an_edit_taken_back_before_anybody_noticed_leaves_the_votes(ask, release, people):
    request = ask({"qa-approver": 2})
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    release.refresh_from_db()
    move_window(release)
    release.window_ends_at -= timedelta(hours=1)
    release.save()
    refresh(request.pk)
    assert Vote.objects.get().state == "cast"


def test_a_reopened_request_has_a_fresh_deadline_and_is_approved_again_by_the_same_person(ask, release, people):
    request = ask()
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    release.refresh_from_db()
    move_window(release)
    type(request).objects.update(due_at=release.created_at)
    refresh(request.pk)
    request.refresh_from_db()
    assert request.due_at > release.created_at + timedelta(hours=71)
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    request.refresh_from_db()
    release.refresh_from_db()
    assert (request.state, release.state) == ("approved", "ready")
    assert guards.approval_missing(release) == []
    assert [v.state for v in Vote.objects.order_by("pk")] == ["invalidated", "cast"]


def test_every_sheet_that_was_voted_on_is_kept(ask, release, people):
    request = ask({"qa-approver": 2})
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    release.refresh_from_db()
    move_window(release)
    refresh(request.pk)
    assert request.sheets.count() == 2
    assert Vote.objects.get().sheet == request.sheets.first()


def test_the_digest_does_not_depend_on_the_order_in_which_rows_come(release):
    first = releases.change(release.product, release)
    second = releases.change(release.product, release)
    before = sheet.of(release).digest
    type(first).objects.filter(pk=first.pk).update(state_since=release.created_at)
    type(second).objects.filter(pk=second.pk).delete()
    clone = releases.change(release.product, release, key=second.key, title=second.title)
    assert clone.pk != second.pk
    assert sheet.of(type(release).objects.get(pk=release.pk)).digest == before


def test_a_difference_names_the_field_and_shows_both_values():
    old = {"window": {"starts": "2026-11-12T20:00:00+00:00"}, "scope": {"changes": [{"key": "A-1", "text": "one"}]}}
    new = {"window": {"starts": "2026-11-12T21:00:00+00:00"}, "scope": {"changes": [{"key": "A-2", "text": "two"}]}}
    assert sheet.compare(old, new) == [
        {"facet": "scope", "field": "Changes", "removed": ["A-1 · one"], "added": ["A-2 · two"]},
        {
            "facet": "window",
            "field": "Window starts",
            "was": "Thu 12 Nov 2026, 20:00 UTC",
            "now": "Thu 12 Nov 2026, 21:00 UTC",
        },
    ]
    assert sheet.compare(old, old) == []


def test_an_approver_who_becomes_an_author_no_longer_counts_whatever_they_watch(ask, release, people):
    request = ask({"qa-approver": {"need": 1, "facets": ["artifact"]}})
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    releases.change(release.product, release, state="approved", author=people.qa)
    release = type(release).objects.get(pk=release.pk)
    assert [b.code for b in guards.approval_missing(release)] == ["approval-open:role:qa-approver"]
    refresh(request.pk, editor=people.manager)
    vote = Vote.objects.get()
    assert (vote.state, vote.ended_because) == ("invalidated", "Quentin wrote a part of it, edited by Mia.")


def test_an_author_goes_on_to_count_where_the_row_says_so(ask, release, people):
    approvals.policy({"qa-approver": {"need": 1, "facets": ["artifact"]}}, count_author=True)
    request = request_release_approval(release.pk, actor=people.manager)
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    releases.change(release.product, release, state="approved", author=people.qa)
    refresh(request.pk, editor=people.manager)
    assert Vote.objects.get().state == "cast"
    assert guards.approval_missing(type(release).objects.get(pk=release.pk)) == []
