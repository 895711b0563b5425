"""Doors of test sign-offs: verdicts by hand and by report, the signature, and what a new candidate does to them."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import BinaryIO

from django.conf import settings
from django.core.files.base import ContentFile
from django.utils import timezone

from accounts import policy
from accounts.actions import system_user
from accounts.models import User
from approvals import matching, test_reports
from approvals.actions import parts
from approvals.actions.lapse import end_waiver
from approvals.models import Evidence, Signoff
from approvals.states import SignoffKind, SignoffState
from core import wording
from core.blockers import refuse
from core.events import record
from releases.models import Candidate

RIGHT = "releases.sign_off_tests"
STEP_OF = {
    SignoffState.PASSED: "pass_",
    SignoffState.FAILED: "fail",
    SignoffState.ERRORED: "error",
    SignoffState.INCONCLUSIVE: "leave_open",
}


def report_verdict(candidate_id: int, kind: str, *, actor: User, verdict: str, statement: str) -> Signoff:
    """Report what a test by hand gave: passed, failed, errored or inconclusive, with what was done and seen.

    Raises Candidate.DoesNotExist, Http404/PermissionDenied, or Refused at the field that does not fit.
    """
    with locked_signoff(candidate_id, kind, actor) as signoff:
        if verdict not in STEP_OF:
            refuse("verdict", "Choose passed, failed, errored or inconclusive.", field="verdict")
        statement = parts.needs_text(statement, "Write down what was done and what was seen.", "statement")
        Evidence.objects.create(signoff=signoff, statement=statement, added_by=actor)
        _report(signoff, SignoffState(verdict), statement, actor)
    return signoff


def attach_report(candidate_id: int, kind: str, file: BinaryIO, filename: str, *, actor: User) -> Signoff:
    """Attach a test report (JUnit XML and its kin): its counts give the verdict. A failure never passes, nor does an error.

    The file is parsed before any lock is taken, and kept with its SHA-256. Raises Candidate.DoesNotExist,
    Http404/PermissionDenied, or Refused at the field "file" for what is too large, broken, hostile or no report.
    """
    candidate = Candidate.objects.select_related("release__product").get(pk=candidate_id)
    policy.require(actor, RIGHT, candidate)  # before a large file is read for somebody who may not bring it
    report, content = _read(file, filename)
    stored = None
    try:
        with locked_signoff(candidate_id, kind, actor) as signoff:
            evidence = _keep(signoff, report, content, filename, actor)
            stored = evidence.file
            _report(signoff, verdict_of(report), summary_of(report), actor, evidence.sha256)
    except BaseException:
        if stored:
            stored.storage.delete(stored.name)  # nothing half-written: the row is rolled back, so is the file
        raise
    return signoff


def _read(file: BinaryIO, filename: str) -> tuple[test_reports.Report, bytes]:
    try:
        report = test_reports.read(file, filename, settings.EVIDENCE_MAX_BYTES)
    except test_reports.UnreadableReport as error:
        refuse("unreadable", str(error), field="file")
    file.seek(0)
    return report, file.read(settings.EVIDENCE_MAX_BYTES + 1)


def _keep(signoff: Signoff, report: test_reports.Report, content: bytes, filename: str, actor: User) -> Evidence:
    sha256 = hashlib.sha256(content).hexdigest()
    shown = test_reports.report.plain(PurePath(filename.replace("\\", "/")).name or "report", 200)
    return Evidence.objects.create(
        signoff=signoff,
        file=ContentFile(content, name=f"{sha256}.report"),
        filename=shown,
        sha256=sha256,
        size=len(content),
        totals={
            "format": report.format,
            "suites": report.suites,
            "tests": report.tests,
            "passed": report.passed,
            "failed": report.failed,
            "errors": report.errors + report.suite_errors,
            "skipped": report.skipped,
            "duration_s": report.duration_s,
        },
        failures=[
            {"name": c.name, "suite": c.suite, "outcome": c.outcome, "message": c.message} for c in report.cases_failed
        ],
        added_by=actor,
    )


def verdict_of(report: test_reports.Report) -> SignoffState:
    """Failed beats errored beats passed; a report in which nothing passed proves nothing."""
    if report.failed:
        return SignoffState.FAILED
    if report.errors or report.suite_errors:
        return SignoffState.ERRORED
    return SignoffState.PASSED if report.clean else SignoffState.INCONCLUSIVE


def summary_of(report: test_reports.Report) -> str:
    counts = [f"{report.passed} of {wording.plural(report.tests, 'test')} passed"]
    errors = report.errors + report.suite_errors
    counts += [f"{report.failed} failed"] if report.failed else []
    counts += [f"{errors} in error"] if errors else []
    counts += [f"{report.skipped} skipped"] if report.skipped else []
    return ", ".join(counts) + "."


def _report(signoff: Signoff, verdict: SignoffState, summary: str, actor: User, sha256: str = "") -> None:
    if signoff.state == SignoffState.WAIVED:  # a real result ends the exemption from one
        for waiver in signoff.waivers.granted():
            waiver.signoff = signoff
            end_waiver(waiver, actor)
    getattr(signoff, STEP_OF[verdict])()
    signoff.summary, signoff.reported_by, signoff.reported_at = summary, actor, timezone.now()
    signoff.save()
    record("signoff.reported", signoff, actor=actor, kind=signoff.kind, verdict=verdict, summary=summary, sha256=sha256)


def start_run(candidate_id: int, kind: str, *, actor: User) -> Signoff:
    """Say that the tests of a kind are running now."""
    with locked_signoff(candidate_id, kind, actor) as signoff:
        signoff.run()
        signoff.save()
        record("signoff.started", signoff, actor=actor, kind=kind)
    return signoff


@contextmanager
def locked_signoff(candidate_id: int, kind: str, actor: User, right: str = RIGHT) -> Iterator[Signoff]:
    """Lock the release, then the sign-off of a kind for its current candidate, made where there is none yet."""
    release_id = Candidate.objects.values_list("release_id", flat=True).get(pk=candidate_id)
    with parts.locked_release(release_id) as release:
        policy.require(actor, right, release)
        if kind not in SignoffKind.values:
            refuse("kind", "There is no such kind of test.", field="kind")
        if release.candidate_id != candidate_id:
            now = f"{release.candidate.short} is the current one" if release.candidate else "there is none now"
            refuse(
                "not-current",
                f"This is not the current candidate; {now}.",
                url=release.get_absolute_url(),
                fix="Open the release",
            )
        Signoff.objects.get_or_create(candidate_id=candidate_id, kind=kind)
        signoff = Signoff.objects.select_for_update(of=("self",), no_key=True).get(candidate_id=candidate_id, kind=kind)
        signoff.candidate = release.candidate
        signoff.candidate.release = release
        yield signoff


def sign_off(signoff_id: int, *, actor: User) -> Signoff:
    """Put one's name under a passed test of the current candidate. Never a service account.

    Raises Signoff.DoesNotExist, Http404/PermissionDenied, or Refused with every blocker.
    """
    release_id = Signoff.objects.values_list("candidate__release_id", flat=True).get(pk=signoff_id)
    with parts.locked_release(release_id):
        signoff = (
            Signoff.objects.select_for_update(of=("self",), no_key=True).select_related("candidate").get(pk=signoff_id)
        )
        policy.require(actor, RIGHT, signoff)
        policy.require_person(actor)
        signoff.sign_off()
        signoff.signed_by = actor
        signoff.save()
        record("signoff.signed_off", signoff, actor=actor, kind=signoff.kind, candidate=signoff.candidate.version)
    return signoff


def renew_signoffs(release_id: int) -> None:
    """Make the sign-offs of older candidates stale and create those that the current one needs. Harmless to repeat."""
    with parts.locked_release(release_id) as release:
        older = Signoff.objects.filter(candidate__release=release).exclude(candidate=release.candidate)
        for signoff in older.exclude(state=SignoffState.STALE).select_for_update(of=("self",), no_key=True):
            now = (
                f"{release.candidate.version} replaced it" if release.candidate else "the release has no candidate now"
            )
            signoff.make_stale(reason=f"{signoff.candidate.version} is not the current candidate: {now}.")
            signoff.save()
            record("signoff.stale", signoff, actor=system_user(), kind=signoff.kind, because=signoff.stale_because)
        if release.candidate:
            for kind in matching.required_kinds(release):
                Signoff.objects.get_or_create(candidate=release.candidate, kind=kind)
