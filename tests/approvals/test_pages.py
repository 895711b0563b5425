"""The pages: what they show, whom they answer, what they keep."""

import io
import json
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals.models import ApprovalRequest, Evidence, RequiredSignoff, Signoff, Vote, Waiver
from core.models import Event
from tests.approvals.conftest import shown
from tests.approvals.test_signoffs import FAILED, PASSED
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path


def of(name, release, *more):
    return reverse(f"approvals:{name}", args=[release.product.slug, release.version, *more])


def text(response) -> str:
    return response.content.decode()


# The tab


def test_the_tab_shows_who_agreed_and_who_is_still_needed(as_, ask, release, people):
    request = ask({"qa-approver": 2, "security-approver": 1})
    approvals.vote(request, people.qa, comment="Looks right.")
    page = text(as_(people.reader).get(of("tab", release)))
    assert "Looks right." in page
    assert "1\N{NO-BREAK SPACE}of\N{NO-BREAK SPACE}2" in page
    assert "Still needed" in page
    assert people.security.name in page


def test_the_tab_before_a_request_says_which_policy_will_decide(as_, release, people):
    approvals.policy(name="The one that decides")
    page = text(as_(people.manager).get(of("tab", release)))
    assert "The one that decides" in page
    assert of("request_release", release) in page


def test_strangers_get_404_on_every_page_of_a_release(as_, release, people):
    client = as_(people.outsider)
    for name, more in [("tab", ()), ("request_release", ()), ("signoff", ("functional",)), ("override_new", ())]:
        assert client.get(of(name, release, *more)).status_code == 404, name


def test_the_tab_costs_a_constant_number_of_queries(as_, ask, release, people):
    request = ask({"qa-approver": 3 - 1})
    client = as_(people.manager)
    url = of("tab", release)
    client.get(url)

    def fill(times):
        for _ in range(times):
            approvals.vote(request, person(roles=["qa-approver"]))
            approvals.waiver(approvals.signoff(releases.candidate(release), "uat", "waived"), "refused")
            approvals.request(release, state="rejected")

    fill(1)
    with CaptureQueriesContext(connection) as one:
        assert client.get(url).status_code == 200
    fill(4)
    with CaptureQueriesContext(connection) as many:
        client.get(url)
    assert len(many) == len(one)


def test_asking_shows_what_is_missing_before_the_click_and_the_same_after_it(as_, release, people):
    approvals.policy({"qa-approver": 9})
    client = as_(people.manager)
    before = client.get(of("request_release", release))
    after = client.post(of("request_release", release))
    message = "needs" and "asks for 9 of QA approver"
    assert (before.status_code, after.status_code) == (200, 409)
    assert message in text(before)
    assert message in text(after)
    assert not ApprovalRequest.objects.exists()


def test_asking_opens_the_request_and_comes_back_to_the_tab(as_, release, people):
    approvals.policy()
    response = as_(people.manager).post(of("request_release", release))
    assert response.url == of("tab", release)
    assert ApprovalRequest.objects.get().requester == people.manager


def test_who_may_not_ask_is_told_who_may(as_, release, people):
    assert as_(people.qa).get(of("request_release", release)).status_code == 403


def test_a_change_is_asked_for_on_its_own_page(as_, people):
    approvals.policy({"change-manager": 1}, subject="change")
    change = releases.change(releases.product(), state="assessing", assessed_by=people.qa, backout="Undo it.")
    url = reverse("approvals:request_change", args=[change.product.slug, change.key])
    client = as_(people.manager)
    assert client.get(url).status_code == 200
    client.post(url)
    change.refresh_from_db()
    assert change.state == "authorising"


# Deciding


def test_the_sheet_says_what_the_click_does(as_, ask, release, people):
    request = ask({"qa-approver": 1, "security-approver": 1})
    url = reverse("approvals:approve", args=[request.pk])
    page = text(as_(people.qa).get(url))
    assert "1 Security approver is still needed. Nothing moves yet." in page
    assert shown(request) in page
    approvals.vote(request, people.security, "security-approver")
    page = text(as_(people.qa).get(url))
    assert f"completes the quorum: {release} becomes ready. Nothing ships until somebody starts the deployment." in page


def test_who_cannot_decide_is_told_why_and_may_still_ask(as_, ask, people):
    request = ask()
    page = text(as_(people.manager).get(reverse("approvals:approve", args=[request.pk])))
    assert "You asked for this approval, so your vote does not count." in page
    assert 'formaction="' + reverse("approvals:approve", args=[request.pk]) not in page
    assert 'formaction="' + reverse("approvals:ask", args=[request.pk]) in page


