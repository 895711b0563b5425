"""Test sign-offs: verdicts by hand and by report, the signature, and what a new candidate does to them."""

import io
import json

import pytest
from django.core.exceptions import PermissionDenied
from django.http import Http404

from approvals.actions import attach_report, renew_signoffs, report_verdict, sign_off, start_run
from approvals.models import Evidence, Signoff
from core.blockers import Refused
from tests.approvals.test_requests import names, refused
from tests.factories import approvals, releases

pytestmark = pytest.mark.django_db

PASSED = b'<testsuite name="s"><testcase name="a"/><testcase name="b"/></testsuite>'
FAILED = (
    b'<testsuite name="s"><testcase name="a"/><testcase name="b"><failure>1 is not 2</failure></testcase></testsuite>'
)
ERRORED = b'<testsuite name="s"><testcase name="a"/><testcase name="b"><error>boom</error></testcase></testsuite>'
EMPTY = b'<testsuite name="s"></testsuite>'


@pytest.fixture(autouse=True)
def _own_media(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path


def attach(candidate, actor, content, filename="report.xml", kind="security"):
    return attach_report(candidate.pk, kind, io.BytesIO(content), filename, actor=actor)


@pytest.mark.parametrize(
    ("content", "state"), [(PASSED, "passed"), (FAILED, "failed"), (ERRORED, "errored"), (EMPTY, "inconclusive")]
)
def test_the_counts_of_a_report_give_the_verdict(release, people, content, state):
    assert attach(release.candidate, people.tester, content).state == state


def test_the_file_is_kept_with_its_digest_and_its_failures(release, people, tmp_path):
    attach(release.candidate, people.tester, FAILED, "../../etc/pass\x00wd.xml")
    evidence = Evidence.objects.get()
    assert evidence.filename == "pass\ufffdwd.xml"
    assert (evidence.size, len(evidence.sha256)) == (len(FAILED), 64)
    assert evidence.file.read() == FAILED
    assert evidence.file.path.startswith(str(tmp_path))
    assert (evidence.totals["tests"], evidence.totals["failed"]) == (2, 1)
    assert [f["name"] for f in evidence.failures] == ["b"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html></html>",
        b"not a report",
        b"<testsuite",
        b'<!DOCTYPE x [<!ENTITY a "b">]><testsuite>&a;</testsuite>',
    ],
)
def test_what_is_no_report_is_refused_at_the_field_and_leaves_nothing_behind(release, people, content, tmp_path):
    assert refused(attach, release.candidate, people.tester, content) == ["unreadable"]
    assert not Evidence.objects.exists()
    assert not Signoff.objects.filter(kind="security").exists()
    assert not any(p.is_file() for p in tmp_path.rglob("*"))


def test_a_file_over_the_limit_is_refused_before_it_is_read(release, people, settings):
    settings.EVIDENCE_MAX_BYTES = 50
    assert refused(attach, release.candidate, people.tester, PASSED) == ["unreadable"]


HOSTILE = ("empty", "entity-expansion", "external-dtd-http", "external-entity-file", "not-a-report.html", "truncated")


@pytest.mark.realdata
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused_at_the_field(release, people, shared_data, name):
    content = (shared_data / "test-reports" / "hostile" / f"{name}.xml").read_bytes()
    with pytest.raises(Refused) as refusal:
        attach(release.candidate, people.tester, content, f"{name}.xml")
    assert [b.field for b in refusal.value.blockers] == ["file"]
    assert not Evidence.objects.exists()


@pytest.mark.realdata
def test_real_reports_keep_the_totals_that_were_counted_by_hand(release, people, shared_data):
    folder = shared_data / "test-reports"
    expected = json.loads((folder / "expected.json").read_text())["files"]
    names = [n for n, totals in sorted(expected.items()) if "tests" in totals][:12]
    for name in names:
        attach(release.candidate, people.tester, (folder / name).read_bytes(), name)
        counted = {k: Evidence.objects.last().totals[k] for k in ("tests", "passed", "failed", "skipped")}
        assert counted == {k: expected[name][k] for k in counted}, name
    assert len(names) == 12


def test_a_report_after_a_signature_takes_the_signature_away(release, people):
    signoff = Signoff.objects.get(kind="functional")
    assert signoff.signed_by
    attach(release.candidate, people.tester, FAILED, kind="functional")
    signoff.refresh_from_db()
    assert (signoff.state, signoff.signed_by) == ("failed", None)


def test_a_verdict_by_hand_needs_a_statement_and_a_known_verdict(release, people):
    candidate = release.candidate.pk
    args = {"actor": people.tester}
    assert refused(report_verdict, candidate, "uat", verdict="passed", statement=" ", **args) == ["statement"]
    assert refused(report_verdict, candidate, "uat", verdict="signed_off", statement="x", **args) == ["verdict"]
    assert refused(report_verdict, candidate, "vibes", verdict="passed", statement="x", **args) == ["kind"]
    made = report_verdict(candidate, "uat", verdict="passed", statement="Ran all 14 cases.", **args)
    assert (made.state, made.summary, made.reported_by) == ("passed", "Ran all 14 cases.", people.tester)
    assert names() == ["signoff.reported"]


def test_only_a_passed_test_with_evidence_is_signed_off_and_only_by_a_person_with_the_right(release, people):
    signoff = approvals.signoff(release.candidate, "uat", "failed")
    assert refused(sign_off, signoff.pk, actor=people.tester) == ["state"]
    releases.put_in_state(signoff, "passed")
    assert refused(sign_off, signoff.pk, actor=people.tester) == ["evidence-missing"]
    approvals.evidence(signoff)
    with pytest.raises(PermissionDenied):
        sign_off(signoff.pk, actor=people.qa)
    with pytest.raises(PermissionDenied, match="never sign"):
        sign_off(signoff.pk, actor=people.bot)
    with pytest.raises(Http404):
        sign_off(signoff.pk, actor=people.outsider)
    assert names() == []
    made = sign_off(signoff.pk, actor=people.tester)
    assert (made.state, made.signed_by) == ("signed_off", people.tester)


def test_a_service_account_may_report(release, people):
    assert attach(release.candidate, people.bot, PASSED).reported_by == people.bot


def test_an_older_candidate_takes_no_verdict_and_no_signature(release, people):
    old = release.candidate
    signoff = approvals.signoff(old, "uat", "passed")
    approvals.evidence(signoff)
    releases.candidate(release)
    assert refused(attach, old, people.tester, PASSED) == ["not-current"]
    assert refused(sign_off, signoff.pk, actor=people.tester) == ["not-current"]


def test_a_new_candidate_makes_older_sign_offs_stale_and_creates_those_it_needs(release):
    new = releases.candidate(release)
    renew_signoffs(release.pk)
    renew_signoffs(release.pk)
    assert [(s.candidate, s.kind, s.state) for s in Signoff.objects.order_by("pk")] == [
        (new.release.candidates.get(number=1), "functional", "stale"),
        (new, "functional", "required"),
    ]
    assert names() == ["signoff.stale"]
    assert "rc.2 replaced it" in Signoff.objects.first().stale_because


def test_a_run_can_be_announced(release, people):
    assert start_run(release.candidate.pk, "performance", actor=people.tester).state == "running"
