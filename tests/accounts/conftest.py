"""People and a product that the tests of accounts share."""

import pytest

from tests.factories import accounts, releases


@pytest.fixture
def payments(db):
    return releases.product("Payments API", slug="payments-api")


@pytest.fixture
def checkout(db):
    return releases.product("Checkout", slug="checkout")


@pytest.fixture
def adele(db):
    """The administrator."""
    return accounts.person("adele", roles=["administrator"])


@pytest.fixture
def bruno(db):
    """A second administrator."""
    return accounts.person("bruno", roles=["administrator"])


@pytest.fixture
def noor(payments):
    """A contributor of one product."""
    return accounts.person("noor", roles=["contributor"], on=payments)


@pytest.fixture
def robot(db):
    return accounts.person("ci", is_service=True)
