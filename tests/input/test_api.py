"""Every operation of the API that takes a body, with what no program should send."""

import json
import re

import pytest
from drf_spectacular.generators import SchemaGenerator

from core.models import Event
from tests.input import depth, garbage
from tests.input.addresses import every
from tests.input.answers import assert_none, trouble
from tests.input.conftest import as_person, undone

AMONG_GOOD_ONES = ("NUL", "null", "an object", "half a surrogate pair", "a huge number")
SENSELESS_IDS = ("0", "x", garbage.HUGE, "x%00y", "-1")
# What the one operation takes that no serializer describes.
CDEVENT = {
    "context": {
        "specversion": "0.5.1",
        "id": "e-1",
        "source": "https://ci.example.com/payments",
        "type": "dev.cdevents.service.deployed.0.3.0",
        "timestamp": "2026-01-02T03:04:05Z",
    },
    "subject": {
        "id": "payments",
        "content": {"environment": {"id": "payments/staging"}, "artifactId": "pkg:oci/payments@9.9.9"},
    },
    "customData": {"version": "9.9.9", "commit": "a" * 40},
}
SIMPLE = {"object": {}, "string": "A text", "integer": 1, "number": 1, "boolean": True}
A_DAY = "2030-05-01T20:00:00Z"


@pytest.fixture(scope="module")
def schema() -> dict:
    return SchemaGenerator().get_schema(request=None, public=True)


@pytest.fixture(scope="module")
def operations(world, schema) -> list[tuple[str, str, dict]]:
    """(method, path to a row of the world, {field: its schema}) of each operation with a body."""
    paths = {a.template.replace("{pk}", "{id}"): a.paths(world)[0] for a in every() if a.is_api}
    found = []
    for template, methods in schema["paths"].items():
        for method, operation in methods.items():
            if "requestBody" in operation:
                body = next(iter(operation["requestBody"]["content"].values()))["schema"]
                known = schema["components"]["schemas"].get(body.get("$ref", "").rpartition("/")[2])
                fields = known["properties"] if known else {name: {"type": "object"} for name in CDEVENT}
                found.append((method, paths[template.lstrip("/")], fields))
    return found


@pytest.fixture(scope="module")
def deep_operations(schema, operations) -> list[tuple[str, str, dict]]:
    """(method, path, {field: an object with None in each of its fields}) of the operations that take lists of objects."""
    schemas = schema["components"]["schemas"]
    found = []
    for method, path, fields in operations:
        inner = {
            name: f["items"]["$ref"].rpartition("/")[2] for name, f in fields.items() if "$ref" in f.get("items", {})
        }
        objects = {name: dict.fromkeys(schemas[to].get("properties", {})) for name, to in inner.items()}
        if any(objects.values()):
            found.append((method, path, objects))
    return found


def sent(client, method: str, path: str, body: bytes):
    """The answer, and the events that it left; then everything is undone."""
    with undone():
        before = Event.objects.count()
        answer = getattr(client, method)(path, body, content_type="application/json")
        left = (
            []
            if answer.status_code >= 500
            else list(Event.objects.order_by("pk").values_list("name", flat=True)[before:])
        )
    return answer, left


def complaint(client, method: str, path: str, body: bytes) -> list[str]:
    answer, left = sent(client, method, path, body)
    if answer.status_code >= 500:
        return [f"{method} {path} {body[:60]!r}: {trouble(answer)}"]
    if answer.status_code >= 400 and left:
        return [f"{method} {path}: refused with {answer.status_code} and left {left}"]
    if answer.status_code >= 400 and not answer["Content-Type"].startswith("application/json"):
        return [f"{method} {path}: {answer.status_code} as {answer['Content-Type']}"]
    return []


def test_the_schema_lists_the_operations_that_are_tried(operations):
    assert len(operations) >= 90


def test_no_operation_fails_on_senseless_fields(world, operations):
    client, found = as_person(world.master), []
    for (method, path, fields), kind in depth.shared_out(operations, garbage.JSONS, each=3):
        body = json.dumps(dict.fromkeys(fields, garbage.JSONS[kind])).encode()
        found += complaint(client, method, path, body)

    assert_none(found)


def test_no_operation_fails_on_one_senseless_field_among_good_ones(world, operations):
    client, found = as_person(world.master), []
    spoiled = [
        (method, path, usual, name, kind)
        for method, path, fields in operations
        for usual in [good_ones(world, fields)]
        for name in usual
        for kind in AMONG_GOOD_ONES
        if kind not in garbage.LETTERS or fields[name].get("type") == "string"
    ]
    for method, path, usual, name, kind in spoiled if depth.DEEP else spoiled[::4]:
        found += complaint(client, method, path, json.dumps(usual | {name: garbage.JSONS[kind]}).encode())

    assert len({path for _, path, *_ in spoiled}) > 60
    assert_none(found)


