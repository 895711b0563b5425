"""Signing in and out, passwords, the lock-out: through the real middleware."""

import pytest
from django.test import Client
from django.urls import reverse

from tests.factories.accounts import PASSWORD, person

pytestmark = pytest.mark.django_db

SIGN_IN = "/sign-in/"


@pytest.fixture
def strict():
    """A client that checks CSRF as a browser meets it."""
    return Client(enforce_csrf_checks=True)


def sign_in(client, username="noor", password=PASSWORD, **more):
    return client.post(SIGN_IN, {"username": username, "password": password, **more})


def test_a_person_signs_in_under_a_new_session_key(noor, client):
    client.get(SIGN_IN)
    session = client.session
    session["before"] = "kept"
    session.save()
    before = client.session.session_key
    response = sign_in(client)
    assert (response.status_code, response.url) == (302, reverse("portal:home"))
    assert client.session.session_key != before
    assert client.get("/api/v1/me/").json()["username"] == "noor"


@pytest.mark.parametrize(
    ("wanted", "reached"),
    [
        ("/people/", "/people/"),
        ("https://evil.example/", "/"),
        ("//evil.example/x", "/"),
        ("javascript:alert(1)", "/"),
        ("https:///evil.example", "/"),
    ],
)
def test_after_signing_in_one_stays_on_this_host(noor, client, wanted, reached):
    assert sign_in(client, next=wanted).url == reached


def test_the_wanted_page_survives_a_wrong_password(noor, client):
    assert client.get("/people/").url == f"{SIGN_IN}?next=/people/"
    assert b'name="next" value="/people/"' in client.get(f"{SIGN_IN}?next=/people/").content
    assert b'name="next" value="/people/"' in sign_in(client, password="wrong", next="/people/").content


def test_nobody_learns_who_is_here(noor, client, robot):
    robot.set_password(PASSWORD)
    robot.save()
    person("gone", is_active=False)
    answers = {
        sign_in(client, name, word).content.decode().replace(f'value="{name}"', "")
        for name, word in [("noor", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("ci", PASSWORD)]
    }
    plain = {_without_tokens(page) for page in answers}
    assert len(plain) == 1
    assert "do not fit together" in plain.pop()
    assert "_auth_user_id" not in client.session


def _without_tokens(page: str) -> str:
    import re

    page = re.sub(r'X-CSRFToken": "\w+"', "", page)
    return re.sub(r'(name="csrfmiddlewaretoken" value=")\w+', r"\1", page)


def test_a_refused_sign_in_keeps_the_name_and_not_the_password(noor, client):
    response = sign_in(client, password="not this one")
    assert response.status_code == 422
    page = response.content.decode()
    assert 'value="noor"' in page
    assert "not this one" not in page
    assert "<title>Error: Sign in" in page


def test_repeated_failures_lock_the_name_out_with_the_right_password_too(noor, client, settings):
    settings.AXES_FAILURE_LIMIT = 3
    statuses = [sign_in(client, password="wrong").status_code for _ in range(3)]
    assert statuses == [422, 422, 429]
    locked = sign_in(client)
    assert locked.status_code == 429
    page = locked.content.decode()
    assert "Too many failed sign-ins" in page
    assert "15 min" in page
    assert "_auth_user_id" not in client.session
    assert sign_in(Client(REMOTE_ADDR="10.1.2.3")).status_code == 302, "another address is not locked out"


def test_a_name_that_is_not_here_is_locked_out_alike(client, settings, db):
    settings.AXES_FAILURE_LIMIT = 3
    assert [sign_in(client, "nobody").status_code for _ in range(3)] == [422, 422, 429]


def test_signing_out_takes_a_post(noor, client):
    client.force_login(noor)
    assert client.get("/sign-out/").status_code == 405
    assert client.get("/api/v1/me/").status_code == 200
    assert client.post("/sign-out/").url == SIGN_IN
    assert client.get("/api/v1/me/").status_code == 401


def test_a_password_is_changed_and_this_session_goes_on(noor, client):
    client.force_login(noor)
    elsewhere = Client()
    elsewhere.force_login(noor)
    key = client.session.session_key
    data = {"old_password": PASSWORD, "new_password1": "purple donkey stairs", "new_password2": "purple donkey stairs"}
    assert client.post("/password/", data).status_code == 302
    assert client.session.session_key != key
    assert client.get("/api/v1/me/").status_code == 200
    assert elsewhere.get("/api/v1/me/").status_code == 401
    assert sign_in(Client(), password="purple donkey stairs").status_code == 302
    assert sign_in(Client()).status_code == 422


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ({"old_password": "wrong"}, "old password was entered incorrectly"),
        ({"new_password2": "another one here"}, "didn’t match"),
        ({"new_password1": "noor", "new_password2": "noor"}, "too short"),
        ({"new_password1": "1234567890", "new_password2": "1234567890"}, "entirely numeric"),
    ],
)
def test_a_password_that_does_not_do_is_refused_with_the_reason(noor, client, data, says):
    client.force_login(noor)
    full = {"old_password": PASSWORD, "new_password1": "purple donkey stairs", "new_password2": "purple donkey stairs"}
    response = client.post("/password/", full | data)
    assert response.status_code == 422
    assert says in response.content.decode().replace("&#x27;", "'").replace("&#39;", "'")
    noor.refresh_from_db()
    assert noor.check_password(PASSWORD)


def test_signing_out_everywhere_else_keeps_this_session(noor, client):
    client.force_login(noor)
    elsewhere = Client()
    elsewhere.force_login(noor)
    client.post("/password/sign-out-everywhere/")
    assert client.get("/api/v1/me/").status_code == 200
    assert elsewhere.get("/api/v1/me/").status_code == 401


@pytest.mark.parametrize(
    "path", [SIGN_IN, "/sign-out/", "/password/", "/people/new/", "/settings/tokens/", "/api/v1/tokens/"]
)
def test_a_post_without_the_csrf_token_is_refused(adele, strict, path):
    strict.force_login(adele)
    response = strict.post(path, {"name": "x"})
    assert response.status_code == 403


def test_the_page_of_a_form_grown_old_says_so(strict, db):
    assert b"too old to be sent" in strict.post(SIGN_IN, {"username": "x"}).content


def everywhere(client):
    """One answer of every kind: a page, a redirect, errors of each sort."""
    yield 200, client.get(SIGN_IN)
    yield 302, client.get("/people/")
    yield 404, client.get("/no/such/page/")
    yield 405, client.get("/sign-out/")
    yield 422, sign_in(client, password="wrong")
    yield 400, client.get(SIGN_IN, headers={"host": "evil.example"})
    yield 403, Client(enforce_csrf_checks=True).post(SIGN_IN)
    yield 401, client.get("/api/v1/me/")


def test_every_answer_carries_the_security_headers(noor, client):
    for status, response in everywhere(client):
        assert response.status_code == status
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'self'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "same-origin"
        assert response.headers["Cross-Origin-Opener-Policy"] == "same-origin"


def test_a_broken_page_still_carries_them(noor, client, monkeypatch):
    monkeypatch.setattr("accounts.views.roles.table_of_roles", lambda reader: 1 / 0)
    client.force_login(noor)
    client.raise_request_exception = False
    response = client.get("/roles/")
    assert response.status_code == 500
    assert "default-src 'self'" in response.headers["Content-Security-Policy"]
    assert b"Something broke on our side" in response.content


def test_pages_with_secrets_are_not_kept_by_browsers(noor, client):
    client.force_login(noor)
    for path in ("/password/", "/settings/tokens/"):
        assert "no-store" in client.get(path).headers["Cache-Control"]
