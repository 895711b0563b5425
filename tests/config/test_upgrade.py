"""An installation of the first version, in the middle of its work, is migrated to the newest: nothing is lost, all is decidable."""

import os
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts import policy
from accounts.models import User
from approvals import sheet
from approvals.actions import ask_missing, cast_vote, decide_override, decide_waiver
from approvals.models import ApprovalRequest, FreezeOverride, Policy, Waiver
from releases.models import Release
from tests import template

pytestmark = pytest.mark.journey

FIRST_VERSION = [
    ("accounts", "0001_initial"),
    ("core", "0002_append_only"),
    ("releases", "0002_candidate_append_only"),
    ("approvals", "0003_first_rules"),
    ("deployments", "0001_initial"),
    ("reviews", "0001_initial"),
]
PEOPLE = {
    "mia": "release-manager",
    "quentin": "qa-approver",
    "olga": "operations-approver",
    "petra": "product-approver",
    "chris": "change-manager",
    "cora": "change-manager",
    "sam": "security-approver",
}
ASKED = {"role:qa-approver", "role:operations-approver", "role:product-approver"}


@pytest.fixture(scope="module")
def upgraded(django_db_blocker):
    """The keys of what the first version held, in a database that the newest migrations have gone over."""
    with django_db_blocker.unblock(), template.empty(settings.DATABASES["default"], f"upgrade_{os.getpid()}"):
        held = fill(MigrationExecutor(connection).migrate(FIRST_VERSION).apps.get_model)
        call_command("migrate", verbosity=0, skip_checks=True)
        yield held


def fill(model) -> SimpleNamespace:
    """Rows as the first version wrote them: a release asks for approval with one vote given, a waiver and an override are open."""
    people = {name: someone(model, name, role) for name, role in PEOPLE.items()}
    mia, now = people["mia"], timezone.now()
    product = model("releases", "Product").objects.create(name="Payments", slug="payments", key="PAY")
    release = model("releases", "Release").objects.create(
        product=product,
        version="1.0.0",
        title="Faster refunds",
        objective="Refunds arrive the same day.",
        strategy="minor",
        state="approving",
        manager=mia,
        created_by=mia,
        window_starts_at=now,
        window_ends_at=now + timedelta(hours=2),
    )
    candidate = model("releases", "Candidate").objects.create(
        release=release, number=1, version="1.0.0-rc.1", commit="a" * 40, artifacts=[], added_by=mia
    )
    release.candidate = candidate
    release.save()
    failed = model("approvals", "Signoff").objects.create(candidate=candidate, kind="security", state="failed")
    freeze = model("releases", "FreezeWindow").objects.create(
        name="Peak trading", starts_at=now, ends_at=now + timedelta(days=2), created_by=mia
    )
    exempt = {"reason": "It mends the refunds.", "expires_at": now + timedelta(days=1), "requested_by": mia}
    request = running_request(model, release, mia)
    return SimpleNamespace(
        release=release.pk,
        request=request.pk,
        vote=first_vote(model, request, people["quentin"]).pk,
        waiver=model("approvals", "Waiver").objects.create(signoff=failed, **exempt).pk,
        override=model("approvals", "FreezeOverride").objects.create(freeze=freeze, release=release, **exempt).pk,
        own_row=own_row(model, product).name,
    )


def someone(model, name: str, role: str):
    person = model("accounts", "User").objects.create(username=name, first_name=name.capitalize())
    model("accounts", "Grant").objects.create(role=role, scope="", user=person, given_by=person)
    group, _ = model("auth", "Group").objects.get_or_create(name=f"{role}@everywhere")
    person.groups.add(group)
    return person


def running_request(model, release, requester):
    row = model("approvals", "Policy").objects.get(name="Minor release")
    request = model("approvals", "ApprovalRequest").objects.create(
        release=release,
        policy=row,
        policy_name=row.name,
        requester=requester,
        sheet={"scope": {"version": release.version}},
        digests={"scope": "1" * 64},
        digest="2" * 64,
        deadline_hours=row.deadline_hours,
        due_at=timezone.now() + timedelta(hours=row.deadline_hours),
    )
    for rule in row.rules.all():
        request.rules.create(role=rule.role, need=rule.need, veto=rule.veto, facets=rule.facets)
    return request


def first_vote(model, request, person):
    frozen = request.sheets.create(digest=request.digest, digests=request.digests, content=request.sheet)
    return request.votes.create(
        person=person,
        verdict="approve",
        comment="Read and tried.",
        roles=["qa-approver"],
        sheet=frozen,
        digests=frozen.digests,
    )


