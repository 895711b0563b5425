"""The API knocks at the same doors."""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone
from rest_framework.test import APIClient

from approvals.models import ApprovalRequest, Policy, Vote, Waiver
from tests.approvals.conftest import shown
from tests.approvals.test_signoffs import FAILED
from tests.factories import approvals, releases
from tests.factories.accounts import person

pytestmark = pytest.mark.django_db
BASE = "/api/v1"


@pytest.fixture(autouse=True)
def _own_media(tmp_path, settings):
    settings.MEDIA_ROOT = tmp_path


def api(user) -> APIClient:
    client = APIClient()
    client.force_authenticate(type(user).objects.get(pk=user.pk))
    return client


def codes(response) -> list[str]:
    assert response.status_code == 409, response.content
    return [b["code"] for b in response.json()["blockers"]]


def test_a_request_is_opened_read_voted_on_and_settled(release, people):
    approvals.policy()
    opened = api(people.manager).post(f"{BASE}/requests/", {"release": release.pk}, format="json")
    assert opened.status_code == 201
    asked = opened.json()
    url = f"{BASE}/requests/{asked['id']}/"
    assert asked["filled"] == [
        {
            "who": "role:qa-approver",
            "label": "QA approver",
            "need": 1,
            "missing": 1,
            "stage": 1,
            "votes": [],
            "could_help": sorted([people.qa.pk, people.qa2.pk]),
        }
    ]
    assert asked["sheet"]["scope"]["version"] == release.version
    body = {"verdict": "approve", "digest": "0" * 64}
    assert codes(api(people.qa).post(url + "vote/", body, format="json")) == ["moved"]
    voted = api(people.qa).post(url + "vote/", body | {"digest": asked["digest"]}, format="json")
    assert (voted.status_code, voted.json()["state"]) == (200, "approved")
    assert voted.json()["filled"][0]["votes"] == [Vote.objects.get().pk]


def test_a_vote_over_the_api_follows_the_same_rights(ask, people):
    request = ask()
    url = f"{BASE}/requests/{request.pk}/vote/"
    body = {"verdict": "approve", "digest": shown(request)}
    assert api(people.reader).post(url, body, format="json").status_code == 403
    assert api(people.outsider).post(url, body, format="json").status_code == 404
    assert APIClient().post(url, body, format="json").status_code in (401, 403)
    assert api(people.qa).post(url, {"verdict": "maybe"}, format="json").status_code == 400
    assert not Vote.objects.exists()


def test_questions_and_withdrawal_over_the_api(ask, people):
    request = ask()
    url = f"{BASE}/requests/{request.pk}/"
    question = api(people.qa).post(url + "ask/", {"text": "Who?"}, format="json").json()
    body = {"question": question["id"], "text": "Me."}
    assert api(people.manager).post(url + "answer/", body, format="json").json()["answer"] == "Me."
    assert (
        api(people.manager).post(url + "withdraw/", {"reason": "Wrong."}, format="json").json()["state"] == "withdrawn"
    )


def test_a_service_account_uploads_a_report_and_may_not_sign_off(release, people):
    file = SimpleUploadedFile("r.xml", FAILED)
    body = {"candidate": release.candidate_id, "kind": "uat", "file": file}
    made = api(people.bot).post(f"{BASE}/signoffs/report/", body, format="multipart").json()
    assert (made["state"], made["evidence"][0]["totals"]["failed"]) == ("failed", 1)
    releases.put_in_state(approvals.Signoff.objects.get(pk=made["id"]), "passed")
    url = f"{BASE}/signoffs/{made['id']}/sign_off/"
    assert api(people.bot).post(url).status_code == 403
    assert api(people.tester).post(url).json()["state"] == "signed_off"


def test_a_broken_report_is_refused_at_the_field(release, people):
    body = {"candidate": release.candidate_id, "kind": "uat", "file": SimpleUploadedFile("r.xml", b"<testsuite")}
    response = api(people.bot).post(f"{BASE}/signoffs/report/", body, format="multipart")
    assert codes(response) == ["unreadable"]
    assert response.json()["blockers"][0]["field"] == "file"