def decide(client, request, how, digest=None, comment="", **headers):
    data = {"digest": digest or shown(request), "comment": comment}
    return client.post(reverse(f"approvals:{how}", args=[request.pk]), data, **headers)


def test_approving_by_a_plain_form_goes_back_to_the_inbox_with_what_came_of_it(as_, ask, release, people):
    request = ask()
    response = decide(as_(people.qa), request, "approve")
    assert response.status_code == 302
    release.refresh_from_db()
    assert release.state == "ready"


HTMX = {"HX-Request": "true", "HX-Target": "detail"}


def test_approving_the_last_one_by_htmx_answers_with_what_came_of_it(as_, ask, people):
    request = ask()
    response = decide(as_(people.qa), request, "approve", headers=HTMX)
    assert response.status_code == 200
    assert "The quorum is complete" in text(response)
    assert json.loads(response["HX-Trigger"]) == {"inbox-changed": {"decided": request.pk}}
    assert "<html" not in text(response)


def test_approving_by_htmx_brings_the_next_sheet_of_the_filtered_list_at_once(as_, people):
    now, product = timezone.now(), releases.product()
    first, middle, last = (
        approvals.request(
            releases.change(product, state="authorising", risk=risk),
            {"qa-approver": 2},
            due_at=now + timedelta(days=day),
        )
        for day, risk in ((1, "low"), (2, "high"), (3, "low"))
    )
    url = reverse("approvals:approve", args=[first.pk])
    sent = {"digest": shown(first), "list": "risk=low&group=due&page=7&next=//evil.example"}
    response = as_(people.qa).post(url, sent, headers=HTMX)
    page = text(response)
    assert Vote.objects.get().request == first
    assert response["HX-Push-Url"] == reverse("portal:inbox_item", args=[last.pk]) + "?risk=low&group=due"
    assert f"Approved: {first.subject}" in page
    assert "Take it back" in page
    assert shown(last) in page
    assert str(middle.subject) not in page
    assert 'name="list" value="risk=low&amp;group=due"' in page


def test_without_script_an_approval_leads_to_the_next_sheet_and_the_last_one_to_the_inbox(as_, people):
    product = releases.product()
    first, second = (
        approvals.request(releases.change(product, state="authorising"), {"qa-approver": 2}) for _ in range(2)
    )
    client = as_(people.qa)
    assert decide(client, first, "approve").url == reverse("portal:inbox_item", args=[second.pk])
    assert decide(client, second, "approve").url == reverse("portal:inbox")


def test_no_get_no_head_and_no_prefetch_of_any_address_of_a_decision_decides(as_, ask, people):
    request = ask({"qa-approver": 2})
    vote = approvals.vote(request, people.qa2)
    question = request.questions.create(asked_by=people.qa, text="Why?")
    addresses = [reverse(f"approvals:{how}", args=[request.pk]) for how in ("approve", "reject", "ask", "withdraw")]
    addresses += [reverse("approvals:bulk") + f"?pick={request.pk}&digest-{request.pk}={shown(request)}"]
    addresses += [reverse("approvals:revoke", args=[vote.pk]), reverse("approvals:answer", args=[question.pk])]
    addresses += [reverse("portal:inbox_item", args=[request.pk])]
    before = Event.objects.count()
    shown_to = {"digest": shown(request), "comment": "x", "reason": "x", "text": "x", "verdict": "approve"}
    for user in (people.qa, people.qa2, people.manager):
        client = as_(user)
        for url in addresses:
            assert client.get(url, shown_to).status_code in (200, 403, 405), url
            assert client.head(url, shown_to).status_code in (200, 403, 405), url
    for url in addresses:
        answer = as_(people.qa).get(url, shown_to, headers={"Sec-Purpose": "prefetch"})
        assert answer.status_code in (200, 403, 405), url
    request.refresh_from_db()
    vote.refresh_from_db()
    question.refresh_from_db()
    assert (request.state, vote.state, question.answer) == ("pending", "cast", "")
    assert Vote.objects.count() == 1
    assert Event.objects.count() == before


@pytest.mark.parametrize("htmx", [True, False])
def test_a_sheet_that_moved_is_refused_with_the_difference_and_keeps_the_comment(as_, ask, release, people, htmx):
    request = ask()
    digest = shown(request)
    release.refresh_from_db()
    release.objective = "Refunds within an hour"
    release.save()
    headers = {"headers": {"HX-Request": "true"}} if htmx else {}
    response = decide(as_(people.qa), request, "approve", digest, "I checked the plan.", **headers)
    page = text(response)
    assert response.status_code == 409
    assert "It changed while you were deciding" in page
    assert "<del>Make it better.</del>" in page
    assert "<ins>Refunds within an hour</ins>" in page
    assert "I checked the plan." in page
    assert shown(request) in page
    assert not Vote.objects.exists()


