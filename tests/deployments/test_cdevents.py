"""CDEvents, as CloudEvents carry them: the published examples, what is no event, and which environment is meant."""

import base64
import copy
import json
from pathlib import Path

import jsonschema
import pytest
import referencing

from accounts.actions import create_token
from deployments import cdevents, where
from deployments.identity import Artifact, artifact_of
from deployments.models import Sighting
from releases.models import Change
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db
ADDRESS = "/api/v1/cdevents/"
# Members of which the schema names a format that its validator does not check by itself.
FORMATS = {
    "context.timestamp",
    "context.source",
    "context.schemaUri",
    "subject.source",
    "subject.content.environment.source",
}
DIGEST = "sha256:" + "0b" * 32


def event(what: str = "deployed", *, environment: str = "payments/production", **content) -> dict:
    """A CDEvent of a service, by hand."""
    told = {"environment": {"id": environment}}
    if what != "removed":
        told["artifactId"] = "pkg:oci/payments@9.9.9"
    return {
        "context": {
            "specversion": "0.5.1",
            "id": "e-1",
            "source": "https://ci.example.org/payments",
            "type": f"dev.cdevents.service.{what}.0.3.0",
            "timestamp": "2026-01-12T21:00:00Z",
        },
        "subject": {"id": "/services/payments", "content": told | content},
    }


@pytest.fixture
def ci(place):
    return accounts.person("ci", roles=["contributor"], on=place.product, is_service=True)


@pytest.fixture
def send(client, ci):
    _row, token = create_token(actor=accounts.person("root", roles=["administrator"]), owner=ci, name="CI")

    def post(body, content_type="application/json", **headers):
        sent = body if isinstance(body, bytes) else json.dumps(body)
        headers |= {"Authorization": f"Bearer {token}"}
        return client.post(ADDRESS, sent, content_type=content_type, headers=headers)

    return post


def schemas(folder: Path):
    """{type: validator} of the published schemas, which refer to one another by their ids."""
    files = [json.loads(file.read_text()) for file in sorted((folder / "schemas").rglob("*.json"))]
    registry = referencing.Registry().with_resources(
        (schema["$id"], referencing.Resource.from_contents(schema)) for schema in files
    )
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return {
        schema["properties"]["context"]["properties"]["type"]["default"]: jsonschema.Draft202012Validator(
            schema, registry=registry, format_checker=checker
        )
        for schema in files
        if "context" in schema.get("properties", {})
    }


def fits(validator, value) -> bool:
    return validator.is_valid(value)


@pytest.fixture(scope="module")
def published(shared_data):
    """(examples by file name, validators by type) as the project publishes them."""
    folder = shared_data / "cdevents" / "v0.5.1"
    examples = {file.name: json.loads(file.read_text()) for file in sorted((folder / "conformance").glob("*.json"))}
    return examples, schemas(folder)


@pytest.mark.realdata
def test_every_published_example_is_taken_or_let_pass_and_valid_by_its_schema(published, place, send, settings):
    settings.CDEVENTS_ENVIRONMENTS = {"/event/source/123 test123": "payments/production"}
    examples, validators = published
    answers = {}
    for name, example in examples.items():
        assert fits(validators[example["context"]["type"]], example), name
        answers[name] = send(example).status_code

    assert len(answers) == 20
    assert answers.pop("service_deployed.json") == 201
    assert [answers.pop(f"service_{what}.json") for what in ("upgraded", "rolledback")] == [200, 200]
    assert set(answers.values()) == {202}
    sighting = Sighting.objects.get()
    assert (sighting.version, sighting.environment) == ("sha256:0b31b1c02ff4", place.production)


def mutations(example: dict):
    """The example with each member, at each depth, taken out, replaced by something else, or joined by a stranger."""
    yield from _mutated(example, lambda whole: whole)


def _mutated(node, rebuild):
    yield rebuild({**node, "stranger": 1})
    for name, value in node.items():
        without = {key: part for key, part in node.items() if key != name}
        yield rebuild(without)
        for other in ("", 7, None, [], {}, "x y", "2026-13-45T99:00:00Z"):
            yield rebuild({**node, name: other})
        if isinstance(value, dict):
            yield from _mutated(value, lambda part, key=name: rebuild({**node, key: part}))


@pytest.mark.realdata
def test_whatever_is_read_is_valid_by_the_published_schema(published):
    examples, validators = published
    tried = refused = 0
    for name in (
        "service_deployed.json",
        "service_upgraded.json",
        "service_rolledback.json",
        "environment_created.json",
    ):
        validator = validators[examples[name]["context"]["type"]]
        for changed in mutations(examples[name]):
            tried += 1
            try:
                cdevents.read(copy.deepcopy(changed))
            except cdevents.Malformed:
                refused += 1
                continue
            if name.startswith("service"):
                assert fits(validator, changed), changed
    assert tried > 500
    assert refused > tried / 2


