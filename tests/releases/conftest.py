"""People and a product that the tests of releases share."""

import pytest

from tests.factories import accounts, releases


@pytest.fixture
def product(db):
    made = releases.product("Payments API", slug="payments-api", key="PAY")
    releases.pipeline(made)
    return made


@pytest.fixture
def manager(product):
    return accounts.person("maren", roles=["release-manager"], on=product)


@pytest.fixture
def contributor(product):
    return accounts.person("noor", roles=["contributor"], on=product)


@pytest.fixture
def change_manager(product):
    return accounts.person("tomasz", roles=["change-manager"], on=product)


@pytest.fixture
def administrator(db):
    return accounts.person("adele", roles=["administrator"])


@pytest.fixture
def stakeholder(product):
    return accounts.person("sven", roles=["stakeholder"], on=product)


@pytest.fixture
def outsider(db):
    return accounts.person("outsider")