def test_a_verdict_by_hand_over_the_api(release, people):
    body = {"candidate": release.candidate_id, "kind": "uat", "verdict": "passed", "statement": "All 14 cases."}
    assert api(people.tester).post(f"{BASE}/signoffs/verdict/", body, format="json").json()["state"] == "passed"


def test_a_waiver_and_an_override_take_two_people(release, people):
    until = (timezone.now() + timedelta(days=1)).isoformat()
    body = {"candidate": release.candidate_id, "kind": "uat", "reason": "No rig.", "expires_at": until}
    made = api(people.tester).post(f"{BASE}/waivers/", body, format="json").json()
    url = f"{BASE}/waivers/{made['id']}/decide/"
    assert codes(api(people.tester).post(url, {"grant": True}, format="json")) == ["requester-never-counts"]
    assert api(people.reader).post(url, {"grant": True}, format="json").status_code == 403
    assert api(people.qa).post(url, {"grant": True}, format="json").json()["state"] == "granted"
    assert Waiver.objects.get().decided_by == people.qa
    body = {"release": release.pk, "freeze": releases.freeze().pk, "reason": "Now.", "expires_at": until}
    made = api(people.manager).post(f"{BASE}/overrides/", body, format="json").json()
    url = f"{BASE}/overrides/{made['id']}/decide/"
    assert codes(api(people.change_manager).post(url, {"grant": False}, format="json")) == ["comment"]
    assert api(people.change_manager).post(url, {"grant": True}, format="json").json()["state"] == "granted"


@pytest.fixture
def draft(people):
    made = api(people.rules).post(f"{BASE}/policies/", {"subject": "release"}, format="json")
    assert made.status_code == 201, made.content
    return f"{BASE}/policies/{made.json()['id']}/"


def test_a_policy_is_drafted_written_proposed_and_put_in_force_over_the_api(people, draft):
    rules = api(people.rules)
    edited = rules.patch(draft, {"mode": "all", "note": "Stricter.", "valid_from": None}, format="json").json()
    assert (edited["mode"], edited["note"], edited["state"], edited["version"]) == ("all", "Stricter.", "draft", 2)
    body = {"name": "Ours", "size_min": 3, "rules": [{"who": "role:qa-approver", "need": 2, "facets": ["scope"]}]}
    added = rules.post(draft + "rows/", body, format="json")
    assert added.status_code == 201, added.content
    url = f"{draft}rows/{added.json()['id']}/"
    changed = rules.patch(url, {"rules": [{"who": "role:cab-member", "stage": 2}]}, format="json").json()
    assert [(r["who"], r["need"], r["veto"], r["stage"]) for r in changed["rules"]] == [("role:cab-member", 1, True, 2)]
    assert changed["size_min"] == 3
    assert codes(rules.patch(url, {"rules": []}, format="json")) == ["rules-missing"]
    assert codes(rules.post(draft + "rows/", {"rules": body["rules"]}, format="json")) == ["name"]
    assert rules.patch(url, {"size_min": "many"}, format="json").status_code == 400
    assert rules.post(url + "double/", format="json").json()["name"] == "Ours (2)"
    moved = rules.post(url + "move/", {"by": -500}, format="json").json()
    assert min(moved["rows"], key=lambda row: row["position"])["name"] == "Ours"
    assert rules.delete(url).status_code == 204
    asked = rules.post(draft + "propose/", format="json")
    assert asked.status_code == 201, asked.content
    assert codes(rules.patch(draft, {"note": "Later."}, format="json")) == ["no-draft"]
    request = ApprovalRequest.objects.get(pk=asked.json()["request"])
    body = {"verdict": "approve", "digest": shown(request)}
    api(people.change_manager).post(f"{BASE}/requests/{request.pk}/vote/", body, format="json")
    assert api(people.reader).get(draft).json()["state"] == "in_force"


