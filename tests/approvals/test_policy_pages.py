"""The pages of the policies: written, tried, compared and proposed without a line of script."""

from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from approvals import matching, trial, versions
from approvals.actions import cast_vote, draft_policy, propose_policy, save_row, set_shadow
from approvals.models import ApprovalRequest, Policy, PolicyRow, Rule
from tests.approvals.conftest import shown
from tests.factories import approvals, releases
from tests.factories.accounts import absence, hold, person, team

pytestmark = pytest.mark.django_db

PAGES = ("policy", "policy_compare", "policy_try", "policy_replay", "policy_shadow")
FOR_EDITORS = ("policy_edit", "policy_propose", "policy_discard", "policy_row_new")


@pytest.fixture
def draft(people):
    return draft_policy("release", actor=people.rules)


def at(name: str, *args) -> str:
    return reverse(f"approvals:{name}", args=args)


def text(response) -> str:
    return response.content.decode()


def rules_data(*rules: dict) -> dict:
    """What a browser posts for the set of rules."""
    data = {"rules-TOTAL_FORMS": len(rules), "rules-INITIAL_FORMS": 0}
    for i, rule in enumerate(rules):
        data |= {f"rules-{i}-{name}": value for name, value in ({"need": 1, "stage": 1} | rule).items()}
    return data


ROW = {"name": "Ours", "deadline_hours": 24, "clock": "working", "afterwards_hours": 72}
QA = {"roles": ["role:qa-approver"]}


# Who may


def test_everybody_who_takes_part_reads_every_page_and_strangers_find_none(as_, people, draft):
    addresses = [at("policies"), at("policy_history", "release"), *(at(name, draft.pk) for name in PAGES)]
    for url in addresses:
        page = as_(people.reader).get(url)
        assert page.status_code == 200, url
        assert "Begin a draft" not in text(page)
        assert as_(people.outsider).get(url).status_code == 404, url
    assert as_(people.reader).get(at("policy", 10**6)).status_code == 404
    assert as_(people.reader).get(at("policy_history", "train")).status_code == 404


def test_only_rule_administrators_reach_the_forms(as_, people, draft):
    row = draft.rows.first()
    pages = [*(at(name, draft.pk) for name in FOR_EDITORS), at("policy_row", draft.pk, row.pk)]
    for url in pages:
        assert as_(people.rules).get(url).status_code == 200, url
        assert as_(people.manager).get(url).status_code == 403, url
        assert as_(people.outsider).get(url).status_code == 404, url
        assert as_(people.manager).post(url, ROW).status_code == 403, url
    for url in (at("policy_draft"), at("policy_row_step", draft.pk, row.pk, "remove"), at("policy_shadow", draft.pk)):
        assert as_(people.manager).post(url, {"subject": "release"}).status_code == 403, url
    assert Policy.objects.filter(subject="release").count() == 2
    assert draft.rows.filter(pk=row.pk).exists()


# The list


def test_the_list_shows_what_is_in_force_in_words_and_the_drafts_beside_it(as_, people, draft):
    approvals.policy({"qa-approver": 2, "security-approver": {"stage": 2, "veto": False}}, name="Big", size_min=20)
    page = text(as_(people.rules).get(at("policies")))
    for words in ("Big", "at least 20 changes", "2 of QA approver", "1 of Security approver, stage 2", "no veto"):
        assert words in page, words
    assert f'<a href="{draft.get_absolute_url()}">Version 2</a>' in page
    assert page.count("Begin a draft") == 7


def test_which_rules_held_on_a_day_is_answered_for_any_day(as_, people):
    first = Policy.objects.in_force().get(subject="release")
    turn = datetime(2026, 3, 3, 12, tzinfo=UTC)
    Policy.objects.filter(pk=first.pk).update(
        state="retired", valid_from=datetime(2026, 2, 1, tzinfo=UTC), valid_until=turn
    )
    second = Policy.objects.create(subject="release", version=2, state="in_force", valid_from=turn)
    PolicyRow.objects.create(policy=second, name="Since March")
    client = as_(people.reader)
    before = text(client.get(at("policies"), {"on": "2026-03-02"}))
    assert "Minor release" in before
    assert "Since March" not in before
    both = text(client.get(at("policies"), {"on": "2026-03-03"}))
    assert "Minor release" in both
    assert "Since March" in both
    assert "Minor release" not in text(client.get(at("policies"), {"on": "2026-03-04"}))
    assert "No policy held on that day" in text(client.get(at("policies"), {"on": "2001-01-01"}))
    assert client.get(at("policies"), {"on": "the ides of March"}).status_code == 422


