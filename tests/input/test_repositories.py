"""A product's repository that cannot be read: every face says why, in words and in time, and nothing is written."""

import socket
import threading
import time
from contextlib import contextmanager
from functools import partial

import pytest
from django.urls import reverse
from dulwich import porcelain
from dulwich.repo import Repo

from core.models import Event
from releases import gitscope
from tests.input.conftest import as_person

PATIENCE_S = 0.5


@pytest.fixture(autouse=True)
def roots(settings, tmp_path, monkeypatch):
    """Repositories are read from one folder and, for this test, from this machine's own addresses."""
    settings.REPOSITORY_ROOTS = [str(tmp_path / "allowed")]
    settings.VAR_DIR = tmp_path / "var"
    (tmp_path / "allowed").mkdir()
    monkeypatch.setattr(gitscope, "open_repository", partial(gitscope.open_repository, allow_loopback=True))
    monkeypatch.setattr(gitscope, "TIMEOUT_S", PATIENCE_S)


@contextmanager
def silent():
    """The address of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        kept = []
        thread = threading.Thread(target=lambda: kept.append(listening.accept()), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/project.git"
        for connection, _ in kept:
            connection.close()


def point(world, location: str):
    world.product.repository = location
    world.product.save()
    return as_person(world.master)


def faces(client, world) -> dict[str, tuple[int, str]]:
    """{face: (status, text)} of all that read the repository."""
    page = reverse("releases:scope_git", args=["payments", "2.1.0"])
    candidates = reverse("releases:candidates", args=["payments", "2.0.0"])
    api = f"/api/v1/releases/{world.rows['planned'].pk}/git/?since=v1&until=v2"
    answers = {
        "page": client.get(page),
        "page with a range": client.get(f"{page}?since=v1&until=v2"),
        "page, ticked": client.post(f"{page}?since=v1&until=v2", {"chosen": ["feat"]}),
        "candidates": client.get(candidates),
        "api": client.get(api),
        "api, taken": client.post(api, {"until": "v2", "proposals": ["x"]}, content_type="application/json"),
    }
    return {face: (answer.status_code, answer.content.decode()) for face, answer in answers.items()}


UNREADABLE = {
    "does not exist": ("{tmp}/allowed/absent", "the folder does not exist"),
    "is no repository": ("{tmp}/allowed", "is not a Git repository"),
    "lies outside": ("{tmp}", "not inside a folder from which repositories may be read"),
    "lies outside by a detour": ("{tmp}/allowed/../secret", "not inside a folder from which repositories may be read"),
    "is a device": ("/dev/zero", "not inside a folder from which repositories may be read"),
    "is half an address": ("https://", "is not complete"),
    "is behind a port that is closed": ("http://127.0.0.1:9/x.git", "cannot be read"),
    "is a text": ("no idea", "is not a full path"),
}


@pytest.mark.parametrize("kind", UNREADABLE)
def test_a_repository_that_cannot_be_read_is_explained_everywhere(own_world, tmp_path, kind):
    location, said = UNREADABLE[kind]
    client, before = point(own_world, location.format(tmp=tmp_path)), Event.objects.count()

    found = faces(client, own_world)

    assert {face: status for face, (status, _) in found.items()} == {
        "page": 200,
        "page with a range": 200,
        "page, ticked": 422,
        "candidates": 200,
        "api": 409,
        "api, taken": 409,
    }
    assert [face for face, (_, text) in found.items() if face != "candidates" and said not in text] == []
    assert Event.objects.count() == before


def test_a_server_that_never_answers_is_left_after_the_time_limit(own_world):
    with silent() as address:
        client, started = point(own_world, address), time.monotonic()
        answer = client.get(reverse("releases:scope_git", args=["payments", "2.1.0"]))
        took_s = time.monotonic() - started

    assert answer.status_code == 200
    assert "did not answer in full within 0.5 seconds" in answer.content.decode()
    assert took_s < 10


@pytest.mark.parametrize("commits", [0, 1])
def test_a_repository_without_tags_offers_what_there_is(own_world, tmp_path, commits):
    path = tmp_path / "allowed" / "project"
    path.mkdir()
    Repo.init(str(path)).close()
    for _ in range(commits):
        porcelain.commit(str(path), message=b"feat: refunds (#1)", author=b"A <a@b.c>", committer=b"A <a@b.c>")
    client = point(own_world, str(path))
    page = reverse("releases:scope_git", args=["payments", "2.1.0"])

    choice, latest = client.get(page), client.get(f"{page}?since=&until=HEAD")

    assert (choice.status_code, latest.status_code) == (200, 200)
    assert "the latest commit" in choice.content.decode()
    assert ("refunds" if commits else "it has no commits yet") in latest.content.decode()
