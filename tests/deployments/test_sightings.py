"""What was put into an environment without Slipway: reported, recognised, and made an unauthorised change of."""

from datetime import UTC, datetime, timedelta
from datetime import timezone as offsets

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.actions import create_token
from approvals.models import ApprovalRequest
from core.blockers import Refused
from core.models import Event
from deployments import guards, where
from deployments.actions.sighting import report_deployment
from deployments.models import Deployment, Sighting
from releases.models import Candidate, Change
from tests.deployments.conftest import fresh, turn
from tests.factories import accounts, approvals, releases
from tests.factories import deployments as shipping

pytestmark = pytest.mark.django_db
DIGEST = "sha256:" + "ab" * 32
FAR_EAST, FAR_WEST = offsets(timedelta(hours=14)), offsets(timedelta(hours=-12))


@pytest.fixture
def ci(place):
    """A service account that may report, and nothing more than contribute."""
    return accounts.person("ci", roles=["contributor"], on=place.product, is_service=True)


def report(place, ci, environment=None, **told):
    return report_deployment((environment or place.production).pk, actor=ci, **({"version": "9.9.9"} | told))


def runs(environment):
    return where.running_in(environment)


def test_an_unknown_version_in_production_is_sighted_and_opens_one_unauthorised_change(place, ci):
    shipping.verified(place.production, "4.7.0", verified_at=timezone.now() - timedelta(hours=1))

    made = report(place, ci, commit="c" * 40)

    assert made.outcome == "recorded"
    change = made.sighting.change
    assert (change.type, change.state, change.commits) == ("unauthorised", "done", ["c" * 40])
    assert change.title == "9.9.9 entered Production without an approved change"
    assert "Ran there before: 4.7.0-rc.1." in change.description
    assert "It is no candidate of any release." in change.description
    assert (runs(place.production).version, runs(place.production).by) == ("9.9.9", "sighting")
    event = Event.objects.get(name="environment.sighted")
    assert (event.payload["was"], event.payload["change"]) == ("4.7.0-rc.1", change.key)
    assert Change.objects.filter(type="unauthorised").count() == 1


def test_the_unauthorised_change_asks_for_its_approval_in_retrospect(place, ci):
    approvals.policy({"change-manager": 1}, subject="change")
    accounts.person("cm", roles=["change-manager"])

    made = report(place, ci)

    asked = ApprovalRequest.objects.get(change=made.sighting.change)
    assert (asked.purpose, asked.requester) == ("retrospective", ci)


def test_a_repeat_with_the_same_event_changes_nothing(place, ci):
    first = report(place, ci, event_id="build-7")
    again = report(place, ci, event_id="build-7", version="1.2.3")

    assert (again.outcome, again.sighting) == ("repeated", first.sighting)
    assert (Sighting.objects.count(), Change.objects.filter(type="unauthorised").count()) == (1, 1)


def test_ids_too_long_to_keep_are_still_told_apart(place, ci):
    long = "x" * 300
    report(place, ci, event_id=long)

    assert report(place, ci, event_id=long).outcome == "repeated"
    assert report(place, ci, event_id=long + "y", version="9.9.8").outcome == "recorded"


def test_what_is_known_to_run_is_no_news_under_another_event(place, ci):
    report(place, ci, event_id="1")

    assert report(place, ci, event_id="2").outcome == "known"
    assert Sighting.objects.count() == 1


@pytest.mark.parametrize("length", [7, 300])
def test_a_repeat_of_what_was_known_changes_nothing_whatever_runs_there_by_then(place, ci, length):
    key = "b" * length
    shipping.deployment(place.release, place.production, "running")
    version = place.release.candidate.version
    assert report(place, ci, version=version, event_id=key).outcome == "known"
    Deployment.objects.all().delete()
    report(place, ci, version="9.9.9", event_id="other")
    before = Event.objects.count()

    again = report(place, ci, version=version, event_id=key)

    assert (again.outcome, again.sighting) == ("known", None)
    assert runs(place.production).version == "9.9.9"
    assert Event.objects.count() == before
    assert report(place, ci, version=version, event_id="b").outcome == "recorded"


def test_a_known_report_is_remembered_in_its_own_environment_alone(place, ci):
    shipping.deployment(place.release, place.production, "running")
    report(place, ci, version=place.release.candidate.version, event_id="build-7")

    made = report_deployment(place.staging.pk, actor=ci, version="9.9.9", source="api", event_id="build-7")

    assert made.outcome == "recorded"