def test_the_history_names_since_when_and_until_when_each_version_held(as_, people, draft):
    approved = propose_policy(draft.pk, actor=people.rules)
    cast_vote(approved.pk, actor=people.change_manager, verdict="approve", digest=shown(approved))
    page = text(as_(people.reader).get(at("policy_history", "release")))
    assert page.index("Version 2") < page.index("Version 1")
    assert "In force" in page
    assert " until " in page
    assert "from version 1" in page


def test_a_draft_is_begun_from_any_version_with_a_click(as_, people):
    client = as_(people.rules)
    old = Policy.objects.in_force().get(subject="waiver")
    made = client.post(at("policy_draft"), {"subject": "waiver", "based_on": old.pk})
    draft = Policy.objects.get(subject="waiver", version=2)
    assert made.headers["Location"] == draft.get_absolute_url()
    assert draft.based_on == old
    assert client.post(at("policy_draft"), {"subject": "waiver", "based_on": 10**6}).status_code == 404


# Writing a draft


def test_a_draft_is_edited_as_a_whole_and_keeps_what_was_typed_when_it_does_not_fit(as_, people, draft):
    client, url = as_(people.rules), at("policy_edit", draft.pk)
    wrong = client.post(url, {"mode": "sometimes", "note": "Because of the audit."})
    assert wrong.status_code == 422
    assert "Because of the audit." in text(wrong)
    client.post(url, {"mode": "all", "note": "Because of the audit.", "valid_from": "2027-01-01T08:00"})
    draft.refresh_from_db()
    assert (draft.mode, draft.note, draft.valid_from.year) == ("all", "Because of the audit.", 2027)
    client.post(url, {"mode": "all", "note": "", "valid_from": ""})
    draft.refresh_from_db()
    assert draft.valid_from is None


def test_a_row_with_every_condition_and_any_mix_of_people_is_written_in_the_browser(as_, people, draft):
    product, owners = releases.product(), team("Owners", slug="owners")
    data = ROW | {
        "product": product.pk,
        "strategies": ["major", "minor"],
        "risk_bands": ["high"],
        "tiers": ["production"],
        "size_min": 2,
        "size_max": 9,
        "in_freeze": "yes",
        "emergency": "no",
        "valid_from": "2026-01-01",
        "valid_until": "2026-12-31",
        "allow_bulk": "on",
        "count_author": "on",
        "afterwards": "Minor release",
    }
    rule = {"roles": ["role:qa-approver"], "teams": ["team:owners"], "persons": [f"person:{people.qa.pk}"]}
    first = rule | {"need": 2, "stage": 2, "facets": ["scope", "risk"], "deadline_hours": 8}
    answer = as_(people.rules).post(
        at("policy_row_new", draft.pk), data | rules_data(first, {}, QA | {"veto": "on"}, QA | {"DELETE": "on"})
    )
    row = draft.rows.get(name="Ours")
    assert answer.headers["Location"] == f"{draft.get_absolute_url()}#row-{row.pk}"
    assert (row.product, row.strategies, row.risk_bands, row.tiers) == (
        product, ["major", "minor"], ["high"], ["production"],
    )  # fmt: skip
    assert (row.size_min, row.size_max, row.in_freeze, row.emergency) == (2, 9, True, False)
    assert (str(row.valid_from), str(row.valid_until)) == ("2026-01-01", "2026-12-31")
    assert (row.allow_bulk, row.count_requester, row.count_author, row.clock) == (True, False, True, "working")
    assert row.afterwards == "Minor release"
    assert [(r.who, r.need, r.stage, r.veto, r.facets, r.deadline_hours) for r in row.rules.all()] == [
        ("role:qa-approver", 1, 1, True, [], None),
        (f"person:{people.qa.pk},role:qa-approver,team:{owners.slug}", 2, 2, False, ["risk", "scope"], 8),
    ]