def test_no_field_of_a_day_takes_an_end_of_the_calendar(world, operations):
    client, taken, named = as_person(world.master), [], set()
    for method, path, fields in operations:
        usual = {} if method == "patch" else good_ones(world, fields, but=("array",))
        days = [n for n, f in fields.items() if f.get("format") in ("date", "date-time") and not f.get("readOnly")]
        for name in days:
            for instant in garbage.ENDS:
                far = instant[:10] if fields[name]["format"] == "date" else f"{instant}:00Z"
                answer, left = sent(client, method, path, json.dumps(usual | {name: far}).encode())
                if not 400 <= answer.status_code < 500 or left:
                    taken.append(f"{method} {path} {name}={far}: {trouble(answer)} {left}")
                if "out-of-time" in answer.content.decode() and f'"field":"{name}"' in answer.content.decode():
                    named.add((method, path.rstrip("0123456789/"), name))

    assert_none(taken)
    assert len(named) >= 12, sorted(named)


def good_ones(world, fields: dict, but: tuple[str, ...] = ()) -> dict:
    """A value for each field that is written, `but` for some types: the row of the world that it names, else one of its type."""
    written = {
        n: schema for n, schema in fields.items() if not schema.get("readOnly") and schema.get("type") not in but
    }
    return {name: good(world, name, schema) for name, schema in written.items()}


def good(world, name: str, schema: dict):
    row = world.rows.get(name)
    if row is not None and schema.get("type") == "integer":
        return row.pk
    if name in CDEVENT and schema.get("type") == "object":
        return CDEVENT[name]
    return A_DAY if schema.get("format") == "date-time" else SIMPLE.get(schema.get("type"), "")


def test_a_good_event_is_taken_and_no_senseless_part_of_it_fails(world):
    client = as_person(world.reporter)
    answer, left = sent(client, "post", "/api/v1/cdevents/", json.dumps(CDEVENT).encode())
    assert (answer.status_code, "environment.sighted" in left) == (201, True), (answer.content, left)

    found = []
    for spoiled in parts_spoiled(CDEVENT):
        found += complaint(client, "post", "/api/v1/cdevents/", json.dumps(spoiled).encode())

    assert_none(found)


def parts_spoiled(whole: dict):
    """The object with each of its parts, at every depth, replaced by each nonsense."""
    for name, part in whole.items():
        yield from (whole | {name: value} for value in garbage.JSONS.values())
        if isinstance(part, dict):
            yield from (whole | {name: inner} for inner in parts_spoiled(part))


def test_no_operation_fails_on_senseless_objects_in_its_lists(world, deep_operations):
    client, found = as_person(world.master), []
    for (method, path, objects), kind in depth.shared_out(deep_operations, garbage.JSONS, each=5):
        lists = {name: [dict.fromkeys(fields, garbage.JSONS[kind])] for name, fields in objects.items()}
        found += complaint(client, method, path, json.dumps(lists | {"comment": "", "name": "A row"}).encode())

    assert deep_operations
    assert_none(found)


def test_no_operation_fails_on_a_body_that_is_none(world, operations):
    client, found = as_person(world.master), []
    for (method, path, _), kind in depth.shared_out(operations, garbage.BODIES, each=2):
        found += complaint(client, method, path, garbage.BODIES[kind])

    assert_none(found)


def test_no_operation_fails_on_a_senseless_id(world, operations):
    client, found = as_person(world.master), []
    with_id = [(method, path) for method, path, _ in operations if re.search(r"/\d+/", path)]
    assert len(with_id) > 40
    for (method, usual), value in depth.shared_out(with_id, SENSELESS_IDS, each=2):
        path = re.sub(r"/\d+/", f"/{value}/", usual)
        answer, left = sent(client, method, path, b"{}")
        if answer.status_code not in (400, 404) or left:
            found.append(f"{method} {path[:80]}: {trouble(answer)} {left}")

    assert_none(found)


def test_nobody_and_strangers_change_nothing(world, operations):
    changed = []
    for person in (None, world.stranger):
        client = as_person(person)
        for method, path, fields in operations:
            body = json.dumps({name: SIMPLE.get(schema.get("type"), "") for name, schema in fields.items()}).encode()
            answer, left = sent(client, method, path, body)
            if answer.status_code < 400 or left:
                changed.append(f"{person}: {method} {path} {answer.status_code} {left}")

    assert_none([line for line in changed if "/tokens/" not in line])
