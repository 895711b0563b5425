"""Whose failed attempts count together."""

import pytest
from django.test import RequestFactory

from accounts.lockout import address_of


@pytest.mark.parametrize(
    ("behind", "forwarded", "expected"),
    [
        (False, "203.0.113.9", "127.0.0.1"),
        (True, "203.0.113.9", "203.0.113.9"),
        (True, "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        (True, "", "127.0.0.1"),
    ],
)
def test_only_the_address_that_our_proxy_saw_is_believed(settings, behind, forwarded, expected):
    settings.BEHIND_PROXY = behind
    assert address_of(RequestFactory().get("/", headers={"x-forwarded-for": forwarded})) == expected
