"""Rules that hold when many press at the same moment: real threads on a real database."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from core.blockers import Refused
from core.models import Event
from releases import actions
from releases.models import Candidate, ChangeTemplate, Dependency, Release
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls):
    """The result of each call, or the Refused that it raised; all start together."""
    barrier = Barrier(len(calls))

    def run(call):
        try:
            barrier.wait(timeout=20)
            return call()
        except Refused as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def refused(results):
    return [r for r in results if isinstance(r, Refused)]


def test_fifty_who_press_the_same_step_move_the_release_once():
    product = releases.product()
    manager = accounts.person(roles=["release-manager"], on=product)
    release = releases.release(product, "building")
    releases.candidate(release)
    results = at_once(*[lambda: actions.take_step(release.pk, "start_testing", actor=manager)] * 50)
    assert len(refused(results)) == 49
    assert {b.code for r in refused(results) for b in r.blockers} == {"state"}
    assert Event.objects.filter(name="release.testing_started").count() == 1
    assert Release.objects.get().state == "testing"


def test_candidates_added_at_once_are_numbered_without_gap_or_double():
    product = releases.product()
    robot = accounts.person(roles=["contributor"], on=product)
    release = releases.release(product, "building")
    artifacts = [{"name": "image", "digest": "sha256:" + "a" * 64}]
    calls = [
        lambda n=n: actions.add_candidate(release.pk, actor=robot, commit=f"{n:040x}", artifacts=artifacts)
        for n in range(8)
    ]
    assert refused(at_once(*calls)) == []
    assert sorted(Candidate.objects.values_list("number", flat=True)) == list(range(1, 9))
    release.refresh_from_db()
    assert release.candidate.number == 8


def test_two_dependencies_that_would_make_a_circle_together_do_not_both_stand():
    product = releases.product()
    manager = accounts.person(roles=["release-manager"], on=product)
    one, two = releases.release(product), releases.release(product)
    results = at_once(
        lambda: actions.add_dependency(one.pk, two.pk, actor=manager),
        lambda: actions.add_dependency(two.pk, one.pk, actor=manager),
    )
    assert [b.code for r in refused(results) for b in r.blockers] == ["dependency-circle"]
    assert Dependency.objects.count() == 1


def test_two_drafts_of_one_version_make_one_release():
    product = releases.product()
    manager = accounts.person(roles=["release-manager"], on=product)
    results = at_once(*[lambda: actions.draft_release(product.pk, actor=manager, version="1.0.0")] * 6)
    assert {b.code for r in refused(results) for b in r.blockers} == {"version-taken"}
    assert Release.objects.count() == 1


def test_changes_added_at_once_get_each_their_own_key():
    product = releases.product()
    contributor = accounts.person(roles=["contributor"], on=product)
    results = at_once(*[lambda: actions.add_change(product.pk, actor=contributor, title="One more")] * 8)
    assert refused(results) == []
    assert len({change.key for change in results}) == 8


def test_a_name_that_eight_give_at_once_is_in_the_catalogue_once():
    product = releases.product()
    people = [accounts.person(roles=["contributor"], on=product) for _ in range(8)]
    calls = [
        lambda who=who: actions.add_template(actor=who, name="Certificate", product_id=product.pk) for who in people
    ]
    results = at_once(*calls)
    assert {b.code for r in refused(results) for b in r.blockers} == {"name-taken"}
    assert ChangeTemplate.objects.count() == 1
    assert Event.objects.filter(name="template.added").count() == 1


def test_a_standard_change_that_is_used_and_retired_at_once_is_one_or_the_other():
    product = releases.product()
    template = releases.template(product)
    contributor = accounts.person(roles=["contributor"], on=product)
    boss = accounts.person(roles=["change-manager"], on=product)
    use = lambda: actions.add_standard_change(template.pk, product.pk, actor=contributor)  # noqa: E731
    results = at_once(
        *[use] * 4, lambda: actions.retire_template(template.pk, actor=boss, reason="Automated."), *[use] * 4
    )
    assert {b.code for r in refused(results) for b in r.blockers} <= {"template-not-approved"}
    told = list(Event.objects.order_by("pk").values_list("name", flat=True))
    after = told[told.index("template.retired") :]
    assert "change.pre_approved" not in after
    assert told.count("change.pre_approved") == 8 - len(refused(results))


def test_a_product_that_ten_block_at_once_is_blocked_once_by_one_of_them():
    product = releases.product()
    people = [accounts.person(roles=["deployer"], on=product) for _ in range(10)]
    calls = [lambda who=who: actions.block_product(product.pk, actor=who, reason=f"By {who.pk}") for who in people]
    results = at_once(*calls)
    assert {b.code for r in refused(results) for b in r.blockers} == {"blocked-already"}
    assert len(refused(results)) == 9
    product.refresh_from_db()
    assert product.blocked_reason == f"By {product.blocked_by_id}"
