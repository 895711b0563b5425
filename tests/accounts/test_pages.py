"""The pages of people, teams, roles and one's own settings."""

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import actions
from accounts.models import ApiToken, Grant, Team, User
from tests.factories.accounts import PASSWORD, hold, person, team
from tests.factories.releases import product

pytestmark = pytest.mark.django_db


@pytest.fixture
def as_adele(adele, client):
    client.force_login(adele)
    return client


@pytest.fixture
def as_noor(noor, client):
    client.force_login(noor)
    return client


def text(response) -> str:
    """What a reader reads, white space folded."""
    main = response.content.decode().split("<main", 1)[-1].split("</main>")[0]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


PAGES = ["/settings/profile/", "/settings/hours/", "/settings/tokens/", "/password/", "/people/", "/teams/", "/roles/"]


@pytest.mark.parametrize("path", PAGES)
def test_a_stranger_is_asked_to_sign_in(client, path, db):
    response = client.get(path)
    assert (response.status_code, response.url) == (302, f"/sign-in/?next={path}")


@pytest.mark.parametrize("path", PAGES)
def test_everyone_signed_in_reads_it(client, path, db):
    client.force_login(person("sven"))
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", ["/people/new/", "/teams/new/"])
def test_only_those_who_keep_people_open_the_forms(as_noor, path):
    response = as_noor.get(path)
    assert response.status_code == 403
    assert b"Only an Administrator may do this." in response.content


def test_what_is_not_there_is_not_found(as_adele):
    for path in ("/people/999999/", "/teams/none/", "/people/999999/edit/"):
        assert as_adele.get(path).status_code == 404
    for path in ("/grants/999999/take/", "/settings/tokens/999999/revoke/", "/people/999999/switch/"):
        assert as_adele.post(path).status_code == 404


@pytest.mark.parametrize("rows", [2, 20])
def test_the_list_of_people_asks_as_much_for_twenty_as_for_two(as_adele, rows, django_assert_max_num_queries):
    payments = product("Payments API")
    red = team("Red")
    hold(red, "tester", payments)
    for _ in range(rows):
        red.members.add(person(roles=["deployer"], on=payments))
    with django_assert_max_num_queries(26):
        response = as_adele.get("/people/")
    assert response.content.count(b'<th scope="row">') == rows + 1


@pytest.mark.parametrize("rows", [1, 12])
def test_a_person_asks_as_much_for_twelve_roles_as_for_one(as_adele, rows, django_assert_max_num_queries):
    mira = person("mira", roles=["tester"])
    for _ in range(rows):
        hold(mira, "deployer", product())
        red = team(members=[mira])
        hold(red, "contributor", product())
    with django_assert_max_num_queries(28):
        response = as_adele.get(f"/people/{mira.pk}/")
    assert response.content.count(b'<th scope="row">') == 2 * rows + 1


@pytest.mark.parametrize("rows", [1, 12])
def test_the_list_of_teams_asks_as_much_for_twelve_as_for_one(as_adele, rows, django_assert_max_num_queries):
    for _ in range(rows):
        hold(team(members=[person()]), "deployer", product())
    with django_assert_max_num_queries(22):
        response = as_adele.get("/teams/")
    assert response.content.count(b'<th scope="row">') == rows


@pytest.mark.parametrize("rows", [1, 12])
def test_a_team_asks_as_much_for_twelve_members_as_for_one(as_adele, rows, django_assert_max_num_queries):
    red = team("Red", [person() for _ in range(rows)])
    for _ in range(rows):
        hold(red, "deployer", product())
    with django_assert_max_num_queries(26):
        response = as_adele.get(f"/teams/{red.slug}/")
    assert response.content.count(b'<th scope="row">') == 2 * rows


@pytest.mark.parametrize("rows", [1, 20])
def test_the_table_of_roles_asks_as_much_for_twenty_holders_as_for_one(as_adele, rows, django_assert_max_num_queries):
    for _ in range(rows):
        person(roles=["deployer"], on=product())
    with django_assert_max_num_queries(22):
        response = as_adele.get("/roles/")
    assert ("12 more" in text(response)) == (rows == 20)


def test_a_role_on_a_product_out_of_sight_is_not_told(as_noor, noor, payments, checkout):
    mira = person("mira", roles=["deployer"], on=checkout)
    hold(mira, "tester", payments)
    for path in ("/people/", f"/people/{mira.pk}/", "/roles/"):
        page = text(as_noor.get(path))
        assert "Payments API" in page
        assert "Checkout" not in page
    assert "Mira" not in text(as_noor.get("/people/?role=deployer"))
    assert "Mira" in text(as_noor.get("/people/?role=tester"))


