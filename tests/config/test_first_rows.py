"""What the tests themselves stand on: after a test that emptied the tables, the next finds a new installation."""

import pytest
from django.core.management import call_command
from django.db import connection

from approvals.models import Policy, PolicyRow


@pytest.mark.django_db(transaction=True)
def test_emptied_tables_hold_what_a_new_installation_holds():
    before = _all_rows()
    PolicyRow.objects.all().delete()
    call_command("flush", interactive=False, inhibit_post_migrate=True, verbosity=0)
    assert before["approvals_policyrow"] > 0
    assert _all_rows() == before
    assert Policy.objects.in_force().filter(subject="release").exists()


def _all_rows() -> dict[str, int]:
    with connection.cursor() as cursor:
        rows = {}
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}"')  # noqa: S608
            (rows[table],) = cursor.fetchone()
    return rows
