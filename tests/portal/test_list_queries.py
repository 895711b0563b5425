"""Lists that show several rooms ask as much for many rows as for few."""

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.events import record
from core.models import Delivery
from tests.factories import accounts, releases

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("name", "query"), [("portal:events", ""), ("portal:search", "?q=Refunds"), ("portal:operations", "")]
)
def test_the_list_asks_as_much_for_twelve_rows_as_for_two(client, name, query):
    reader = accounts.person("ada", roles=["administrator"])
    client.force_login(reader)

    def fill(count: int) -> None:
        for n in range(count):
            shop = releases.product()
            made = releases.release(shop, "planned", title=f"Refunds {n}", manager=accounts.person())
            releases.change(shop, made, title=f"Refunds {n}")
            with transaction.atomic():
                event = record("release.planned", made, actor=accounts.person())
            Delivery.objects.create(event=event, consumer=f"test.{event.pk}", state="dead", last_error="down")

    def look() -> tuple[int, int]:
        with CaptureQueriesContext(connection) as asked:
            answer = client.get(reverse(name) + query)
        assert answer.status_code == 200
        return len(asked), len(answer.content)

    fill(2)
    look()
    few, small = look()
    fill(10)
    many, large = look()
    assert large > small
    assert many == few