def test_a_rejection_without_a_comment_is_refused_at_the_field(as_, ask, people):
    request = ask()
    response = decide(as_(people.qa), request, "reject")
    assert response.status_code == 422
    assert "Say why you reject it" in text(response)
    assert not Vote.objects.exists()


def test_a_vote_that_went_stale_shows_what_changed_since(as_, ask, release, people):
    from approvals.actions import cast_vote, refresh

    request = ask({"qa-approver": {"need": 2}})
    cast_vote(request.pk, actor=people.qa, verdict="approve", digest=shown(request))
    release.refresh_from_db()
    release.window_ends_at += timedelta(hours=1)
    release.save()
    refresh(request.pk, editor=people.manager)
    page = text(as_(people.qa).get(reverse("approvals:approve", args=[request.pk])))
    assert "Needs you again" in page
    assert f"Window changed, edited by {people.manager.name}." in page
    assert "Window ends" in page


def test_a_question_is_asked_and_answered_on_the_sheet(as_, ask, people):
    request = ask()
    decide(as_(people.qa), request, "ask", comment="Who restores the keys?")
    page = text(as_(people.manager).get(reverse("approvals:approve", args=[request.pk])))
    assert "Who restores the keys?" in page
    question = request.questions.get()
    url = reverse("approvals:answer", args=[question.pk])
    assert as_(people.manager).post(url, {"text": ""}).status_code == 422
    as_(people.manager).post(url, {"text": "The lead on call."})
    question.refresh_from_db()
    assert question.answer == "The lead on call."


def test_a_decision_out_of_sight_is_404_and_get_never_decides(as_, ask, people):
    request = ask()
    url = reverse("approvals:approve", args=[request.pk])
    assert as_(people.outsider).get(url).status_code == 404
    assert as_(people.outsider).post(url).status_code == 404
    as_(people.qa).get(url)
    assert not Vote.objects.exists()


def test_a_vote_is_taken_back_with_a_reason(as_, ask, people):
    request = ask({"qa-approver": 2})
    vote = approvals.vote(request, people.qa)
    url = reverse("approvals:revoke", args=[vote.pk])
    client = as_(people.qa)
    assert client.get(url).status_code == 200
    assert client.post(url, {"reason": ""}).status_code == 422
    client.post(url, {"reason": "The wrong build."})
    vote.refresh_from_db()
    assert (vote.state, vote.ended_because) == ("revoked", "The wrong build.")


def test_a_request_is_withdrawn_with_a_reason(as_, ask, people):
    request = ask()
    url = reverse("approvals:withdraw", args=[request.pk])
    assert as_(people.qa).get(url).status_code == 403
    as_(people.manager).post(url, {"reason": "Wrong version."})
    request.refresh_from_db()
    assert request.state == "withdrawn"


def test_texts_from_outside_are_escaped(as_, ask, release, people):
    request = ask()
    release.changes.update(title="<script>alert(1)</script>")
    decide(as_(people.qa), request, "ask", comment="<img src=x onerror=alert(1)>")
    page = text(as_(people.qa).get(reverse("approvals:approve", args=[request.pk])))
    assert "<script>alert(1)" not in page
    assert "<img src=x" not in page


# Sign-offs


def upload(content, name="junit.xml"):
    return SimpleUploadedFile(name, content, content_type="text/xml")


def test_a_report_is_uploaded_read_and_shown_with_its_failures(as_, release, people):
    url = of("signoff", release, "security")
    client = as_(people.tester)
    response = client.post(
        url, {"do": "report", "candidate": release.candidate_id, "file": upload(FAILED)}, follow=True
    )
    page = text(response)
    assert response.status_code == 200
    assert "1 of 2 tests passed, 1 failed." in page
    assert "1 is not 2" in page
    assert "junit.xml" in page


def test_a_broken_report_is_refused_at_the_field(as_, release, people):
    url = of("signoff", release, "security")
    response = as_(people.tester).post(
        url, {"do": "report", "candidate": release.candidate_id, "file": upload(b"<testsuite")}
    )
    assert response.status_code == 422
    assert 'id="id_file_error"' in text(response)
    assert not Evidence.objects.exists()


