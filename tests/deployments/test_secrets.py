"""A tool that repeats the token that it was called with: in a refusal, in a failure, in its log. Nothing that is kept shows it."""

import json

import pytest
from django.core.serializers import serialize
from django.urls import reverse

from core.models import Event
from deployments.drivers import DRIVERS
from deployments.models import Hook, LogLine, Run
from tests.deployments.conftest import turn
from tests.deployments.rigs import RIGS
from tests.factories import accounts
from tests.factories import deployments as shipping

CALLED_WITH_A_TOKEN = sorted(
    name for name in RIGS if getattr(DRIVERS[name], "needs_secret", False) or name == "jenkins"
)


@pytest.fixture(params=CALLED_WITH_A_TOKEN)
def rig(request, tmp_path, settings, place, tool):
    """Its counterpart, and a hook of it in staging."""
    settings.HOOK_HOSTS = []
    with RIGS[request.param](tmp_path) as made:
        for name, value in made.settings.items():
            setattr(settings, name, value)
        Hook.objects.filter(environment=place.staging).delete()
        hook = shipping.hook(place.staging, name="Ship", driver=request.param, config=made.config)
        hook.secret = made.secret
        hook.save()
        yield made


def repeats(rig, monkeypatch, purpose: str, status: int) -> None:
    """Let it answer what is asked for this purpose with all the headers that it got."""
    told = rig.answer

    def answer(method, path, headers, body):
        if rig.purpose(method, path) == purpose:
            return rig.failure(status, f"With {json.dumps(dict(headers))} you may not.")
        return told(method, path, headers, body)

    monkeypatch.setattr(rig, "answer", answer)


def all_that_is_kept() -> str:
    rows = [*Event.objects.all(), *Run.objects.all(), *LogLine.objects.all()]
    return "\n".join(serialize("json", [row]) for row in rows)


@pytest.mark.parametrize(("purpose", "status"), [("start", 403), ("start", 500), ("look", 401), ("look", 500)])
def test_a_token_that_a_tool_repeats_is_neither_kept_nor_shown(
    rig, place, client, monkeypatch, caplog, purpose, status
):
    caplog.set_level("DEBUG")
    repeats(rig, monkeypatch, purpose, status)

    deployment = place.into_staging()
    turn(6)

    client.force_login(accounts.person("rita", roles=["release-manager"], on=place.product))
    addresses = [
        reverse("deployments:deployment", args=[deployment.pk]),
        reverse("deployments:hooks", args=["payments"]),
    ]
    pages = "".join(client.get(address).content.decode() for address in addresses)
    api = (
        client.get(f"/api/v1/deployments/{deployment.pk}/").content.decode()
        + client.get("/api/v1/hooks/").content.decode()
    )
    kept = all_that_is_kept()
    assert deployment.runs.get().detail
    assert "•••••" in deployment.runs.get().detail or purpose == "look"
    for where, text in {"kept": kept, "pages": pages, "api": api, "logs": caplog.text}.items():
        assert rig.secret not in text, where
