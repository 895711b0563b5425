"""The doors of people and of keys to the API."""

from datetime import timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.utils import timezone

from accounts import actions, policy
from accounts.models import ApiToken, User
from accounts.tokens import digest_of
from core.blockers import Refused
from core.models import Event
from tests.factories.accounts import PASSWORD, person

pytestmark = pytest.mark.django_db


def codes(refusal) -> list[str]:
    return [b.code for b in refusal.value.blockers]


def test_a_person_is_added_with_a_password(adele):
    mira = actions.add_person(actor=adele, username="mira", password=PASSWORD, first_name="Mira")
    assert mira.check_password(PASSWORD)
    event = Event.objects.get()
    assert (event.name, event.stream, event.payload) == (
        "person.added",
        f"user:{mira.pk}",
        {"username": "mira", "is_service": False},
    )


def test_a_user_name_is_taken_in_any_case(adele):
    with pytest.raises(Refused) as refusal:
        actions.add_person(actor=adele, username="ADELE")
    assert codes(refusal) == ["username-taken"]
    assert User.objects.filter(username__iexact="adele").count() == 1


def test_a_service_account_has_no_password_even_when_one_is_given(adele):
    assert not actions.add_person(actor=adele, username="ci", is_service=True, password=PASSWORD).has_usable_password()


@pytest.mark.parametrize("field", ["is_superuser", "is_staff", "password", "is_service", "session_epoch", "feed_token"])
def test_no_door_sets_a_field_that_gives_power(adele, noor, field):
    with pytest.raises(TypeError):
        actions.change_person(noor.pk, actor=noor, **{field: True})
    with pytest.raises(TypeError):
        actions.add_person(
            actor=adele, username="x", **({field: True} if field not in ("password", "is_service") else {"id": 7})
        )


def test_people_change_themselves_and_nobody_else(noor, adele):
    actions.change_person(noor.pk, actor=noor, timezone="Europe/Berlin", keys_on=False)
    assert Event.objects.get().payload == {"changed": {"timezone": ["UTC", "Europe/Berlin"], "keys_on": [True, False]}}
    with pytest.raises(PermissionDenied):
        actions.change_person(adele.pk, actor=noor, first_name="Ada")
    actions.change_person(noor.pk, actor=adele, last_name="Haddad")
    assert User.objects.get(pk=noor.pk).last_name == "Haddad"


def test_a_change_that_changes_nothing_records_nothing(noor):
    actions.change_person(noor.pk, actor=noor, timezone="UTC")
    assert not Event.objects.exists()


def test_switching_a_person_off_ends_rights_sessions_tokens_and_feed_at_once(adele, noor, payments, client):
    client.force_login(noor)
    _, secret = actions.create_token(actor=noor, name="laptop")
    feed = actions.renew_feed_token(actor=noor).feed_token
    assert client.get("/api/v1/me/").status_code == 200
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).status_code == 200

    actions.change_person(noor.pk, actor=adele, is_active=False)

    assert client.get("/api/v1/me/").status_code == 401
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).status_code == 401
    assert policy.rights_of(User.objects.get(pk=noor.pk)) == {}
    assert not policy.holders("contributor", payments).exists()
    assert not User.objects.filter(feed_token=feed).exists()

    actions.change_person(noor.pk, actor=adele, is_active=True)
    assert policy.may(User.objects.get(pk=noor.pk), "releases.contribute", payments)
    assert client.get("/api/v1/me/").status_code == 401, "a session from before must not come back"
    assert client.get("/api/v1/me/", headers={"Authorization": f"Bearer {secret}"}).status_code == 401


def test_nobody_switches_themselves_or_the_system_off(adele, bruno):
    for user, code in ((adele, "own-account"), (actions.system_user(), "system-account")):
        with pytest.raises(Refused) as refusal:
            actions.change_person(user.pk, actor=adele, is_active=False)
        assert codes(refusal) == [code]
    with pytest.raises(PermissionDenied):
        actions.change_person(adele.pk, actor=person(), is_active=False)


def test_a_password_change_ends_the_other_sessions(noor, client):
    client.force_login(noor)
    actions.change_password(actor=noor, password="a new and longer one")
    assert client.get("/api/v1/me/").status_code == 401
    assert User.objects.get(pk=noor.pk).check_password("a new and longer one")
    assert "password" not in str(Event.objects.get().payload)


def test_signing_out_everywhere_ends_every_session(noor, client):
    client.force_login(noor)
    actions.sign_out_everywhere(actor=noor)
    assert client.get("/api/v1/me/").status_code == 401


def test_only_the_digest_of_a_token_is_kept(noor):
    token, secret = actions.create_token(actor=noor, name="laptop")
    row = ApiToken.objects.values().get()
    assert secret not in str(row)
    assert row["digest"] == digest_of(secret)
    assert secret.startswith(token.hint)
    assert secret not in str(Event.objects.values_list("payload", flat=True))


def test_a_token_that_ends_in_the_past_is_refused(noor):
    with pytest.raises(Refused) as refusal:
        actions.create_token(actor=noor, name="old", expires_at=timezone.now() - timedelta(seconds=1))
    assert codes(refusal) == ["token-expired"]
    assert not ApiToken.objects.exists()


def test_tokens_belong_to_their_person_and_those_of_machines_to_the_administrators(adele, noor, robot):
    with pytest.raises(PermissionDenied):
        actions.create_token(actor=adele, name="spy", owner=noor)
    with pytest.raises(PermissionDenied):
        actions.create_token(actor=noor, name="spy", owner=robot)
    token, _ = actions.create_token(actor=adele, name="pipeline", owner=robot)
    assert Event.objects.get().actor == adele
    with pytest.raises(PermissionDenied):
        actions.revoke_token(token.pk, actor=noor)
    actions.revoke_token(token.pk, actor=adele)
    assert not ApiToken.objects.exists()
    with pytest.raises(ApiToken.DoesNotExist):
        actions.revoke_token(token.pk, actor=adele)