@pytest.mark.realdata
def test_what_is_valid_by_the_published_schema_is_not_refused(published):
    examples, validators = published
    valid = 0
    for name in ("service_deployed.json", "service_rolledback.json"):
        validator = validators[examples[name]["context"]["type"]]
        for changed in mutations(examples[name]):
            if fits(validator, changed):
                valid += 1
                assert set(told_wrong(changed)) <= FORMATS, changed
    assert valid > 20


def told_wrong(event) -> dict:
    try:
        cdevents.read(event)
    except cdevents.Malformed as error:
        return error.troubles
    return {}


@pytest.mark.parametrize(
    ("spoil", "member"),
    [
        (lambda e: e.pop("subject"), "subject"),
        (lambda e: e["context"].pop("id"), "context.id"),
        (lambda e: e["context"].update(timestamp="yesterday"), "context.timestamp"),
        (lambda e: e["context"].update(timestamp="2026-02-30T00:00:00Z"), "context.timestamp"),
        (lambda e: e["context"].update(source="no address"), "context.source"),
        (lambda e: e["context"].update(type="com.example.other"), "context.type"),
        (lambda e: e["context"].update(type="dev.cdevents.service.deployed.0.1.0"), "context.type"),
        (lambda e: e["context"].update(links=[{"linkType": "PATH"}]), "context.links"),
        (lambda e: e["subject"]["content"].pop("artifactId"), "subject.content.artifactId"),
        (lambda e: e["subject"]["content"]["environment"].update(id=""), "subject.content.environment.id"),
        (lambda e: e.update(stranger=1), "stranger"),
        (lambda e: e.update(customData=7), "customData"),
    ],
)
def test_what_is_no_cdevent_is_refused_with_the_member_at_fault(place, send, spoil, member):
    sent = event()
    spoil(sent)

    answer = send(sent)

    assert (answer.status_code, list(answer.json())) == (400, [member])
    assert not Sighting.objects.exists()


@pytest.mark.parametrize("body", [b"", b"[]", b"7", b'"text"', b"{", b"[" * 5000])
def test_a_body_that_is_no_object_is_400(place, send, body):
    assert send(body).status_code == 400


def test_a_deployment_is_sighted_with_its_version_and_instant(place, send):
    answer = send(event(artifactId=f"pkg:oci/payments@{DIGEST.replace(':', '%3A')}?tag=9.9.9"))

    sighting = Sighting.objects.get()
    assert answer.status_code == 201
    assert (sighting.version, sighting.source, sighting.at.isoformat()) == (
        "9.9.9",
        "cdevents",
        "2026-01-12T21:00:00+00:00",
    )
    assert sighting.change == Change.objects.get(type="unauthorised")


def test_a_repeat_with_the_same_source_and_id_changes_nothing(place, send):
    first, again = send(event()), send(event())
    other = event()
    other["context"]["source"] = "https://other.example.org"
    other["subject"]["content"]["artifactId"] = "pkg:oci/payments@9.9.8"

    assert [a.json()["outcome"] for a in (first, again, send(other))] == ["recorded", "repeated", "recorded"]


def test_a_removal_leaves_nothing_there(place, send):
    send(event())
    gone = event("removed")
    gone["context"] |= {"id": "e-2", "timestamp": "2026-01-13T21:00:00Z"}

    assert send(gone).status_code == 201
    assert where.running_in(place.production).is_nothing


def test_a_removal_from_nowhere_and_a_publication_are_let_pass(place, send):
    gone = event("removed")
    del gone["subject"]["content"]["environment"]
    published = event("published")
    del published["subject"]["content"]["artifactId"]

    assert [send(sent).status_code for sent in (gone, published)] == [202, 202]
    assert not Sighting.objects.exists()


def test_custom_data_may_tell_version_and_commit(place, send):
    sent = event(environment="payments/staging", artifactId=DIGEST) | {
        "customData": {"version": "4.8.0-rc.1", "commit": "c" * 40}
    }

    send(sent)

    assert Sighting.objects.values_list("version", "commit", "artifact").get() == ("4.8.0-rc.1", "c" * 40, DIGEST)


