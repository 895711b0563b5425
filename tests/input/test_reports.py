"""Broken and hostile test reports, uploaded through the page and the API."""

import html
import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from approvals.models import Evidence
from core.models import Event
from tests.input.conftest import as_person

BOMB = b"<!DOCTYPE x [" + b"".join(
    b'<!ENTITY e%d "%s">' % (n, b"&e%d;" % (n - 1) * 10 if n else b"ha") for n in range(10)
) + b"]><testsuite><testcase name='&e9;'/></testsuite>"  # fmt: skip
REFUSED = {
    "cut off": (b'<testsuite name="unit"><testcase name="a"/><testcase na', "cut off"),
    "entity expansion": (BOMB, "declares a document type or entities"),
    "a local file as an entity": (
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&f;"/></testsuite>',
        "declares a document type or entities",
    ),
    "a page of a web site": (b"<!doctype html><html><body>Not found</body></html>", "was not accepted"),
    "other XML": (b"<feed><entry/></feed>", "no known kind of test report"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "neither XML nor JSON"),
    "nothing": (b"", "empty"),
    "blanks": (b" \n\t ", "empty"),
    "zeros": (bytes(5000), "was not accepted"),
    "nested too deep": (b"<testsuite>" * 5000, "nested more than 100 deep"),
    "JSON nested too deep": (b'{"a":' * 100_000, "was not accepted"),
}


def upload(world, content: bytes, name: str = "report.xml"):
    path = reverse("approvals:signoff", args=["payments", "2.0.0", "performance"])
    file = SimpleUploadedFile(name, content)
    return as_person(world.master).post(path, {"do": "report", "candidate": world.release.candidate.pk, "file": file})


def upload_by_api(world, content: bytes, name: str = "report.xml"):
    body = {"candidate": world.release.candidate.pk, "kind": "performance", "file": SimpleUploadedFile(name, content)}
    return as_person(world.master).post("/api/v1/signoffs/report/", body)


def stored() -> tuple[int, int]:
    return Evidence.objects.count(), Event.objects.count()


@pytest.mark.parametrize("kind", REFUSED)
def test_a_file_that_is_no_report_is_refused_at_its_field_with_the_reason(own_world, settings, tmp_path, kind):
    settings.MEDIA_ROOT = tmp_path
    content, said = REFUSED[kind]
    before = stored()

    page, api = upload(own_world, content), upload_by_api(own_world, content)

    text = html.unescape(page.content.decode())
    assert page.status_code == 422
    assert "<title>Error:" in text
    assert said in text[text.find('role="alert"') :]
    assert api.status_code in (400, 409)
    assert said in html.unescape(json.dumps(api.json(), ensure_ascii=False))
    assert stored() == before
    assert list(tmp_path.rglob("*.report")) == []


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\0b.xml", "x" * 5000 + ".xml", "<script>.xml", "CON", ".xml", "é\u202egnp.xml"]
)
def test_the_name_of_a_file_leads_nowhere_and_harms_nothing(own_world, settings, tmp_path, name):
    settings.MEDIA_ROOT = tmp_path
    answer = upload(own_world, b'<testsuite><testcase name="a"/></testsuite>', name)

    page = as_person(own_world.master).get(reverse("approvals:signoff", args=["payments", "2.0.0", "performance"]))
    assert answer.status_code in (302, 400, 422)
    assert page.status_code == 200
    assert b"<script>.xml" not in page.content
    assert all(file.suffix == ".report" for file in tmp_path.rglob("*") if file.is_file())


def test_a_report_that_is_one_is_taken(own_world, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path

    answer = upload(own_world, b'<testsuite><testcase name="a"/></testsuite>')

    assert answer.status_code == 302
    assert Evidence.objects.order_by("pk").last().totals["passed"] == 1


SHOWN_AS_TEXT = {"control-characters.xml", "script-in-names.xml"}


@pytest.mark.realdata
def test_every_hostile_file_is_refused_with_words_or_shown_as_plain_text(own_world, settings, tmp_path, shared_data):
    settings.MEDIA_ROOT = tmp_path
    path = reverse("approvals:signoff", args=["payments", "2.0.0", "performance"])
    files = sorted((shared_data / "test-reports" / "hostile").iterdir())
    assert len(files) == 8

    for file in files:
        before = stored()
        answer = upload(own_world, file.read_bytes(), file.name)
        shown = answer.content + as_person(own_world.master).get(path).content
        assert b"<script>alert" not in shown
        assert b"root:x:" not in shown
        assert b"\x1b" not in shown
        if file.name in SHOWN_AS_TEXT:
            assert answer.status_code == 302
        else:
            assert (answer.status_code, stored()) == (422, before), file.name
            assert b"was not accepted" in answer.content or b"is empty" in answer.content, file.name
