"""What the loss of the broker does to a worker: nothing."""

import pytest
from django.conf import settings
from kombu import Queue

from config.celery import app


@pytest.fixture
def taken():
    """A channel over which one message was taken and not begun."""
    with app.connection_for_read() as connection:
        channel = connection.channel()
        queue = Queue("of the test of the broker", durable=False)(channel)
        queue.declare()
        queue.purge()
        with connection.Producer() as producer:
            producer.publish({"ring": 1}, routing_key=queue.name)
        assert queue.get(no_ack=False) is not None
        yield channel


def waiting(channel) -> int:
    with app.connection_for_read() as connection:
        return connection.channel().client.llen("of the test of the broker")


def test_what_was_taken_and_not_begun_is_put_back_when_the_connection_closes(taken):
    assert waiting(taken) == 0
    taken.close()
    assert waiting(taken) == 1


def test_a_connection_that_is_gone_closes_without_a_word_to_the_worker(taken, monkeypatch, caplog):
    monkeypatch.setattr(taken.connection, "client", None)  # as kombu leaves it when it closes for the second time
    taken.close()
    assert "What a worker had taken (1) could not be put back; it comes again." in caplog.text


def test_a_broker_that_is_down_is_no_reason_to_stop_either(taken, monkeypatch, caplog):
    monkeypatch.setattr(taken.connection.client, "hostname", f"{settings.REDIS_URL}-is-not-there")
    taken.close()
    assert "could not be put back" in caplog.text