@pytest.mark.parametrize(
    ("mapping", "environment", "change"),
    [
        ({}, "payments/production", {}),
        ({}, "production", {}),
        ({}, "production", {"id": "x", "artifact": "pkg:oci/registry.example/payments@1"}),
        ({}, "production", {"id": "x", "artifact": "other", "source": "https://git.example/shop.git"}),
        ({"prod-eu": "payments/production"}, "prod-eu", {}),
        (
            {"https://ci.example.org/payments prod-eu": "payments/production", "prod-eu": "payments/staging"},
            "prod-eu",
            {},
        ),
    ],
)
def test_the_environment_is_found_by_path_name_or_mapping(place, send, settings, mapping, environment, change):
    type(place.product).objects.filter(pk=place.product.pk).update(repository="https://git.example/shop")
    settings.CDEVENTS_ENVIRONMENTS = mapping
    sent = event(environment=environment)
    sent["subject"]["id"] = change.get("id", sent["subject"]["id"])
    sent["subject"]["content"]["artifactId"] = change.get("artifact", "pkg:oci/payments@1")
    sent["context"]["source"] = change.get("source", sent["context"]["source"])

    assert send(sent).status_code == 201
    assert Sighting.objects.get().environment == place.production


@pytest.mark.parametrize("environment", ["moon", "payments/moon", "other/production", "/", "test123"])
def test_an_environment_that_nobody_means_is_told_how_to_name_it(place, send, environment):
    releases.pipeline(releases.product("Other", slug="other"))

    answer = send(event(environment=environment))

    assert answer.status_code == 409
    (blocker,) = answer.json()["blockers"]
    assert (blocker["code"], blocker["field"]) == ("environment-unknown", "environment")
    assert "SLIPWAY_CDEVENTS_ENVIRONMENTS" in blocker["message"]


def test_a_structured_cloud_event_is_opened(place, send):
    inner = event()
    envelope = {"specversion": "1.0"} | {name: inner["context"][name] for name in ("id", "source", "type")}
    in_base64 = envelope | {"data_base64": base64.b64encode(json.dumps(inner).encode()).decode()}

    kind = "application/cloudevents+json; charset=utf-8"
    assert send(envelope | {"data": inner, "datacontenttype": "application/json"}, kind).status_code == 201
    assert send(in_base64, kind).json()["outcome"] == "repeated"


@pytest.mark.parametrize(
    "wrong", [{"specversion": "0.3"}, {"id": "other"}, {"type": None}, {"data": None}, {"data": []}]
)
def test_an_envelope_that_says_something_else_than_its_event_is_refused(place, send, wrong):
    inner = event()
    envelope = {"specversion": "1.0", "data": inner} | {
        name: inner["context"][name] for name in ("id", "source", "type")
    }

    assert send(envelope | wrong, "application/cloudevents+json").status_code == 400
    assert not Sighting.objects.exists()


def test_batches_are_not_taken(place, send):
    assert send([event()], "application/cloudevents+json").status_code == 400
    assert send([event()], "application/cloudevents-batch+json").status_code == 415


def test_a_binary_cloud_event_is_read_from_its_headers(place, send):
    sent = event()
    headers = {f"ce-{name}": sent["context"][name] for name in ("id", "source", "type")}

    assert send(sent, **headers, **{"ce-specversion": "1.0"}).status_code == 201
    assert send(sent, **(headers | {"ce-id": "other"}), **{"ce-specversion": "1.0"}).status_code == 400
    assert send(sent, **headers).status_code == 400


def test_only_who_may_report_somewhere_sends_events(place, client):
    assert client.post(ADDRESS, event(), content_type="application/json").status_code in (401, 403)
    client.force_login(place.stakeholder)
    other = event()
    other["context"]["type"] = "dev.cdevents.build.started.0.3.0"
    answer = client.post(ADDRESS, other, content_type="application/json")
    assert answer.status_code == 403
    assert "Report" in answer.json()["detail"] or "may" in answer.json()["detail"]


def test_an_event_about_a_product_out_of_sight_is_about_nothing_known(place, send):
    bank = releases.product("Bank", slug="bank")
    releases.pipeline(bank)

    assert send(event(environment="bank/production")).status_code == 409


@pytest.mark.parametrize(
    ("text", "artifact"),
    [
        ("pkg:oci/myapp@sha256%3A" + "0b" * 32, Artifact("myapp", "", DIGEST)),
        (f"pkg:oci/my%20app@{DIGEST}?repository_url=ghcr.io&tag=4.8.0", Artifact("my app", "4.8.0", DIGEST)),
        ("pkg:golang/git.com/org/app@v1.2.3#cmd", Artifact("app", "v1.2.3", "")),
        ("pkg:npm/%40scope/app@1.0.0", Artifact("app", "1.0.0", "")),
        ("pkg:npm/app", Artifact("app", "", "")),
        (f"ghcr.io/org/app@{DIGEST.upper().replace('SHA', 'sha')}", Artifact("", "", DIGEST)),
        (DIGEST, Artifact("", "", DIGEST)),
        ("something else", Artifact()),
        ("", Artifact()),
        ("pkg:", Artifact()),
    ],
)
def test_artifact_ids_are_read_as_far_as_they_tell(text, artifact):
    assert artifact_of(text) == artifact