def test_a_known_report_without_an_id_leaves_nothing(place, ci):
    shipping.deployment(place.release, place.production, "running")
    before = Event.objects.count()

    assert report(place, ci, version=place.release.candidate.version).outcome == "known"

    assert Event.objects.count() == before


def test_an_old_report_of_what_ran_then_is_no_news_either(place, ci):
    an_hour_ago = timezone.now() - timedelta(hours=1)
    report(place, ci, at=an_hour_ago)
    report(place, ci, version="9.9.10")

    late = report(place, ci, at=an_hour_ago + timedelta(minutes=10), event_id="late")

    assert late.outcome == "known"
    assert runs(place.production).version == "9.9.10"


@pytest.mark.parametrize("state", ["running", "verifying", "paused", "succeeded"])
def test_a_tool_that_reports_what_slipway_itself_deploys_is_no_news(place, ci, state):
    shipping.deployment(place.release, place.production, state)

    made = report(place, ci, version=place.release.candidate.version)

    assert made.outcome == "known"
    assert not Change.objects.filter(type="unauthorised").exists()


def test_a_candidate_that_a_failed_deployment_left_behind_is_news(place, ci):
    shipping.deployment(place.release, place.staging, "failed")

    made = report(place, ci, place.staging, version=place.release.candidate.version)

    assert (made.outcome, runs(place.staging).candidate) == ("recorded", place.release.candidate)


def test_the_candidate_is_recognised_by_digest_commit_or_version(place, ci):
    built = Candidate.objects.create(
        release=place.release,
        number=2,
        version="4.8.0-rc.2",
        commit="beef" * 10,
        artifacts=[{"name": "image", "digest": DIGEST}],
        added_by=place.deployer,
    )
    type(place.release).objects.filter(pk=place.release.pk).update(candidate=built)

    by_digest = report(place, ci, place.staging, version="", artifact=f"registry.example/payments@{DIGEST}")
    assert (by_digest.sighting.candidate, by_digest.sighting.version) == (built, "4.8.0-rc.2")

    for told in ({"version": "v4.8.0-rc.2"}, {"version": "", "commit": "BEEFBEEF"}, {"version": "4.8.0"}):
        Sighting.objects.all().delete()
        made = report(place, ci, place.staging, **told)
        assert made.sighting.candidate == built, told


def test_other_bits_under_the_version_of_a_candidate_are_not_the_candidate(place, ci):
    releases.candidate(place.release, artifacts=[{"name": "image", "digest": DIGEST}])
    other = "sha256:" + "cd" * 32

    forged = report(place, ci, version="4.8.0-rc.2", artifact=other)
    assert forged.sighting.candidate is None

    rebuilt = report(place, ci, version="4.8.0-rc.2", commit="f" * 40)
    assert rebuilt.outcome == "known"
    assert Sighting.objects.get().candidate is None


def test_an_approved_release_deployed_by_hand_is_sighted_without_an_unauthorised_change(place, ci):
    place.approved()

    made = report(place, ci, version=place.release.version)

    assert (made.outcome, made.sighting.change) == ("recorded", None)
    assert made.sighting.candidate == place.release.candidate


@pytest.mark.parametrize("state", ["planned", "testing", "approving", "on_hold", "cancelled"])
def test_a_candidate_of_a_release_that_nobody_approved_is_unauthorised_in_production(place, ci, state):
    releases.put_in_state(place.release, state)

    made = report(place, ci, version=place.release.candidate.version)

    assert made.sighting.change is not None
    assert "was not approved for production then" in made.sighting.change.description


def test_an_earlier_candidate_of_an_approved_release_is_unauthorised(place, ci):
    earlier = place.release.candidate
    place.release.candidate = releases.candidate(place.release)
    place.release.save()
    releases.put_in_state(place.release, "ready")

    made = report(place, ci, version=earlier.version)

    assert "not the one that its approval is about" in made.sighting.change.description


def test_what_was_rolled_back_and_comes_again_past_slipway_is_unauthorised(place, ci):
    releases.put_in_state(place.release, "closed")
    an_hour_ago = timezone.now() - timedelta(hours=1)
    shipping.deployment(place.release, place.production, "rolled_back", verified_at=an_hour_ago, started_at=an_hour_ago)
    shipping.verified(place.production, "4.7.0", verified_at=an_hour_ago + timedelta(minutes=10))

    made = report(place, ci, version=place.release.candidate.version)

    assert "It was rolled back from there before" in made.sighting.change.description