def test_the_form_of_a_row_starts_with_what_it_says_and_saves_it_unchanged(as_, people, draft):
    row = save_row(
        draft.pk, actor=people.rules, name="Frozen", in_freeze=True, emergency=False, size_min=3,
        rules=[{"who": "role:qa-approver", "need": 2, "facets": ["scope"]}, {"who": "role:cab-member", "stage": 2}],
    )  # fmt: skip
    client, url = as_(people.rules), at("policy_row", draft.pk, row.pk)
    posted, before = typed(text(client.get(url))), _said(row)
    assert (posted["rules-0-need"], posted["size_min"], posted["in_freeze"]) == (["2"], ["3"], ["yes"])
    answer = client.post(url, posted)
    assert answer.status_code == 302
    row = PolicyRow.objects.get(pk=row.pk)
    assert _said(row) == before


class Typed(HTMLParser):
    """What a browser would post of a page's forms as they stand."""

    def __init__(self):
        super().__init__()
        self.found, self.within = {}, ""

    def handle_starttag(self, tag, attrs):
        it = dict(attrs)
        if tag == "select":
            self.within = it.get("name", "")
        elif tag == "option" and "selected" in it and self.within:
            self.found.setdefault(self.within, []).append(it.get("value", ""))
        elif tag == "input" and it.get("name") and (it.get("type") not in ("checkbox", "radio") or "checked" in it):
            self.found.setdefault(it["name"], []).append(it.get("value", "on" if "checked" in it else ""))


def typed(page: str) -> dict[str, list[str]]:
    parser = Typed()
    parser.feed(page)
    return parser.found


def _said(row: PolicyRow) -> tuple:
    rules = [(r.who, r.need, r.veto, r.stage, r.facets, r.deadline_hours) for r in row.rules.all()]
    return row.name, row.when, row.deadline_hours, row.clock, row.allow_bulk, rules


def test_a_row_without_a_rule_is_refused_and_keeps_what_was_typed(as_, people, draft):
    response = as_(people.rules).post(at("policy_row_new", draft.pk), ROW | rules_data({}))
    assert response.status_code == 422
    assert "A row needs at least one rule." in text(response)
    assert 'value="Ours"' in text(response)
    assert not draft.rows.filter(name="Ours").exists()


def test_a_number_of_people_out_of_reach_is_shown_at_its_rule(as_, people, draft):
    response = as_(people.rules).post(at("policy_row_new", draft.pk), ROW | rules_data(QA | {"need": 51}))
    assert response.status_code == 422
    assert 'id="id_rules-0-need_error"' in text(response)


def test_one_more_rule_is_added_without_script_and_without_saving(as_, people, draft):
    data = ROW | rules_data(QA | {"need": 3}) | {"do": "more"}
    response = as_(people.rules).post(at("policy_row_new", draft.pk), data)
    assert response.status_code == 200
    assert 'name="rules-1-need"' in text(response)
    assert 'value="3"' in text(response)
    assert not draft.rows.filter(name="Ours").exists()


def test_a_kind_of_subject_is_not_asked_for_what_it_never_has(as_, people):
    page = text(as_(people.rules).get(at("policy_row_new", draft_policy("policy", actor=people.rules).pk)))
    assert "Rows from" in page
    for name in ("strategies", "product", "in_freeze", "change_types"):
        assert f'name="{name}"' not in page, name


def test_rows_are_moved_copied_and_removed_by_buttons(as_, people, draft):
    client = as_(people.rules)

    def order():
        return [r.name for r in matching.in_order(draft.rows.all())]

    def press(name, row_name):
        row = draft.rows.get(name=row_name)
        assert client.post(at("policy_row_step", draft.pk, row.pk, name)).status_code == 302

    press("later", "Major release")
    assert order()[:2] == ["Minor release", "Major release"]
    press("earlier", "Major release")
    press("double", "Major release")
    assert order()[:2] == ["Major release", "Major release (2)"]
    press("remove", "Major release")
    assert "Major release" not in order()
    elsewhere = Policy.objects.in_force().get(subject="change").rows.first()
    assert client.post(at("policy_row_step", draft.pk, elsewhere.pk, "remove")).status_code == 404


# Comparing and proposing


def test_a_draft_is_compared_with_what_is_in_force_or_any_other_version(as_, people, draft):
    save_row(draft.pk, actor=people.rules, name="Strict", rules=[{"who": "role:qa-approver", "need": 4}])
    client = as_(people.reader)
    page = text(client.get(at("policy_compare", draft.pk)))
    assert "from version 1 to version 2" in page
    assert "asks 4 of QA approver" in page
    same = draft_policy("release", actor=people.rules, based_on=draft.pk)
    assert "Both say the same." in text(client.get(at("policy_compare", same.pk), {"with": draft.pk}))
    other = Policy.objects.in_force().get(subject="change")
    assert client.get(at("policy_compare", draft.pk), {"with": other.pk}).status_code == 404
    assert client.get(at("policy_compare", draft.pk), {"with": "x"}).status_code == 404


