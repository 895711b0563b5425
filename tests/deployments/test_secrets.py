"""A tool that repeats the token that it was called with: in a refusal, in a failure, in its log, in what it says of a run that goes
on. Nothing that is kept shows it."""

import copy
import json

import pytest
from django.core.serializers import serialize
from django.urls import reverse

from core.models import Event
from deployments.actions import deployment as doors
from deployments.actions import run as run_doors
from deployments.drivers import DRIVERS, HookRefused, OutcomeUnknown, Progress
from deployments.models import Hook, LogLine, Run
from tests.deployments.conftest import turn
from tests.deployments.rigs import RIGS
from tests.factories import accounts
from tests.factories import deployments as shipping

CALLED_WITH_A_TOKEN = sorted(
    name for name in RIGS if getattr(DRIVERS[name], "needs_secret", False) or name in ("jenkins", "http")
)
SECRET = "a-token-of-forty-characters-0123456789ab"


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


def repeats(rig, monkeypatch, purpose: str, status: int, before: str) -> None:
    """Let it answer what is asked for this purpose with its token, and with all the headers that it got."""
    told = rig.answer

    def answer(method, path, headers, body):
        if rig.purpose(method, path) == purpose:
            return rig.failure(status, f"{before}{rig.secret} {json.dumps(dict(headers))} may not.")
        return told(method, path, headers, body)

    monkeypatch.setattr(rig, "answer", answer)


def all_that_is_kept() -> str:
    rows = [*Event.objects.all(), *Run.objects.all(), *LogLine.objects.all()]
    return "\n".join(serialize("json", [row]) for row in rows)


def says(rig, monkeypatch) -> None:
    """Let it tell of a run that goes on in words that hold its token, where it has words of its own."""
    told, word = rig.answer, WORDS[rig.driver]

    def answer(method, path, headers, body):
        status, content, *more = told(method, path, headers, body)
        if status < 300 and not isinstance(content, bytes):
            content = copy.deepcopy(content)
            word(content, f"with {rig.secret}")
        return status, content, *more

    monkeypatch.setattr(rig, "answer", answer)


def _step_of_github(content: dict, said: str) -> None:
    for job in content.get("jobs", []):
        job["steps"][0] |= {"name": said, "status": "in_progress"}


def _job_of_gitlab(content: dict | list, said: str) -> None:
    for row in content if isinstance(content, list) else []:
        if "stage" in row:
            row |= {"name": said, "status": "running"}


def _queue_of_jenkins(content: dict, said: str) -> None:
    if "why" in content:
        content |= {"why": said, "executable": None}


def _condition_of_kubernetes(content: dict, said: str) -> None:
    if content.get("kind") == "Deployment":
        failed = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": said}
        content["status"]["conditions"] = [failed]


def _sync_of_argocd(content: dict, said: str) -> None:
    if state := content.get("status", {}).get("operationState"):
        state["message"] = said


def _report_to_http(content: dict, said: str) -> None:
    content |= {"detail": said, "log": f"{said}\n"}


WORDS = {
    "argocd": _sync_of_argocd,
    "github_actions": _step_of_github,
    "gitlab": _job_of_gitlab,
    "http": _report_to_http,
    "jenkins": _queue_of_jenkins,
    "kubernetes": _condition_of_kubernetes,
}


def all_that_is_shown(place, client, deployment) -> str:
    client.force_login(accounts.person("rita", roles=["release-manager"], on=place.product))
    addresses = [
        reverse("deployments:deployment", args=[deployment.pk]),
        reverse("deployments:hooks", args=["payments"]),
        f"/api/v1/deployments/{deployment.pk}/",
        "/api/v1/hooks/",
    ]
    return "".join(client.get(address).content.decode() for address in addresses)


@pytest.mark.parametrize("before", ["", "y" * 270], ids=["whole", "cut"])
@pytest.mark.parametrize(("purpose", "status"), [("start", 403), ("start", 500), ("look", 401), ("look", 500)])
def test_a_token_that_a_tool_repeats_is_neither_kept_nor_shown(
    rig, place, client, monkeypatch, caplog, purpose, status, before
):
    caplog.set_level("DEBUG")
    repeats(rig, monkeypatch, purpose, status, before)

    deployment = place.into_staging()
    turn(6)

    assert "•••••" in deployment.runs.get().detail or purpose == "look"
    kept, shown = all_that_is_kept(), all_that_is_shown(place, client, deployment)
    for where, text in {"kept": kept, "shown": shown, "logs": caplog.text}.items():
        assert rig.secret[:12] not in text, where


def test_a_token_in_what_a_tool_says_of_a_run_is_neither_kept_nor_shown(rig, place, client, monkeypatch):
    rig.keeps_waiting = True  # where there is a queue
    says(rig, monkeypatch)

    deployment = place.into_staging()
    turn(3)

    assert "with •••••" in deployment.runs.get().detail
    assert rig.secret not in all_that_is_kept() + all_that_is_shown(place, client, deployment)


@pytest.mark.parametrize(
    "said",
    [
        Progress("running", f"{SECRET}\n", 41, f"with {SECRET}"),
        Progress("failed", "", 0, f"with {SECRET}"),
        Progress("unknown", "", 0, f"with {SECRET}"),
        HookRefused(f"with {SECRET}"),
        OutcomeUnknown(f"with {SECRET}"),
        RuntimeError(f"with {SECRET}"),
    ],
    ids=["running", "failed", "unknown", "refused", "open", "broken"],
)
def test_whatever_a_driver_says_is_kept_without_the_secret_and_within_bounds(place, tool, caplog, said):
    hook = Hook.objects.get(environment=place.staging)
    hook.secret = SECRET
    hook.save()
    tool.answers["ship"] = said

    deployment = place.into_staging()
    turn(3)

    assert "with •••••" in deployment.runs.get().detail
    assert SECRET not in all_that_is_kept()
    assert SECRET not in caplog.text
    assert ("Traceback" in caplog.text) is isinstance(said, RuntimeError)


@pytest.mark.parametrize("method", ["poll", "callback"])
def test_a_long_word_of_a_tool_is_kept_short(place, tool, monkeypatch, method):
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(2)
    monkeypatch.setattr(tool, method, lambda *_: Progress("failed", "", 0, "x" * 1_000_000, message_id="1"))
    run = deployment.runs.get()

    run_doors.poll_run(run.pk) if method == "poll" else run_doors.receive_callback(run.token, {}, b"")

    assert len(deployment.runs.get().detail) == 2001
    assert len(all_that_is_kept()) < 20_000


def test_what_a_cancelled_tool_says_is_kept_without_the_secret(place, tool, monkeypatch):
    hook = Hook.objects.get(environment=place.staging)
    hook.secret = SECRET
    hook.save()
    tool.answers["ship"] = Progress("running")
    deployment = place.into_staging()
    turn(3)
    doors.abort(deployment.pk, actor=place.deployer, reason="Wrong afternoon.")
    monkeypatch.setattr(tool, "poll", lambda *_: Progress("failed", "", 0, f"with {SECRET}"))
    turn()
    assert "with •••••" in deployment.runs.get().detail
    assert SECRET not in all_that_is_kept()