def test_outside_of_production_nothing_is_unauthorised(place, ci):
    made = report(place, ci, place.staging)

    assert made.sighting.change is None
    assert not Change.objects.filter(type="unauthorised").exists()


def test_a_removal_leaves_nothing_there_and_is_unauthorised_in_production(place, ci):
    shipping.verified(place.production, "4.7.0", verified_at=timezone.now() - timedelta(hours=1))

    made = report(place, ci, version="")

    assert runs(place.production).is_nothing
    assert made.sighting.change.title == "Payments API was taken out of Production without an approved change"
    assert report(place, ci, version="").outcome == "known"


def test_the_removal_of_what_nobody_knew_of_is_no_news(place, ci):
    assert report(place, ci, version="").outcome == "known"


def test_a_deployment_verified_later_counts_more_than_a_sighting(place, ci):
    report(place, ci)
    deployment = shipping.deployment(place.release, place.production, "succeeded")

    assert runs(place.production).deployment == deployment


def test_an_instant_to_come_is_refused_and_a_fast_clock_forgiven(place, ci):
    with pytest.raises(Refused) as refusal:
        report(place, ci, at=timezone.now() + timedelta(minutes=6))
    assert [(b.code, b.field) for b in refusal.value.blockers] == [("in-future", "at")]

    made = report(place, ci, at=timezone.now() + timedelta(minutes=4))
    assert made.sighting.at <= timezone.now()


@pytest.mark.parametrize(
    ("at", "code"),
    [
        (datetime(1, 1, 1, tzinfo=FAR_EAST), "too-early"),
        (datetime(1969, 12, 31, tzinfo=UTC), "too-early"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=FAR_WEST), "in-future"),
    ],
)
def test_an_instant_that_no_clock_of_a_tool_tells_is_refused(place, ci, at, code):
    with pytest.raises(Refused) as refusal:
        report(place, ci, at=at)

    assert [(b.code, b.field) for b in refusal.value.blockers] == [(code, "at")]
    assert not Sighting.objects.exists()


@pytest.mark.parametrize(("field", "text"), [("commit", "no commit"), ("version", "v" * 81), ("artifact", "\0")])
def test_what_cannot_be_kept_is_refused_at_its_field(place, ci, field, text):
    with pytest.raises(Refused) as refusal:
        report(place, ci, **{field: text})

    assert [b.field for b in refusal.value.blockers] == [field]
    assert not Sighting.objects.exists()


def test_only_who_may_report_reports(place):
    with pytest.raises(PermissionDenied):
        report(place, place.stakeholder)
    with pytest.raises(Http404):
        report(place, accounts.person("eve", roles=["deployer"], on=releases.product("Other")))


def test_nothing_older_than_a_sighted_candidate_enters_and_the_way_out_is_told(place, ci):
    later = releases.release(place.product, state="ready", version="4.9.0")
    report(place, ci, place.staging, version=later.candidate.version)
    planned = Deployment(release=place.release, candidate=place.release.candidate, environment=place.staging)

    (blocker,) = guards.older_than_running(planned)

    assert blocker.url == "/environments/payments/staging/"
    assert "Ship a newer version" in blocker.message


def test_a_sighting_that_is_no_candidate_has_no_place_in_the_order(place, ci):
    report(place, ci, place.staging, version="99.0.0")
    planned = Deployment(release=place.release, candidate=place.release.candidate, environment=place.staging)

    assert guards.older_than_running(planned) == []


def test_a_deployment_replaces_what_was_sighted_and_its_way_back_is_what_slipway_verified(place, ci, tool):
    proven = shipping.verified(place.staging, "4.6.0", verified_at=timezone.now() - timedelta(hours=2))
    seen = releases.release(place.product, state="closed", version="4.7.0")
    report(place, ci, place.staging, version=seen.candidate.version)

    deployment = place.into_staging()
    turn()

    deployment = fresh(deployment)
    assert deployment.state == "succeeded"
    assert deployment.previous == seen.candidate
    assert deployment.way_back == proven


def test_what_runs_where_takes_two_queries_whatever_the_rows(place, ci):
    def asked(environments) -> int:
        with CaptureQueriesContext(connection) as queries:
            for running in where.running(environments).values():
                assert running.release_version is not None
        return len(queries)

    report(place, ci)
    shipping.verified(place.staging, "4.7.0")
    assert asked([place.staging, place.production]) == 2

    more = [e for _ in range(5) for e in releases.pipeline(releases.product())]
    for environment in more:
        shipping.sighting(environment)
    assert asked([place.staging, place.production, *more]) == 2


