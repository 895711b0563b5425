"""Who works at Northquay. All invented."""

from django.contrib.auth.hashers import make_password
from django.db.models import Value
from django.db.models.functions import Concat

from accounts import actions
from accounts.models import Team, User
from config.demonstration import PASSWORD

# username, first and last name, time zone, roles held everywhere
PEOPLE = [
    ("ada", "Ada", "Winter", "Europe/Berlin", ["administrator", "rule-administrator"]),
    ("ines", "Ines", "Calloway", "Europe/Berlin", ["release-manager"]),
    ("jonas", "Jonas", "Falk", "Europe/Copenhagen", ["release-manager"]),
    ("lena", "Lena", "Brandt", "Europe/Berlin", ["contributor"]),
    ("oskar", "Oskar", "Lind", "Europe/Stockholm", ["contributor"]),
    ("amara", "Amara", "Nwosu", "Africa/Lagos", ["contributor"]),
    ("yuki", "Yuki", "Tan", "Asia/Singapore", ["tester"]),
    ("clara", "Clara", "Dufour", "Europe/Paris", ["tester", "qa-approver"]),
    ("samuel", "Samuel", "Adeyemi", "Europe/London", ["qa-approver"]),
    ("tomasz", "Tomasz", "Wrona", "Europe/Warsaw", ["tester", "security-approver"]),
    ("noor", "Noor", "Haddad", "Europe/Berlin", ["operations-approver"]),
    ("priya", "Priya", "Raman", "Asia/Kolkata", ["product-approver"]),
    ("mateus", "Mateus", "Okafor", "Europe/Lisbon", ["deployer", "contributor"]),
    ("maya", "Maya", "Lindqvist", "Europe/Stockholm", ["change-manager", "cab-member"]),
    ("greta", "Greta", "Holm", "Europe/Oslo", ["stakeholder"]),
    ("arno", "Arno", "Vidal", "Europe/Madrid", ["auditor"]),
]


def settle_in(admin: User) -> dict[str, User]:
    """Add everybody with their roles; {username: user}. `admin` opens the doors. Addresses follow by `give_addresses`."""
    people = {}
    for username, first, last, zone, roles in PEOPLE:
        people[username] = actions.add_person(
            actor=admin, username=username, first_name=first, last_name=last, timezone=zone
        )
        for role in roles:
            actions.give_role(role, actor=admin, user=people[username])
    User.objects.filter(username__in=people).update(
        password=make_password(PASSWORD)
    )  # hashed once: it is the same for all
    robot = actions.add_person(actor=admin, username="ci", first_name="CI", last_name="pipeline", is_service=True)
    actions.give_role("contributor", actor=admin, user=robot)
    people["ci"] = robot
    for name, slug, lead, members in [
        ("Payments", "payments", "lena", ["lena", "mateus", "yuki"]),
        ("Shop", "shop", "oskar", ["oskar", "amara", "clara"]),
    ]:
        team = Team.objects.create(name=name, slug=slug, lead=people[lead])
        actions.set_team_members(team.pk, [people[m] for m in members], actor=admin)
    return people


def give_addresses(people: dict[str, User]) -> None:
    """Give everybody a mail address. Late, because nobody needs mail about the past."""
    User.objects.filter(pk__in=[u.pk for u in people.values()], is_service=False).update(
        email=Concat("username", Value("@northquay.example"))
    )
    for user in people.values():
        user.refresh_from_db()