def test_people_are_found_by_name_role_and_kind(as_adele, robot):
    person("mira", last_name="Okoye")
    person("gone", is_active=False)
    hold(team("Shippers", [person("tom")]), "deployer")
    for query, expected in {
        "q=oko+mir": ["Mira Okoye"],
        "role=deployer": ["Tom"],
        "show=service": ["Ci", "Slipway"],
        "show=off": ["Gone"],
        "role=nonsense": None,
        "page=99": None,
    }.items():
        response = as_adele.get(f"/people/?{query}")
        assert response.status_code == 200
        names = re.findall(r'<a href="/people/\d+/">([^<]+)</a>', response.content.decode())
        if expected is not None:
            assert names == expected
    assert "Nobody fits the filter" in text(as_adele.get("/people/?q=zzz"))


def test_the_profile_is_changed_and_times_follow(as_noor, noor):
    data = {"first_name": "Noor", "last_name": "Haddad", "email": "n@example.com", "timezone": "Asia/Kolkata"}
    assert as_noor.post("/settings/profile/", data).status_code == 302
    noor.refresh_from_db()
    assert (noor.last_name, noor.timezone, noor.keys_on) == ("Haddad", "Asia/Kolkata", False)
    page = as_noor.get("/settings/profile/").content.decode()
    assert "IST for you" in page
    assert 'data-keys="off"' in page


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd"])
def test_a_zone_that_this_machine_does_not_know_reads_as_utc(as_noor, noor, zone):
    User.objects.filter(pk=noor.pk).update(timezone=zone)
    response = as_noor.get("/settings/profile/")
    assert response.status_code == 200
    assert "UTC for you" in text(response)


def test_a_profile_with_errors_keeps_what_was_typed(as_noor, noor):
    response = as_noor.post(
        "/settings/profile/", {"first_name": "Zoë", "email": "no address", "timezone": "Mars/Olympus"}
    )
    assert response.status_code == 422
    page = response.content.decode()
    assert 'value="no address"' in page
    assert 'value="Zoë"' in page
    assert User.objects.get(pk=noor.pk).first_name == "Noor"


def test_a_token_is_shown_once_and_revoked(as_noor, noor):
    response = as_noor.post("/settings/tokens/", {"name": "export", "expires_at": ""})
    secret = re.search(r"slw_[\w-]+", response.content.decode()).group()
    assert as_noor.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).json()["username"] == "noor"
    assert secret not in as_noor.get("/settings/tokens/").content.decode()
    token = ApiToken.objects.get()
    as_noor.post(f"/settings/tokens/{token.pk}/revoke/")
    assert not ApiToken.objects.exists()


def test_a_token_for_yesterday_is_refused_at_its_field(as_noor):
    yesterday = timezone.localdate() - timedelta(days=1)
    response = as_noor.post("/settings/tokens/", {"name": "export", "expires_at": yesterday.isoformat()})
    assert response.status_code == 422
    assert 'id="id_expires_at_error"' in response.content.decode()
    assert "Choose a later day" in text(response)
    assert not ApiToken.objects.exists()


def test_somebody_else_s_token_is_not_there(as_noor, adele):
    token, _ = actions.create_token(actor=adele, name="hers")
    assert as_noor.post(f"/settings/tokens/{token.pk}/revoke/").status_code == 404
    assert ApiToken.objects.exists()


def test_somebody_is_added_and_signs_in(as_adele, client):
    data = {"username": "mira", "first_name": "Mira", "timezone": "UTC", "password": "purple donkey stairs"}
    response = as_adele.post("/people/new/", data)
    mira = User.objects.get(username="mira")
    assert response.url == f"/people/{mira.pk}/"
    client.logout()
    assert client.post("/sign-in/", {"username": "mira", "password": "purple donkey stairs"}).status_code == 302


@pytest.mark.parametrize(
    ("data", "field"),
    [
        ({"password": "123"}, "password"),
        ({"password": ""}, "password"),
        ({"password": "miraculously-mira", "first_name": "miraculously-mira"}, "password"),
        ({"username": "ADELE"}, "username"),
        ({"username": "no spaces"}, "username"),
        ({"timezone": "Mars/Olympus"}, "timezone"),
    ],
)
def test_somebody_who_does_not_fit_is_refused_at_the_field(as_adele, data, field):
    full = {"username": "mira", "first_name": "Mira", "timezone": "UTC", "password": "purple donkey stairs"}
    response = as_adele.post("/people/new/", full | data)
    assert response.status_code == 422
    assert f'id="id_{field}_error"' in response.content.decode()
    assert set(User.objects.values_list("username", flat=True)) == {"adele", "slipway"}


def test_a_role_is_given_and_taken_on_the_page(as_adele, payments):
    mira = person("mira")
    response = as_adele.post(f"/people/{mira.pk}/roles/", {"role": "deployer", "scope": f"product:{payments.pk}"})
    assert response.url == f"/people/{mira.pk}/#roles"
    assert "Payments API" in text(as_adele.get(f"/people/{mira.pk}/"))
    as_adele.post(f"/grants/{Grant.objects.get(user=mira).pk}/take/")
    assert not mira.grants.exists()