@pytest.fixture
def call(client, ci):
    """Call the API with the token of the service account."""
    _row, token = create_token(actor=accounts.person("root", roles=["administrator"]), owner=ci, name="CI")

    def post(path: str, body=None):
        headers = {"Authorization": f"Bearer {token}"}
        if body is None:
            return client.get(path, headers=headers)
        return client.post(path, body, content_type="application/json", headers=headers)

    return post


def test_the_api_takes_a_report_by_short_names_and_lists_it(place, call):
    body = {"product": "payments", "environment": "production", "version": "9.9.9", "event_id": "7"}

    first, again = call("/api/v1/sightings/", body), call("/api/v1/sightings/", body)

    assert (first.status_code, first.json()["outcome"]) == (201, "recorded")
    assert first.json()["sighting"]["change"] == Change.objects.get(type="unauthorised").key
    assert (again.status_code, again.json()["outcome"]) == (200, "repeated")
    listed = call(f"/api/v1/sightings/?environment={place.production.pk}&source=api").json()["results"]
    assert [row["version"] for row in listed] == ["9.9.9"]
    assert call("/api/v1/sightings/?source=probe").json()["results"] == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"product": "payments", "environment": "moon", "version": "1"}, "environment"),
        ({"environment": "999999", "version": "1"}, "environment"),
        ({"product": "payments", "environment": "production"}, "version"),
        ({"product": "payments", "environment": "production", "version": "1", "removed": True}, "version"),
        ({"product": "payments", "environment": "production", "version": "1", "at": "soon"}, "at"),
    ],
)
def test_the_api_says_at_which_field_a_report_does_not_fit(place, call, body, field):
    answer = call("/api/v1/sightings/", body)

    assert answer.status_code == 400
    assert list(answer.json()) == [field]
    assert not Sighting.objects.exists()


def test_the_api_answers_409_for_an_instant_to_come(place, call):
    at = (timezone.now() + timedelta(days=1)).isoformat()

    answer = call("/api/v1/sightings/", {"product": "payments", "environment": "staging", "version": "1", "at": at})

    assert (answer.status_code, answer.json()["blockers"][0]["code"]) == (409, "in-future")


def test_the_api_takes_a_removal(place, call):
    shipping.sighting(place.staging)

    answer = call("/api/v1/sightings/", {"product": "payments", "environment": "staging", "removed": True})

    assert answer.json()["sighting"]["version"] == ""
    assert runs(place.staging).is_nothing


def test_the_api_tells_what_runs_where(place, call):
    shipping.sighting(place.production)

    rows = {row["environment"]: row for row in call("/api/v1/environments/running/").json()["results"]}

    assert (rows["production"]["version"], rows["production"]["by"], rows["production"]["release"]) == (
        "9.9.9",
        "sighting",
        "",
    )
    assert (rows["staging"]["version"], rows["staging"]["by"]) == ("", "")
    assert call("/api/v1/environments/running/?tier=staging").json()["results"][0]["environment"] == "staging"


@pytest.mark.parametrize("size", [1, 3, 50])
def test_the_api_tells_the_environments_in_the_order_of_the_pipelines_page_after_page(place, ci, call, size):
    accounts.hold(ci, "contributor")
    made = releases.pipeline(releases.product("Accounts", slug="accounts"), "Live", "Test", "Acceptance")
    for position, environment in enumerate((made[1], made[2], made[0])):
        type(environment).objects.filter(pk=environment.pk).update(position=position)
    seen, url = [], f"/api/v1/environments/running/?page_size={size}"
    while url:
        answer = call(url).json()
        seen += [(row["product"], row["environment"]) for row in answer["results"]]
        url = answer["next"]

    assert seen == [
        ("accounts", "test"),
        ("accounts", "acceptance"),
        ("accounts", "live"),
        ("payments", "staging"),
        ("payments", "production"),
    ]


def test_the_api_tells_it_in_as_many_queries_for_many_as_for_few(place, ci, call):
    path = "/api/v1/environments/running/"
    call(path)
    with CaptureQueriesContext(connection) as few:
        call(path)
    accounts.hold(ci, "contributor")
    for _ in range(10):
        for environment in releases.pipeline(releases.product()):
            shipping.verified(environment, f"1.{environment.position}.0")
    call(path)
    with CaptureQueriesContext(connection) as many:
        assert len(call(path).json()["results"]) == 22
    assert len(many) == len(few)
