"""The decision sheet for one reader: what it is bound to, what stands around it, who decides and why."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation

from approvals import around, reading, sheet
from approvals.actions import cast_vote
from approvals.models import Lift, Policy, PolicyRow, Rule
from deployments import payload
from releases.models import Dependency, Release, RollbackPlan
from tests.approvals.conftest import shown
from tests.factories import approvals, deployments, releases
from tests.factories.accounts import absence, person

pytestmark = pytest.mark.django_db


def context_of(request, user) -> dict:
    return reading.sheet_for(request, type(user).objects.get(pk=user.pk))


def notes(request, user) -> dict[str, list[str]]:
    """{topic: sentences} around a request."""
    found: dict[str, list[str]] = {}
    for note in context_of(request, user)["around"]:
        found.setdefault(note.topic, []).append(note.text)
    return found


def page_of(client, request, user) -> str:
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    response = client.get(request.get_absolute_url())
    assert response.status_code == 200
    return response.content.decode()


@pytest.fixture
def every_kind(release, people):
    """{kind: a request about one subject of it}."""
    signoff = approvals.signoff(release.candidate, "uat")
    waived = approvals.signoff(release.candidate, "security", "waived")
    approvals.waiver(waived, "granted")
    environment = release.product.environments.first()
    environment.stop("Disks are full.", people.manager)
    environment.save()
    proposed = Policy.objects.create(
        subject="release", version=99, state="proposed", note="Two of them.", created_by=people.rules
    )
    row = PolicyRow.objects.create(policy=proposed, name="All", deadline_hours=24)
    Rule.objects.create(row=row, who="role:qa-approver", label="QA approver", need=2)
    subjects = {
        "release": release,
        "change": releases.change(release.product, state="authorising"),
        "waiver": approvals.waiver(signoff, "requested", requested_by=people.tester),
        "override": approvals.override(releases.freeze(), release, "requested"),
        "lift": Lift.objects.create(
            environment=environment, stopped_because="Disks are full.", reason="Emptied.", requested_by=people.manager
        ),
        "template": releases.template(release.product, state="proposed", locked=["risk", "impact"]),
        "policy": proposed,
    }
    return {kind: approvals.request(subject, requester=people.manager) for kind, subject in subjects.items()}


# What it is bound to


KINDS = ("release", "change", "waiver", "override", "lift", "template", "policy")


def test_the_digest_of_no_kind_of_sheet_depends_on_the_readers_time_zone_or_language(every_kind):
    for kind in KINDS:
        subject = type(every_kind[kind].subject).objects.get(pk=every_kind[kind].subject_id)
        digests = set()
        for zone, language in (("UTC", "en"), ("Pacific/Auckland", "de"), ("America/St_Johns", "ja")):
            with timezone.override(zone), translation.override(language):
                digests.add(sheet.of(type(subject).objects.get(pk=subject.pk)).digest)
        assert len(digests) == 1, kind


def test_a_sheet_of_every_kind_is_shown_with_its_consequence(client, every_kind, people):
    for kind in KINDS:
        request = every_kind[kind]
        page = page_of(client, request, people.qa)
        assert "What you decide on" in page, kind
        assert f'name="digest" value="{shown(request)}"' in page, kind
        assert "Your approval completes the quorum:" in page, kind
        assert "Who decides" in page, kind


@pytest.mark.parametrize("kind", KINDS)
def test_a_sheet_of_every_kind_can_be_approved_with_the_digest_that_it_showed(every_kind, people, kind):
    request = every_kind[kind]
    digest = context_of(request, people.qa)["digest"]
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=digest)
    request.refresh_from_db()
    assert request.state == "approved"


def test_a_policy_shows_how_it_differs_from_the_version_in_force(every_kind, people):
    standing = Policy.objects.in_force().get(subject="release")
    [row, *_] = context_of(every_kind["policy"], people.qa)["proposed"]
    assert row["added"], "the row of the draft"
    assert len(row["removed"]) == standing.rows.count()
    assert context_of(every_kind["change"], people.qa)["proposed"] is None


def test_a_standard_change_shows_its_locked_fields(every_kind, people):
    rows = dict(dict(context_of(every_kind["template"], people.qa)["facets"])["scope"])
    assert rows["Locked"] == ["impact", "risk"]


# What would run


def test_hooks_and_their_verification_stand_on_the_sheet_without_any_value_that_may_be_secret(release, people, client):
    staging = release.product.environments.get(slug="staging")
    deployments.hook(
        staging,
        name="Ship",
        config={"program": "ship.sh", "arguments": ["--to={environment}", "{version}", "--token=hunter2"]},
        secret="s3cret",
        timeout_s=600,
    )
    url = "https://robot:pass@ci.example.org:8443/jobs/7?key=abc"
    deployments.hook(staging, name="Tell", driver="http", position=1, config={"url": url})
    deployments.Verification.objects.create(environment=staging, steady_s=9, timeout_s=90)
    request = approvals.request(release)
    page = page_of(client, request, people.qa)
    assert "command ship.sh with environment and version" in page
    assert "http ci.example.org:8443/jobs/7" in page
    assert "at most 600 s" in page
    assert "on deployment, call 2" in page
    assert "/health answers well for 9 s" in page
    for hidden in ("hunter2", "s3cret", "robot", "pass@", "abc"):
        assert hidden not in page, hidden


@pytest.mark.parametrize(
    ("edit", "counts"),
    [
        ({"config": {"program": "echo", "arguments": ["{version}", "--force"]}}, True),
        ({"config": {"program": "rm", "arguments": ["{version}"]}}, True),
        ({"timeout_s": 5}, True),
        ({"position": 7}, False),
        ({"on_failure": "ask"}, True),
        ({"is_active": False}, True),
        ({"secret": "renewed"}, False),
    ],
)
def test_an_edit_of_a_hook_moves_the_configuration_and_nothing_else(release, edit, counts):
    hook = deployments.hook(release.product.environments.first())
    before = sheet.of(type(release).objects.get(pk=release.pk)).digests
    for name, value in edit.items():
        setattr(hook, name, value)
    hook.save()
    after = sheet.of(type(release).objects.get(pk=release.pk)).digests
    assert sheet.changed_facets(before, after) == ({"configuration"} if counts else set())


def test_a_hook_that_cannot_be_read_is_still_told_and_breaks_no_sheet():
    hook = deployments.Hook(name="X", driver="http", config={"url": "http://[bad"}, timeout_s=1, on="deploy")
    assert "an address that cannot be read" in payload.worded(hook, 1)
    hook.driver, hook.config = "command", {"program": "echo", "arguments": ["{unclosed", 3]}
    assert "command echo with no inputs" in payload.worded(hook, 1)
    hook.driver = "unheard-of"
    assert payload.worded(hook, 1).startswith("on deployment, call 1 · unheard-of · ")


# Around it


def test_other_open_releases_in_the_window_are_named_for_the_product_and_those_tied_to_it(release, people):
    start, end = release.window_starts_at, release.window_ends_at
    same = releases.release(release.product, "planned", version="9.0.0", window_starts_at=start, window_ends_at=end)
    needed = releases.release(state="planned", version="8.0.0")
    needing = releases.release(state="planned", version="7.0.0")
    unrelated = releases.release(state="planned", version="6.0.0")
    Dependency.objects.create(release=release, needs=needed)
    Dependency.objects.create(release=needing, needs=release)
    later = releases.release(
        release.product, "planned", version="5.0.0", window_starts_at=end, window_ends_at=end + timedelta(hours=1)
    )
    cancelled = releases.release(release.product, "cancelled", version="4.0.0")
    said = "\n".join(notes(approvals.request(release), people.qa)["Same window"])
    assert f"{same}, of the same product" in said
    assert f"{needed}, which {release.product} needs" in said
    assert f"{needing}, which needs {release.product}" in said
    for other in (unrelated, later, cancelled, release):
        assert f"{other}," not in said, other


def test_a_release_out_of_the_readers_sight_is_counted_and_not_named(release):
    hidden = releases.release(state="planned", version="8.0.0", window_starts_at=release.window_starts_at)
    Dependency.objects.create(release=hidden, needs=release)
    reader = person("ned", roles=["qa-approver"], on=release.product)
    [said] = notes(approvals.request(release), reader)["Same window"]
    assert said == "1 more release in this window."


def test_a_freeze_that_the_window_touches_says_what_became_of_an_override(release, people):
    freeze = releases.freeze(name="Peak")
    releases.freeze(name="Elsewhere").products.add(releases.product())
    releases.freeze(name="Lifted", lifted_at=timezone.now())
    request = approvals.request(release)
    [said] = notes(request, people.qa)["Freeze"]
    assert "“Peak” (production)" in said
    assert said.endswith("not overridden.")
    override = approvals.override(freeze, release, "requested")
    assert "is asked for" in notes(request, people.qa)["Freeze"][0]
    releases.put_in_state(override, "granted")
    assert "overridden until" in notes(request, people.qa)["Freeze"][0]
    type(override).objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    assert notes(request, people.qa)["Freeze"][0].endswith("the override has lapsed.")


def test_open_waivers_stand_around_a_release_with_their_end(release, people):
    until = timezone.now() + timedelta(days=2)
    for kind, state in (("uat", "requested"), ("security", "granted"), ("performance", "refused")):
        approvals.waiver(
            approvals.signoff(release.candidate, kind), state, expires_at=until, follow_up="Test on Monday"
        )
    asked, granted = sorted(notes(approvals.request(release), people.qa)["Waiver"], reverse=True)
    assert asked.startswith("UAT tests: waiver asked for, until ")
    assert granted.startswith("Security tests: waiver granted, until ")
    assert granted.endswith("Afterwards: Test on Monday.")


def test_other_open_requests_about_the_release_are_named(release, people):
    waiver = approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested")
    beside = approvals.request(waiver)
    done = approvals.request(approvals.override(releases.freeze(), release, "refused"), state="rejected")
    request = approvals.request(release)
    said = notes(request, people.qa)["Also asked"]
    assert [text.split(", due")[0] for text in said] == [str(beside)]
    assert str(done) not in said


@pytest.mark.parametrize("when", ["never", "before", "first", "current"])
def test_the_rehearsal_of_the_rollback_says_when_and_on_which_candidate(release, people, when):
    first, hour = release.candidate, timedelta(hours=1)
    second = releases.candidate(release, added_at=first.added_at + 2 * hour)
    at = {
        "never": None,
        "before": first.added_at - hour,
        "first": first.added_at + hour,
        "current": second.added_at + hour,
    }[when]
    RollbackPlan.objects.filter(release=release).update(rehearsed_at=at)
    request = approvals.request(type(release).objects.get(pk=release.pk))
    [said] = notes(request, people.qa)["Way back"]
    assert {
        "never": "The rollback was never rehearsed.",
        "before": "before there was a candidate.",
        "first": f"on {first.short}; the candidate is rc.2 now.",
        "current": "on rc.2, the current candidate.",
    }[when] in said


def test_who_noted_the_rehearsal_is_named_where_the_log_knows_it(release, people):
    from core.locking import locked
    from releases.steps import note_rehearsal

    with locked(Release.objects, release.pk) as row:
        note_rehearsal(row, timezone.now(), people.manager)
    request = approvals.request(type(release).objects.get(pk=release.pk))
    assert f"as {people.manager.name} noted" in notes(request, people.qa)["Way back"][0]


def test_nothing_around_a_decision_is_part_of_its_digest(release, people):
    request = approvals.request(release)
    before = context_of(request, people.qa)["digest"]
    RollbackPlan.objects.filter(release=release).update(rehearsed_at=timezone.now() - timedelta(days=9))
    releases.freeze()
    releases.release(release.product, "planned", version="9.0.0")
    approvals.waiver(approvals.signoff(release.candidate, "uat"), "requested")
    release.product.stop("Audit.", people.manager)
    release.product.save()
    context = context_of(request, people.qa)
    undone = {"Way back", "Rollback calls", "Rehearsal"}
    assert {note.topic for note in context["around"]} == {"Stopped", "Same window", "Freeze", "Waiver", *undone}
    assert context["digest"] == before


def test_what_is_about_no_release_has_nothing_around_it_but_stops(every_kind, people):
    for kind in ("lift", "template", "policy", "change"):
        request = reading.loaded_all([every_kind[kind].pk])[0]
        assert [n.topic for n in around.of(request, people.qa)] == [], kind


# Who decides, and why


def test_the_sheet_says_which_row_matched_and_on_which_facts(ask, release, people):
    approvals.policy({"qa-approver": 1}, strategies=["minor"], size_max=5, name="Small ones")
    request = ask({"qa-approver": 1})
    PolicyRow.objects.filter(name=request.row_names[0]).update(strategies=["minor", "patch"], size_max=3)
    [(name, conditions)] = context_of(request, people.qa)["reasons"]
    assert name == request.row_names[0]
    assert {(c.name, c.found) for c in conditions} == {("strategy", "minor"), ("size", "1")}


def test_the_ledger_names_stages_the_absent_and_who_stands_in_for_whom(ask, people, client):
    absence(people.qa, timezone.now() - timedelta(hours=1))
    delegation = approvals.delegation(people.qa, people.operations)
    request = ask({"qa-approver": 2, "security-approver": {"need": 1, "stage": 2}})
    qa, security = context_of(request, people.qa2)["ledger"].rows
    assert qa.count.endswith("stage\N{NO-BREAK SPACE}1")
    assert f"{people.qa.name} is away." in qa.note
    assert f"{people.operations.name} stands in for {people.qa.name} until" in qa.note
    assert (security.word, security.who) == ("Asked later", "after stage 1")
    page = page_of(client, request, people.operations)
    assert f"For {people.qa.name}, by delegation until" in page
    assert f"{people.qa.name}&#39;s place" in page or f"{people.qa.name}’s place" in page
    assert delegation.person == people.qa


def test_a_stand_in_of_several_chooses_the_place_and_a_taken_one_is_not_offered(ask, people, client):
    third = person("tim", roles=["qa-approver"])
    for absent in (people.qa, people.qa2, third):
        approvals.delegation(absent, people.operations)
    request = ask({"qa-approver": 3})
    approvals.vote(request, third)
    page = page_of(client, request, people.operations)
    assert '<select class="select" id="seat" name="seat">' in page
    assert f'<option value="{people.qa2.pk}" selected>' in page
    assert f'<option value="{people.qa.pk}">' in page
    assert f'<option value="{third.pk}"' not in page
    sent = {"digest": shown(request), "seat": people.qa.pk}
    client.post(f"/inbox/{request.pk}/approve/", sent)
    assert request.votes.get(person=people.operations).seat == people.qa


def test_a_stand_in_whose_only_place_is_filled_is_told_by_whom_and_offered_no_vote(ask, people):
    approvals.delegation(people.qa, people.operations)
    request = ask({"qa-approver": 2})
    assert context_of(request, people.operations)["not_you"] == ""
    approvals.vote(request, people.qa)
    context = context_of(request, people.operations)
    assert context["not_you"] == f"{people.qa.name} has voted in person."
    assert context["consequence"] == ""


def test_a_sheet_costs_a_constant_number_of_queries_however_much_stands_on_it(release, people):
    request = approvals.request(release, {"qa-approver": 9})
    release.window_starts_at, release.window_ends_at = timezone.now(), timezone.now() + timedelta(hours=2)
    release.save()

    def fill() -> None:
        releases.change(release.product, release)
        releases.risk(release, owner=people.manager)
        deployments.hook(release.product.environments.first())
        approvals.vote(request, person(roles=["qa-approver"]))
        request.questions.create(asked_by=person(), text="Why?")
        releases.freeze()
        approvals.waiver(approvals.signoff(releases.candidate(release), "uat"), "requested")
        approvals.delegation(person(roles=["qa-approver"]), person())

    def cost() -> int:
        user = type(people.qa).objects.get(pk=people.qa.pk)
        with CaptureQueriesContext(connection) as captured:
            reading.sheet_for(request, user)
        return len(captured)

    fill()
    few = cost()
    for _ in range(4):
        fill()
    assert cost() == few