def test_a_refused_role_says_why_at_the_field(as_adele, adele):
    response = as_adele.post(f"/people/{adele.pk}/roles/", {"role": "qa-approver", "scope": "everywhere"})
    assert response.status_code == 422
    assert "Nobody gives themselves an approving role" in text(response)
    assert 'id="id_role_error"' in response.content.decode()


def test_a_scope_that_is_no_product_is_refused(as_adele):
    mira = person("mira")
    for scope in ("product:99999", "user:1", "product:x", "nonsense"):
        assert as_adele.post(f"/people/{mira.pk}/roles/", {"role": "tester", "scope": scope}).status_code == 422
    assert not mira.grants.exists()


def test_the_last_administrator_is_refused_on_the_page(as_adele, adele):
    response = as_adele.post(f"/grants/{Grant.objects.get(user=adele).pk}/take/")
    assert response.status_code == 409
    assert b"Nobody would be left who keeps people" in response.content


def test_somebody_without_the_right_is_refused_by_every_button(as_noor, noor, adele, payments):
    red = team("Red")
    grant = Grant.objects.get(user=adele)
    for path, data in {
        f"/people/{adele.pk}/switch/": {"on": "no"},
        f"/grants/{grant.pk}/take/": {},
        f"/teams/{red.slug}/members/": {"user": noor.pk},
        f"/teams/{red.slug}/members/{noor.pk}/remove/": {},
        f"/people/{adele.pk}/edit/": {},
        f"/teams/{red.slug}/edit/": {},
    }.items():
        assert as_noor.post(path, data).status_code == 403, path
    for path in (f"/people/{noor.pk}/roles/", f"/teams/{red.slug}/roles/"):
        assert as_noor.post(path, {"role": "deployer", "scope": f"product:{payments.pk}"}).status_code == 422, path
    assert adele.grants.exists()
    assert noor.grants.count() == 1


def test_an_account_is_switched_off_and_on(as_adele):
    mira = person("mira")
    as_adele.post(f"/people/{mira.pk}/switch/", {"on": "no"})
    assert not User.objects.get(pk=mira.pk).is_active
    assert "Switched off" in text(as_adele.get(f"/people/{mira.pk}/"))
    as_adele.post(f"/people/{mira.pk}/switch/", {"on": "yes"})
    assert User.objects.get(pk=mira.pk).is_active


def test_a_service_account_gets_its_token_from_an_administrator(as_adele, robot):
    response = as_adele.post(f"/people/{robot.pk}/tokens/", {"name": "pipeline", "expires_at": ""})
    secret = re.search(r"slw_[\w-]+", response.content.decode()).group()
    assert as_adele.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).json()["username"] == "ci"


def test_a_team_is_made_filled_and_given_a_role(as_adele, payments):
    mira = person("mira")
    assert as_adele.post("/teams/new/", {"name": "New", "lead": mira.pk}).url == "/teams/new-team/"
    as_adele.post("/teams/new-team/members/", {"user": mira.pk})
    as_adele.post("/teams/new-team/roles/", {"role": "deployer", "scope": f"product:{payments.pk}"})
    page = text(as_adele.get(f"/people/{mira.pk}/"))
    assert "Deployer" in page
    assert "through New" in page
    as_adele.post(f"/teams/new-team/members/{mira.pk}/remove/")
    assert "Deployer starts" not in text(as_adele.get(f"/people/{mira.pk}/"))
    as_adele.post("/teams/new-team/edit/", {"name": "Newer", "lead": ""})
    assert Team.objects.get().name == "Newer"


def test_a_team_whose_name_is_taken_is_refused_at_the_field(as_adele):
    team("Red")
    response = as_adele.post("/teams/new/", {"name": "red"})
    assert response.status_code == 422
    assert 'id="id_name_error"' in response.content.decode()


def test_a_name_with_markup_is_shown_as_text(as_adele):
    mira = person("mira", first_name="<b>Mira</b>")
    hold(mira, "tester")
    for path in ("/people/", f"/people/{mira.pk}/", "/roles/"):
        assert b"<b>Mira" not in as_adele.get(path).content


def test_the_admin_shows_people_and_changes_nothing(client, adele):
    root = User.objects.create_superuser("root", password=PASSWORD)
    client.force_login(root)
    page = client.get(f"/admin/accounts/user/{adele.pk}/change/")
    assert page.status_code == 200
    assert adele.password.encode() not in page.content
    for path in ("accounts/user/add/", "auth/group/add/", "accounts/grant/add/"):
        assert client.get(f"/admin/{path}").status_code == 403
    assert client.post(f"/admin/accounts/user/{adele.pk}/delete/", {"post": "yes"}).status_code == 403
    client.force_login(adele)
    assert client.get("/admin/accounts/user/").status_code == 302