def own_row(model, product):
    """A rule that an administrator of the first version added, and one that was switched off."""
    rows = model("approvals", "Policy").objects
    rows.create(name="Never asked", subject="release", is_active=False)
    made = rows.create(name="Payments ask twice", subject="release", product=product, position=5, strategies=["major"])
    made.rules.create(role="qa-approver", need=2)
    return made


def person(name: str) -> User:
    return User.objects.get(username=name)


def test_the_rules_of_before_are_the_first_version_of_a_table_in_force(upgraded):
    table = Policy.objects.in_force().get(subject="release")
    rows = {row.name: row for row in table.rows.all()}

    assert table.version == 1
    assert {"Major release", "Minor release", "Patch release", "Emergency release", upgraded.own_row} == set(rows)
    asked_twice = rows[upgraded.own_row]
    assert [(rule.who, rule.need, rule.label) for rule in asked_twice.rules.all()] == [
        ("role:qa-approver", 2, "QA approver")
    ]
    assert (asked_twice.product.slug, asked_twice.strategies) == ("payments", ["major"])
    assert {p.subject for p in Policy.objects.in_force()} >= {
        "release",
        "change",
        "waiver",
        "override",
        "lift",
        "policy",
    }


def test_the_roles_of_before_carry_the_rights_of_now(upgraded):
    release = Release.objects.get(pk=upgraded.release)

    assert policy.may(person("quentin"), "releases.vote", release)
    assert policy.may(person("mia"), "releases.manage_release", release)
    assert not policy.may(person("mia"), "releases.vote", release)


def test_the_running_request_keeps_its_rules_its_vote_and_what_the_voter_was_shown(upgraded):
    request = ApprovalRequest.objects.get(pk=upgraded.request)
    vote = request.votes.get()

    assert (request.state, request.kind, request.product.slug) == ("pending", "release", "payments")
    assert (request.policy.subject, request.row_names) == ("release", ["Minor release"])
    assert {rule.who for rule in request.rules.all()} == ASKED
    assert {(rule.opened_at, rule.due_at) for rule in request.rules.all()} == {(request.opened_at, request.due_at)}
    assert (vote.pk, vote.person, vote.seat, vote.counts_for) == (
        upgraded.vote,
        person("quentin"),
        person("quentin"),
        ["role:qa-approver"],
    )
    assert (vote.comment, vote.sheet.content) == ("Read and tried.", {"scope": {"version": "1.0.0"}})


def test_a_waiver_and_an_override_that_were_open_are_asked_about_and_decided(upgraded):
    assert ask_missing() == 2
    assert ask_missing() == 0

    waiver, override = Waiver.objects.get(pk=upgraded.waiver), FreezeOverride.objects.get(pk=upgraded.override)
    assert (waiver.reason, waiver.requested_by) == ("It mends the refunds.", person("mia"))
    assert (override.freeze.name, override.state) == ("Peak trading", "requested")

    settle(waiver, decide_waiver)
    settle(override, decide_override)
    waiver.refresh_from_db()
    override.refresh_from_db()
    assert (waiver.state, override.state, waiver.signoff.state) == ("granted", "granted", "waived")


def settle(exemption, decide) -> None:
    """Everybody whom its request asks agrees, until it is decided."""
    request = exemption.requests.get()
    for name in PEOPLE:
        asked = {rule.who for rule in request.rules.all()}
        if request.state == "pending" and any(f"role:{PEOPLE[name]}" in who.split(",") for who in asked):
            decide(exemption.pk, actor=person(name), grant=True)
            request.refresh_from_db()
    assert request.state == "approved"


def test_the_running_request_is_decided_under_the_rules_it_was_opened_with(upgraded):
    """The last of the file. What the sheet says is worded anew, so that the first vote is asked for once more."""
    for name in ("olga", "petra", "quentin"):
        digest = sheet.of(Release.objects.get(pk=upgraded.release)).digest
        cast_vote(upgraded.request, actor=person(name), verdict="approve", digest=digest)

    request = ApprovalRequest.objects.get(pk=upgraded.request)
    first = request.votes.get(pk=upgraded.vote)
    assert request.state == "approved"
    assert first.state == "invalidated"
    assert "scope" in first.ended_because.lower()
    assert request.votes.filter(state="cast").count() == 3
