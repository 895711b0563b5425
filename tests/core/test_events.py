"""The event log: chained, append-only, and honest about tampering."""

import threading
from io import StringIO

import pytest
from django.core.management import call_command
from django.db import IntegrityError, connection, connections, transaction
from django.db.utils import ProgrammingError

from accounts.actions import system_user
from core import events
from core.models import Event, StreamHead
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db


def add(obj, name="thing.done", **payload) -> Event:
    with transaction.atomic():
        return events.record(name, obj, actor=system_user(), **payload)


def tamper(sql: str, *params) -> None:
    """Change rows behind the trigger's back, as only a superuser can."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        try:
            cursor.execute(sql, params)
        finally:
            cursor.execute("SET session_replication_role = DEFAULT")


def found() -> list[str]:
    return [broken.what for broken in events.verify()]


def test_each_event_names_the_digest_of_the_one_before_it():
    ines = person("ines")
    first, second = add(ines), add(ines, note="again")
    assert (first.seq, first.previous, second.seq, second.previous) == (1, "", 2, first.digest)
    assert found() == []


def test_streams_are_chained_apart():
    ines, noor = person("ines"), person("noor")
    add(ines)
    assert add(noor).seq == 1


@pytest.mark.django_db(transaction=True)
def test_recording_outside_a_transaction_is_a_fault():
    with pytest.raises(RuntimeError):
        events.record("thing.done", system_user(), actor=system_user())


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE core_event SET payload = '{}'",
        "UPDATE core_event SET id = id + 1",
        "DELETE FROM core_event",
    ],
)
def test_the_database_refuses_to_change_an_event(sql):
    add(person("ines"))
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_the_database_refuses_to_empty_the_event_log():
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE core_event CASCADE")


def test_the_application_role_has_no_right_to_change_events():
    add(person("ines"))
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("CREATE ROLE slipway_probe")
        cursor.execute("GRANT SELECT, INSERT ON core_event TO slipway_probe")
        cursor.execute("SET LOCAL ROLE slipway_probe")
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            cursor.execute("UPDATE core_event SET name = 'x'")
        cursor.execute("RESET ROLE")
        cursor.execute(
            "SELECT has_table_privilege(c.relowner, c.oid, 'DELETE'), has_table_privilege(c.relowner, c.oid, 'TRUNCATE'), "
            "c.relacl::text FROM pg_class c WHERE relname = 'core_event'"
        )
        acl = cursor.fetchone()[2]
    owner_rights = acl.split("=")[1].split("/")[0]
    assert not set("wdD") & set(owner_rights), f"update, delete or truncate is still granted: {acl}"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ('UPDATE core_event SET payload = \'{"note": "forged"}\' WHERE seq = 2', "was changed after it was recorded"),
        (
            "UPDATE core_event SET actor_id = (SELECT id FROM accounts_user WHERE username = 'zoe') WHERE seq = 2",
            "was changed after it was recorded",
        ),
        ("DELETE FROM core_event WHERE seq = 2", "position 2"),
        ("DELETE FROM core_event WHERE seq = 3", "its head is"),
        (
            "UPDATE core_event SET seq = CASE seq WHEN 2 THEN 1000 ELSE 2 END WHERE seq IN (2, 3)",
            "does not continue the event before it",
        ),
    ],
)
def test_tampering_is_found(sql, what):
    ines = person("ines")
    person("zoe")
    for n in range(3):
        add(ines, n=n)
    tamper(sql)
    assert what in found()[0]


@pytest.mark.parametrize("figure", [1e22, -0.0, 1.5e300, 123456789012345678.0, 1e-7, 0.1, 1.0, -2.50, 10**30])
def test_a_figure_that_postgresql_writes_in_its_own_way_is_no_tampering(figure):
    ines = person("ines")
    add(ines, figure=figure, nested=[{"figure": figure}])
    assert float(Event.objects.get().payload["figure"]) == float(figure)
    assert found() == []


def test_text_that_postgresql_cannot_hold_is_recorded_with_a_mark_in_its_place():
    add(person("ines"), text="a\0b", nested=[{"k\0": "\ud800"}])
    assert Event.objects.get().payload == {"text": "a\ufffdb", "nested": [{"k\ufffd": "\ufffd"}]}
    assert found() == []


def test_a_figure_that_is_none_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        add(person("ines"), figure=float("nan"))
    assert not Event.objects.exists()


def test_events_and_checkpoints_of_the_meantime_are_no_tampering(monkeypatch):
    ines, noor = person("ines"), person("noor")
    add(ines)
    really, busy = events.digest_of, []

    def digest_of(event):
        if not busy:
            busy.append(True)
            add(ines)
            add(noor)
            events.take_checkpoint()
        return really(event)

    monkeypatch.setattr(events, "digest_of", digest_of)
    assert found() == []
    assert Event.objects.count() == 3


def test_a_stream_rewritten_with_fresh_digests_contradicts_the_signed_checkpoint():
    ines = person("ines")
    for n in range(2):
        add(ines, n=n)
    events.take_checkpoint()
    last = Event.objects.get(seq=2)
    last.payload = {"n": "forged"}
    digest = events.digest_of(last)
    tamper('UPDATE core_event SET payload = \'{"n": "forged"}\', digest = %s WHERE seq = 2', digest)
    StreamHead.objects.filter(seq=2).update(digest=digest)
    assert found() == ["differs from the signed checkpoint"]


def test_a_dropped_stream_contradicts_the_signed_checkpoint():
    add(person("ines"))
    events.take_checkpoint()
    tamper("DELETE FROM core_event")
    StreamHead.objects.all().delete()
    assert "1 events, 0 are left" in found()[0]


def test_a_forged_checkpoint_does_not_hold():
    add(person("ines"))
    events.take_checkpoint()
    tamper("UPDATE core_checkpoint SET heads = '{}'")
    assert found() == ["its signature does not hold"]


def test_a_checkpoint_notes_only_what_moved():
    ines, noor = person("ines"), person("noor")
    add(ines)
    first = events.take_checkpoint()
    assert events.take_checkpoint() is None
    add(noor)
    second = events.take_checkpoint()
    assert (list(first.heads), list(second.heads)) == ([f"user:{ines.pk}"], [f"user:{noor.pk}"])


def test_verify_events_exits_1_and_names_the_first_broken_event():
    ines = person("ines")
    broken, _ = add(ines), add(ines)
    call_command("verify_events", stdout=StringIO())
    tamper("UPDATE core_event SET name = 'other' WHERE seq = 1")
    errors = StringIO()
    with pytest.raises(SystemExit) as exit_:
        call_command("verify_events", stderr=errors)
    assert exit_.value.code == 1
    assert f"event {broken.pk}" in errors.getvalue()


@pytest.mark.django_db(transaction=True)
def test_many_threads_recording_into_one_stream_leave_no_gap_and_no_double():
    ines, errors = person("ines"), []

    def write():
        try:
            for _ in range(5):
                with transaction.atomic():
                    events.record("thing.done", ines, actor=ines)
        except Exception as error:
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=write) for _ in range(8)]
    [t.start() for t in threads]
    [t.join() for t in threads]
    assert errors == []
    assert sorted(Event.objects.values_list("seq", flat=True)) == list(range(1, 41))
    assert found() == []
