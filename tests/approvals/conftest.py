"""People and a release that approvals are tried on."""

from types import SimpleNamespace

import pytest

from approvals import sheet
from approvals.actions import request_release_approval
from tests.factories import approvals, releases
from tests.factories.accounts import person


@pytest.fixture
def people():
    """One person per role, all over the house."""
    return SimpleNamespace(
        manager=person("mia", roles=["release-manager"]),
        qa=person("quentin", roles=["qa-approver"]),
        qa2=person("queenie", roles=["qa-approver"]),
        security=person("sam", roles=["security-approver"]),
        operations=person("olga", roles=["operations-approver"]),
        change_manager=person("chris", roles=["change-manager"]),
        tester=person("tess", roles=["tester"]),
        reader=person("rita", roles=["stakeholder"]),
        outsider=person("otto"),
        rules=person("rosa", roles=["rule-administrator"]),
        bot=person("bot", roles=["tester"], is_service=True),
    )


@pytest.fixture
def chris():
    """A change manager, apart from `people`."""
    return person("chris", roles=["change-manager"])


@pytest.fixture
def cora():
    """A member of the advisory board."""
    return person("cora", roles=["cab-member"])


@pytest.fixture
def shop():
    """A product for boards to decide about."""
    return releases.product("Shop")


@pytest.fixture
def as_(client):
    """A client signed in as somebody."""

    def signed_in(user):
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return signed_in


@pytest.fixture
def no_broker(monkeypatch):
    """What is queued stays in the outbox: no worker is told of it."""
    monkeypatch.setattr("core.outbox.ring", lambda delivery_id: None)


@pytest.fixture
def release(people):
    """A minor release in testing whose sign-offs, changes, risks, notes and rollback plan are all in order."""
    approvals.required("minor", "functional")
    made = releases.release(state="testing", strategy="minor", manager=people.manager)
    releases.pipeline(made.product)
    releases.change(made.product, made, state="approved")
    releases.rollback_plan(made, rehearsed_at=made.notes_reviewed_at)
    approvals.signed_off(made, "functional")
    return made


@pytest.fixture
def ask(release, people):
    """Open the release's request under the given rules; votes with `vote`."""

    def opened(rules=None):
        approvals.policy(rules or {"qa-approver": 1})
        return request_release_approval(release.pk, actor=people.manager)

    return opened


def shown(request) -> str:
    """The digest that a page would show now."""
    subject = request.subject
    return sheet.of(type(subject).objects.get(pk=subject.pk)).digest
