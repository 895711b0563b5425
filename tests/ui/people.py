"""People without a database row: enough for what a macro shows."""

from accounts.models import User

INES = User(pk=3, username="ines", first_name="Ines", last_name="Calloway", timezone="Europe/Amsterdam")
NOOR = User(pk=5, username="noor", first_name="Noor", last_name="Haddad")

for person in (INES, NOOR):
    person._rights = {"": frozenset({"releases.view_product", "releases.comment", "releases.plan_release"})}