def test_proposing_shows_who_decides_and_then_asks_them(as_, people, draft):
    client = as_(people.rules)
    page = text(client.get(at("policy_propose", draft.pk)))
    assert "1 of Change manager" in page
    assert people.change_manager.name in page
    asked = client.post(at("policy_propose", draft.pk))
    request = ApprovalRequest.objects.get(kind="policy")
    assert asked.headers["Location"] == request.get_absolute_url()
    status = text(client.get(draft.get_absolute_url()))
    assert f'href="{request.get_absolute_url()}"' in status
    assert "Proposed" in status


def test_a_proposal_that_nobody_can_decide_says_so_before_and_after_the_click(as_, people, draft):
    people.change_manager.is_active = False
    people.change_manager.save()
    client = as_(people.rules)
    page = text(client.get(at("policy_propose", draft.pk)))
    assert "nobody could give that" in page
    assert 'aria-disabled="true"' in page
    answer = client.post(at("policy_propose", draft.pk))
    assert answer.status_code == 409
    assert "nobody could give that" in text(answer)
    assert not ApprovalRequest.objects.exists()


def test_a_draft_that_others_have_overtaken_says_so(as_, people, draft):
    other = propose_policy(draft_policy("release", actor=people.rules).pk, actor=people.rules)
    client = as_(people.rules)
    assert "came in force since" not in text(client.get(draft.get_absolute_url()))
    cast_vote(other.pk, actor=people.change_manager, verdict="approve", digest=shown(other))
    assert "Version 3 came in force since" in text(client.get(draft.get_absolute_url()))


def test_a_draft_is_discarded_with_a_reason_only(as_, people, draft):
    client, url = as_(people.rules), at("policy_discard", draft.pk)
    assert client.post(url, {"reason": " "}).status_code == 422
    client.post(url, {"reason": "We keep the old one."})
    draft.refresh_from_db()
    assert draft.state == "discarded"


# Trying it


def test_a_past_request_shows_row_by_row_what_was_wanted_and_found(as_, people, release, ask, draft):
    save_row(
        draft.pk, actor=people.rules, name="Big frozen", position=0, size_min=50, in_freeze=True,
        rules=[{"who": "role:cab-member", "need": 2}],
    )  # fmt: skip
    asked = ask()
    releases.risk(release, impact=5, likelihood=4)  # what comes later changes nothing of the past
    page = text(as_(people.reader).get(at("policy_try", draft.pk), {"request": asked.pk}))
    assert "at least 50" in page
    assert "Size and inside a freeze do not fit." in page
    assert "Its rules are asked." in page
    assert "low risk" in page
    assert "the facts kept when it was requested" in page
    assert people.qa.name in page


def test_a_live_release_shows_who_could_fill_the_rules_and_who_never_counts(as_, people, release, draft):
    hold(people.manager, "qa-approver")
    people.qa2.is_active = False
    people.qa2.save()
    absence(people.qa, timezone.now() - timedelta(hours=1), timezone.now() + timedelta(days=60))
    tried = trial.of_subject(versions.whole().get(pk=draft.pk), release)
    assert [r.row.name for r in tried.rows if r.decides] == ["Minor release"]
    assert [(c.person, c.away) for c in tried.rules[0].people] == [(people.qa, True)]
    assert tried.barred == [people.manager]
    page = text(as_(people.rules).get(at("policy_try", draft.pk), {"live": release.pk}))
    for words in ("Impossible today", "nobody could give that", f"{people.manager.name} would not count", "away"):
        assert words in page, words


def test_facts_by_hand_are_tried_without_a_subject(as_, people, draft):
    client, url = as_(people.reader), at("policy_try", draft.pk)
    page = client.get(url, {"facts": 1, "strategy": "patch", "risk": "low", "tier": "production", "size": 3})
    assert "It matches too" not in text(page)
    assert text(page).count("Its rules are asked.") == 1
    assert "Patch release</span>" in text(page)
    assert 'name="change_type"' not in text(page)
    assert "1 of QA approver" in text(page)
    assert client.get(url, {"facts": 1, "strategy": "huge"}).status_code == 422
    assert "No row matches" in text(client.get(url, {"facts": 1}))


