"""Files and bodies that are too large, through a real server, by page and by API."""

import http.client
import resource
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from accounts.actions import create_token
from approvals.models import Evidence
from core.models import Event
from tests.factories import accounts, releases

MIB = 1024 * 1024
SENT, LEAVE = 200 * MIB, 60 * MIB
CSRF = "a" * 32
LINE = "--boundary"


@pytest.fixture
def tester(transactional_db):
    return accounts.person("tess", roles=["tester"])


@pytest.fixture
def release(tester):
    return releases.release(releases.product(slug="payments"), state="testing", version="2.0.0")


@pytest.fixture
def spooled(tmp_path, settings) -> Path:
    """Where uploads wait on disk."""
    settings.FILE_UPLOAD_TEMP_DIR = str(tmp_path)
    return tmp_path


def streamed(live_server, path: str, headers: dict, fields: dict, spooled: Path) -> tuple[int, str, int]:
    """POST the fields and 200 MiB of a file that is nowhere whole. (status, page, most bytes on disk meanwhile)."""
    head = "".join(f'{LINE}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items())
    head += f'{LINE}\r\nContent-Disposition: form-data; name="file"; filename="big.xml"\r\n\r\n'
    tail = f"\r\n{LINE}--\r\n"
    connection = http.client.HTTPConnection(urlsplit(live_server.url).netloc, timeout=120)
    connection.putrequest("POST", path)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.putheader("Content-Type", "multipart/form-data; boundary=boundary")
    connection.putheader("Content-Length", str(len(head) + SENT + len(tail)))
    connection.endheaders()
    connection.send(head.encode())
    chunk, most = bytes(MIB), 0
    for _ in range(SENT // MIB):
        connection.send(chunk)
        most = max(most, sum(file.stat().st_size for file in spooled.iterdir()))
    connection.send(tail.encode())
    answer = connection.getresponse()
    return answer.status, answer.read().decode(), most


def peak() -> int:
    """The most memory that this process, which holds the server too, has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def test_a_file_of_200_mib_is_refused_at_its_field_and_held_neither_in_memory_nor_on_disk(
    live_server, tester, release, spooled
):
    client = Client()
    client.force_login(tester)
    path = reverse("approvals:signoff", args=["payments", "2.0.0", "functional"])
    cookies = f"sessionid={client.cookies['sessionid'].value}; csrftoken={CSRF}"
    fields = {"csrfmiddlewaretoken": CSRF, "do": "report", "candidate": str(release.candidate.pk)}
    before = peak()

    status, page, on_disk = streamed(live_server, path, {"Cookie": cookies}, fields, spooled)

    assert status == 422
    assert "<title>Error:" in page
    assert "“big.xml” is larger than 20 MiB." in page
    assert peak() - before < LEAVE
    assert on_disk <= settings.EVIDENCE_MAX_BYTES + MIB
    assert not Evidence.objects.exists()
    assert not Event.objects.exists()


def test_the_api_refuses_such_a_file_in_the_same_way(live_server, tester, release, spooled):
    _, secret = create_token(actor=tester, name="Nightly")
    headers = {"Authorization": f"Bearer {secret}"}
    fields = {"candidate": str(release.candidate.pk), "kind": "functional"}
    before = peak()

    status, answer, on_disk = streamed(live_server, "/api/v1/signoffs/report/", headers, fields, spooled)

    assert status == 409
    assert "larger than 20 MiB" in answer
    assert peak() - before < LEAVE
    assert on_disk <= settings.EVIDENCE_MAX_BYTES + MIB
    assert not Evidence.objects.exists()


@pytest.mark.django_db
def test_a_body_that_is_no_form_with_files_has_a_smaller_limit(client):
    client.force_login(accounts.person("ines", roles=["release-manager"]))
    large = b'{"title": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}'

    by_api = client.post("/api/v1/releases/", large, content_type="application/json")
    by_page = client.post("/releases/new/", {"title": "x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE}, follow=True)
    encoded = client.post("/releases/new/", large, content_type="application/x-www-form-urlencoded")

    assert (by_api.status_code, by_api.json()["detail"][:19]) == (413, "The body is larger ")
    assert (by_page.status_code, encoded.status_code) == (400, 400)
    assert b"could not be read" in by_page.content


@pytest.mark.django_db
def test_more_fields_than_any_form_has_are_refused(client):
    client.force_login(accounts.person("ines", roles=["release-manager"]))

    answer = client.post("/releases/new/", {f"field{n}": "x" for n in range(2000)})

    assert answer.status_code == 400
    assert not Event.objects.exists()
