"""The outbox: effects after the commit, once, whatever dies."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.actions import system_user
from core import outbox
from core.events import record
from core.models import Delivery
from core.states import DeliveryState

pytestmark = pytest.mark.django_db


@pytest.fixture
def heard(monkeypatch):
    """A reaction to thing.*: what it heard; it fails while `heard.broken` is set."""

    class Heard(list):
        broken = False

    heard = Heard()

    def run(event, key, target):
        if heard.broken:
            raise ConnectionError("tool is down")
        heard.append((event.name, key, target))

    monkeypatch.setattr(outbox, "_reactions", {})
    outbox.on("thing.*", consumer="test.hear", run=run)
    return heard


def happen(name="thing.done"):
    with transaction.atomic():
        return record(name, system_user(), actor=system_user())


def test_an_event_queues_each_reaction_that_wants_it(heard):
    happen()
    happen("other.done")
    assert list(Delivery.objects.values_list("consumer", "event__name")) == [("test.hear", "thing.done")]


def test_nothing_is_queued_when_the_door_rolls_back(heard):
    with transaction.atomic():
        record("thing.done", system_user(), actor=system_user())
        transaction.set_rollback(True)
    assert not Delivery.objects.exists()


def test_a_delivery_runs_once(heard):
    happen()
    (pk,) = outbox.due()
    assert outbox.deliver(pk)
    assert not outbox.deliver(pk)
    assert len(heard) == 1
    assert Delivery.objects.get().state == DeliveryState.DONE


def test_a_worker_killed_between_claim_and_settle_leaves_a_claim_that_lapses_to_the_sweep(heard):
    happen()
    row = outbox._claim(Delivery.objects.get().pk)  # the worker dies here
    assert outbox.due() == []
    assert not outbox.deliver(row.pk)
    Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))  # the lease has passed
    assert outbox.due() == [row.pk]
    assert outbox.deliver(row.pk)
    assert [key for _, key, _ in heard] == [row.key]


def test_a_worker_that_comes_back_late_does_not_settle_the_claim_of_another(heard):
    happen()
    slow = outbox._claim(Delivery.objects.get().pk)
    Delivery.objects.update(due_at=timezone.now())
    outbox._claim(slow.pk)
    outbox._settle(slow, None)
    assert Delivery.objects.get().state == DeliveryState.CLAIMED


def test_a_failing_reaction_waits_longer_each_time_and_is_given_up_in_the_end(heard):
    heard.broken = True
    happen()
    waits = []
    for _ in range(outbox.MAX_ATTEMPTS):
        Delivery.objects.update(due_at=timezone.now())
        outbox.deliver(Delivery.objects.get().pk)
        waits.append((Delivery.objects.get().due_at - timezone.now()).total_seconds())
    row = Delivery.objects.get()
    assert row.state == DeliveryState.DEAD
    assert row.last_error == "ConnectionError: tool is down"
    assert waits[:-1] == sorted(waits[:-1])
    assert outbox.due() == []


def test_one_that_kills_its_worker_each_time_is_given_up_too(heard):
    happen()
    pk = Delivery.objects.get().pk
    for _ in range(outbox.MAX_ATTEMPTS):
        assert outbox._claim(pk)  # the worker dies here
        Delivery.objects.update(due_at=timezone.now() - timedelta(seconds=1))
    assert not outbox.deliver(pk)
    row = Delivery.objects.get()
    assert (row.state, row.attempts, heard) == (DeliveryState.DEAD, outbox.MAX_ATTEMPTS, [])
    assert "worker" in row.last_error
    assert outbox.due() == []
    assert outbox.retry(pk)
    assert outbox.deliver(pk)


def test_one_that_was_given_up_can_be_retried(heard):
    happen()
    Delivery.objects.update(state=DeliveryState.DEAD, attempts=8)
    assert outbox.retry(Delivery.objects.get().pk)
    assert outbox.deliver(Delivery.objects.get().pk)
    assert len(heard) == 1


def test_an_event_fans_out_to_each_target_once(heard):
    event = happen()
    with transaction.atomic():
        outbox.fan_out(event, "test.hear", ["user:1", "user:2"])
        outbox.fan_out(event, "test.hear", ["user:2", "user:3"])
    targets = Delivery.objects.exclude(target="").values_list("target", flat=True)
    assert sorted(targets) == ["user:1", "user:2", "user:3"]


def test_a_dead_broker_does_not_hurt_the_door(heard, monkeypatch, django_capture_on_commit_callbacks):
    def unreachable(*args, **kwargs):
        raise ConnectionError("broker is down")

    monkeypatch.setattr("core.tasks.deliver.apply_async", unreachable)
    with django_capture_on_commit_callbacks(execute=True):
        happen()
    assert len(outbox.due()) == 1