def test_only_rule_administrators_change_policies_over_the_api_and_strangers_see_none(people, draft):
    row = api(people.reader).get(draft).json()["rows"][0]["id"]
    knocks = [
        ("post", f"{BASE}/policies/", {"subject": "release"}),
        ("patch", draft, {"note": "Mine."}),
        ("post", draft + "rows/", {"name": "Mine", "rules": [{"who": "role:qa-approver"}]}),
        ("patch", f"{draft}rows/{row}/", {"name": "Mine"}),
        ("delete", f"{draft}rows/{row}/", None),
        ("post", f"{draft}rows/{row}/move/", {"by": 1}),
        ("post", f"{draft}rows/{row}/double/", None),
        ("post", draft + "shadow/", {"on": True}),
        ("post", draft + "propose/", None),
        ("post", draft + "discard/", {"reason": "No."}),
    ]
    for method, url, body in knocks:
        assert getattr(api(people.manager), method)(url, body, format="json").status_code == 403, url
        if url != f"{BASE}/policies/":
            assert getattr(api(people.outsider), method)(url, body, format="json").status_code == 404, url
    for url in (draft, draft + "replay/", draft + "shadow/"):
        assert api(people.reader).get(url).status_code == 200, url
        assert api(people.outsider).get(url).status_code == 404, url
    assert Policy.objects.get(version=2, subject="release").rows.filter(name="Mine").count() == 0


def test_a_policy_is_tried_and_replayed_over_the_api(people, draft):
    reader, hidden = api(people.reader), releases.product()
    facts = {"strategy": "patch", "risk": "low", "size": 2}
    tried = reader.post(draft + "try/", {"facts": facts}, format="json").json()
    assert [row["row"] for row in tried["rows"] if row["decides"]] == ["Patch release"]
    assert tried["rows"][0]["conditions"] == [{"name": "strategy", "wanted": "major", "found": "patch", "holds": False}]
    assert not reader.post(draft + "try/", {"facts": {}}, format="json").json()["is_possible"]
    release = releases.release(state="ready", strategy="minor")
    request = approvals.request(release, state="approved", decided_at=timezone.now())
    approvals.vote(request, people.qa)
    then = reader.post(draft + "try/", {"request": request.pk}, format="json").json()
    first = then["rules"][0]
    assert (first["who"], set(first["people"])) == ("role:qa-approver", {people.qa.pk, people.qa2.pk})
    live = reader.post(draft + "try/", {"live": release.pk}, format="json").json()
    assert (live["facts"]["strategy"], live["is_stored"]) == ("minor", False)
    for body in ({}, {"facts": facts, "live": release.pk}, {"facts": {"size": -1}}):
        assert reader.post(draft + "try/", body, format="json").status_code == 400, body
    local = api(person("lola", roles=["stakeholder"], on=hidden))
    assert local.post(draft + "try/", {"request": request.pk}, format="json").status_code == 404
    assert local.post(draft + "try/", {"live": release.pk}, format="json").status_code == 404
    hidden_one = {"facts": {"product": release.product_id}}
    assert local.post(draft + "try/", hidden_one, format="json").status_code == 404
    assert reader.post(draft + "try/", hidden_one, format="json").status_code == 200
    replayed = reader.get(draft + "replay/", {"last": 10}).json()
    assert (replayed["counts"]["blocked"], [row["request"] for row in replayed["rows"]]) == (1, [request.pk])
    assert local.get(draft + "replay/", {"last": 10}).json()["rows"] == []
    assert reader.get(draft + "replay/", {"last": 7}).status_code == 400
    assert api(people.rules).post(draft + "shadow/", {"on": True}, format="json").json()["is_shadow"] is True
    assert reader.get(draft + "shadow/").json()["rows"] == []
    assert api(people.rules).post(draft + "discard/", {"reason": "No."}, format="json").json()["state"] == "discarded"


@pytest.mark.parametrize("name", ["requests", "signoffs", "waivers", "overrides"])
def test_lists_show_only_what_the_reader_may_see_at_a_constant_price(people, name, django_assert_num_queries):
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    def add():
        release = releases.release(state="approving")
        approvals.vote(approvals.request(release), people.qa)
        signoff = approvals.signoff(release.candidate)
        approvals.evidence(signoff)
        approvals.waiver(signoff)
        approvals.override(releases.freeze(), release)

    add()
    client = api(people.reader)
    with CaptureQueriesContext(connection) as one:
        assert len(client.get(f"{BASE}/{name}/").json()["results"]) == 1
    add()
    add()
    client = api(people.reader)
    with django_assert_num_queries(len(one)):
        assert len(client.get(f"{BASE}/{name}/").json()["results"]) == 3
    assert api(people.outsider).get(f"{BASE}/{name}/").json()["results"] == []
