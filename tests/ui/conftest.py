"""Rendering of one line of template, as a page would: with a request and the shell's context processors."""

import re
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import AnonymousUser
from django.template import engines
from django.utils import timezone


@pytest.fixture
def render(rf):
    """`render(source, **context)`: the HTML of a template text, white space folded."""

    def render(source, request=None, **context):
        request = request or rf.get("/")
        if not hasattr(request, "user"):
            request.user = AnonymousUser()
        html = engines["jinja2"].from_string(source).render(context, request)
        return re.sub(r"\s+", " ", html).strip()

    return render


@pytest.fixture
def amsterdam():
    """A reader in Amsterdam."""
    with timezone.override(ZoneInfo("Europe/Amsterdam")):
        yield
