"""People of the portal's tests, signed in."""

import pytest
from django.utils import timezone

from tests.factories import accounts


@pytest.fixture(autouse=True)
def nobodys_zone():
    """A page leaves its reader's time zone behind in the thread; the next test starts in UTC."""
    yield
    timezone.deactivate()


@pytest.fixture
def manager(db):
    return accounts.person("ines", roles=["release-manager"], last_name="Calloway")


@pytest.fixture
def stakeholder(db):
    return accounts.person("sam", roles=["stakeholder"], last_name="Adeyemi")


@pytest.fixture
def fetch(client):
    """Sign a person in and get a page; remembers nothing of the person before."""

    def get(user, path: str, **headers):
        client.force_login(user)
        return client.get(path, **headers)

    return get


@pytest.fixture
def text(fetch):
    """The HTML of a page that answers 200."""

    def get(user, path: str, **headers) -> str:
        response = fetch(user, path, **headers)
        assert response.status_code == 200
        return response.content.decode()

    return get