def test_a_condition_on_a_product_is_held_against_its_name(as_, people, draft):
    ours, theirs = releases.product("Ours"), releases.product("Theirs")
    save_row(
        draft.pk, actor=people.rules, name="For ours", position=0, product=ours, rules=[{"who": "role:qa-approver"}]
    )
    tried = trial.of_subject(versions.whole().get(pk=draft.pk), releases.release(theirs, strategy="minor"))
    condition = tried.rows[0].conditions[0]
    assert (condition.wanted, condition.found, condition.holds) == ("Ours", "Theirs", False)
    page = text(as_(people.reader).get(at("policy_try", draft.pk), {"facts": 1, "product": ours.pk}))
    assert "Ours · size 0" in page


def test_what_can_be_tried_is_found_by_name_newest_first_and_in_sight_only(as_, people, draft):
    payments, other = releases.product("Payments"), releases.product("Storefront")
    old = approvals.request(releases.release(payments, state="approving"))
    new = approvals.request(releases.release(payments, state="approving", version="9.9.9"))
    hidden = approvals.request(releases.release(other, state="approving"))
    local = person("lola", roles=["stakeholder"], on=payments)
    client, url = as_(local), at("policy_try", draft.pk)
    assert trial.past_requests(local, "release") == [new, old]
    assert {r.product for r in trial.live_subjects(local, "release")} == {payments}
    assert trial.past_requests(local, "release", "payments 9.9") == [new]
    page = text(client.get(url))
    assert page.index(f"?request={new.pk}") < page.index(f"?request={old.pk}")
    assert f"?request={hidden.pk}" not in page
    found = text(client.get(url, {"q": "9.9.9"}))
    assert f"?request={new.pk}" in found
    assert f"?request={old.pk}" not in found
    for query in ({"request": hidden.pk}, {"live": hidden.release_id}, {"request": "x"}, {"live": 10**20}):
        assert client.get(url, query).status_code == 404, query


# Shadow


def test_the_shadow_is_started_and_stopped_on_its_page(as_, people, draft):
    client, url = as_(people.rules), at("policy_shadow", draft.pk)
    client.post(url, {"on": "yes"})
    draft.refresh_from_db()
    assert draft.is_shadow
    assert "Nothing noted yet" in text(client.get(url))
    client.post(url, {"on": "no"})
    draft.refresh_from_db()
    assert not draft.is_shadow
    draft.rows.all().delete()
    refused = client.post(url, {"on": "yes"})
    assert refused.status_code == 409
    assert "The policy has no rows yet." in text(refused)


# What it costs


def queries(client, url) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as found:
        assert client.get(url).status_code == 200
    return len(found)


def add_rows(policy: Policy, many: int) -> None:
    rows = PolicyRow.objects.bulk_create(
        PolicyRow(policy=policy, name=f"Row {policy.pk} {n}", position=500 + n, size_min=n) for n in range(many)
    )
    Rule.objects.bulk_create(
        Rule(row=row, who=f"role:{role}", label=role) for row in rows for role in ("qa-approver", "cab-member")
    )


@pytest.mark.parametrize("reader", ["rules", "reader"])
def test_every_page_costs_as_much_for_200_rows_as_for_10(as_, people, draft, reader):
    in_force = Policy.objects.in_force().get(subject="release")
    client = as_(getattr(people, reader))
    release = releases.release(strategy="minor")
    urls = [at("policies"), *(at(name, draft.pk) for name in PAGES), at("policy_try", draft.pk) + f"?live={release.pk}"]
    if reader == "rules":
        urls += [at("policy_row", draft.pk, draft.rows.first().pk), at("policy_propose", draft.pk)]
    for policy in (in_force, draft):
        add_rows(policy, 10)
    few = {url: queries(client, url) for url in urls}
    for policy in (in_force, draft):
        PolicyRow.objects.filter(policy=policy, name__startswith="Row").delete()
        add_rows(policy, 200)
    assert {url: queries(client, url) for url in urls} == few


def test_the_list_and_the_history_cost_as_much_for_many_versions_as_for_one(as_, people):
    client, urls = as_(people.rules), [at("policies"), at("policy_history", "release")]
    draft_policy("release", actor=people.rules)
    few = {url: queries(client, url) for url in urls}
    for _ in range(6):
        set_shadow(draft_policy("release", actor=people.rules).pk, actor=people.rules, on=True)
    assert {url: queries(client, url) for url in urls} == few