def test_a_report_over_the_limit_is_refused_at_the_field(as_, release, people, settings):
    settings.EVIDENCE_MAX_BYTES = 100
    url = of("signoff", release, "security")
    response = as_(people.tester).post(url, {"do": "report", "file": upload(PASSED + b" " * 100)})
    assert response.status_code == 422
    assert "is larger than" in text(response)


def test_a_verdict_meant_for_an_older_candidate_does_not_slip_to_the_new_one(as_, release, people):
    old = release.candidate_id
    releases.candidate(release)
    url = of("signoff", release, "uat")
    data = {"do": "verdict", "candidate": old, "verdict": "passed", "statement": "All good."}
    response = as_(people.tester).post(url, data)
    assert response.status_code == 422
    assert "not the current candidate" in text(response)
    assert "All good." in text(response)
    assert not Signoff.objects.filter(kind="uat").exists()


def test_a_tester_signs_off_on_the_page_and_a_reader_cannot(as_, release, people):
    signoff = approvals.signoff(release.candidate, "uat", "passed")
    approvals.evidence(signoff)
    url = of("signoff", release, "uat")
    assert "Only a Tester may do this." in text(as_(people.reader).get(url))
    assert as_(people.reader).post(url, {"do": "sign"}).status_code == 403
    assert as_(people.tester).post(url, {"do": "sign", "candidate": release.candidate_id}).status_code == 302
    signoff.refresh_from_db()
    assert signoff.signed_by == people.tester


def test_evidence_is_handed_out_only_to_who_may_see_it_and_never_shown_inline(as_, release, people):
    from approvals.actions import attach_report

    attach_report(release.candidate.pk, "uat", io.BytesIO(PASSED), "r.html", actor=people.tester)
    url = reverse("approvals:evidence", args=[Evidence.objects.get().pk])
    response = as_(people.reader).get(url)
    assert response["Content-Disposition"] == 'attachment; filename="r.html"'
    assert response["Content-Type"] == "application/octet-stream"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert b"".join(response.streaming_content) == PASSED
    assert as_(people.outsider).get(url).status_code == 404


def test_a_waiver_is_requested_on_the_page_of_the_test_and_decided_on_its_own(as_, release, people):
    until = timezone.now() + timedelta(days=1)
    data = {
        "do": "waiver",
        "candidate": release.candidate_id,
        "reason": "No rig.",
        "expires_at": f"{until:%Y-%m-%dT%H:%M}",
    }
    url = of("signoff", release, "performance")
    assert as_(people.tester).post(url, data | {"expires_at": "2001-01-01T00:00"}).status_code == 422
    as_(people.tester).post(url, data)
    waiver = Waiver.objects.get()
    page = reverse("approvals:waiver", args=[waiver.pk])
    assert "You asked for this approval, so your vote does not count." in text(as_(people.tester).get(page))
    assert as_(people.qa).post(page, {"decision": "refuse", "comment": ""}).status_code == 422
    as_(people.qa).post(page, {"decision": "grant"})
    waiver.refresh_from_db()
    assert (waiver.state, waiver.decided_by) == ("granted", people.qa)


def test_an_override_is_asked_for_and_granted(as_, release, people):
    freeze = releases.freeze()
    url = of("override_new", release)
    client = as_(people.manager)
    assert freeze.name in text(client.get(url))
    until = timezone.now() + timedelta(days=1)
    client.post(url, {"freeze": freeze.pk, "reason": "Refunds are down.", "expires_at": f"{until:%Y-%m-%dT%H:%M}"})
    override = release.freeze_overrides.get()
    as_(people.change_manager).post(reverse("approvals:override", args=[override.pk]), {"decision": "grant"})
    override.refresh_from_db()
    assert override.state == "granted"
    assert freeze.name in text(as_(people.reader).get(of("tab", release)))


# Rules


def test_everybody_reads_the_required_tests_and_only_rule_administrators_set_them(as_, people):
    url = reverse("approvals:required_signoffs")
    for reader, may in ((people.reader, False), (people.rules, True)):
        page = as_(reader).get(url)
        assert page.status_code == 200
        assert ("Save the required tests" in text(page)) is may
    assert as_(people.manager).post(url, {"patch": ["uat"]}).status_code == 403
    assert as_(people.outsider).get(url).status_code == 404


def test_required_tests_are_set_in_the_browser(as_, people):
    product = releases.product()
    url = reverse("approvals:required_signoffs") + f"?product={product.slug}"
    as_(people.rules).post(url, {"patch": ["uat"], "major": []})
    assert list(RequiredSignoff.objects.filter(product=product).values_list("strategy", "kind")) == [("patch", "uat")]
