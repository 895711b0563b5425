"""Scope from Git, on a real repository that each test writes commit by commit."""

import pytest
from django.urls import reverse
from dulwich import porcelain
from dulwich.repo import Repo

from core.models import Event
from releases import gitscope
from releases.models import Change
from tests.factories import releases

pytestmark = pytest.mark.django_db
AUTHOR = b"Noor Haddad <noor@example.com>"


@pytest.fixture
def repository(tmp_path, settings, product):
    """v1.0.0, then four commits, tagged v1.1.0, then one more."""
    settings.REPOSITORY_ROOTS = [str(tmp_path)]
    settings.VAR_DIR = tmp_path / "var"
    path = tmp_path / "payments"
    path.mkdir()
    with Repo.init(str(path)):
        pass
    for n, subject in enumerate(
        [
            "Start",
            "feat: instant refunds (#11)",
            "fix(ledger)!: round half to even (#12)\n\nBREAKING CHANGE: sums differ by a cent",
            "Tidy up PAY-99",
            "chore: bump a library",
            "feat: not yet tagged (#13)",
        ]
    ):
        (path / f"file{n}").write_text(subject)
        porcelain.add(str(path), [str(path / f"file{n}")])
        porcelain.commit(str(path), message=subject.encode(), author=AUTHOR, committer=AUTHOR)
        if n in (0, 4):
            porcelain.tag_create(str(path), b"v1.0.0" if n == 0 else b"v1.1.0")
    product.repository = str(path)
    product.save()
    return path


@pytest.fixture
def release(product, repository):
    return releases.release(product, "draft", version="1.1.0")


@pytest.fixture
def signed_in(client, contributor):
    client.force_login(contributor, backend="django.contrib.auth.backends.ModelBackend")
    return client


def page_of(release):
    return reverse("releases:scope_git", args=[release.product.slug, release.version])


def test_the_form_proposes_the_tags_around_the_version(signed_in, release):
    page = signed_in.get(page_of(release)).content.decode()
    assert '<option value="v1.0.0" selected>' in page
    assert '<option value="v1.1.0" selected>' in page


def test_what_lies_between_two_tags_is_listed_with_what_notes_would_name_ticked(signed_in, release):
    page = signed_in.get(page_of(release) + "?since=v1.0.0&until=v1.1.0").content.decode()
    assert "instant refunds" in page
    assert "Tidy up PAY-99" in page
    assert "bump a library" in page
    assert "not yet tagged" not in page
    assert page.count('name="chosen"') == 4
    assert page.count(" checked>") == 2
    assert "breaking" in page


def test_ticked_proposals_become_changes_with_author_and_commits(signed_in, contributor, release):
    contributor.email = "noor@example.com"
    contributor.save()
    found = gitscope.between(release.product, "v1.0.0", "v1.1.0")
    wanted = [p.key for p in found.proposals if p.pull_request]
    answer = signed_in.post(page_of(release) + "?since=v1.0.0&until=v1.1.0", {"chosen": wanted})
    assert answer.url == reverse("releases:scope", args=[release.product.slug, "1.1.0"])
    refunds, rounding = Change.objects.order_by("pull_request")
    assert (refunds.key, refunds.title, refunds.kind) == ("PAY-PR11", "instant refunds", "feature")
    assert (rounding.breaking, rounding.description) == (True, "sums differ by a cent")
    assert refunds.author == contributor
    assert len(refunds.commits[0]) == 40
    again = signed_in.get(page_of(release) + "?since=v1.0.0&until=v1.1.0").content.decode()
    assert again.count("in this release already") == 2


def test_ticking_nothing_says_so_and_changes_nothing(signed_in, release):
    answer = signed_in.post(page_of(release) + "?since=v1.0.0&until=v1.1.0", {})
    assert answer.status_code == 422
    assert "Tick at least one change" in answer.content.decode()
    assert not Event.objects.exists()


def test_a_change_of_another_open_release_cannot_be_ticked(signed_in, product, release):
    other = releases.release(product, "testing", version="1.2.0")
    releases.change(product, other, key="PAY-PR11")
    page = signed_in.get(page_of(release) + "?since=v1.0.0&until=v1.1.0").content.decode()
    assert "in 1.2.0 already" in page
    assert page.count(" disabled>") == 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?since=v9.9.9&until=v1.1.0", "v9.9.9"),
        ("?since=v1.1.0&until=v1.1.0", "Choose two different tags"),
        ("?since=v1.1.0&until=v1.0.0", "No commits between v1.1.0 and v1.0.0"),
    ],
)
def test_a_range_that_makes_no_sense_is_explained(signed_in, release, query, said):
    answer = signed_in.get(page_of(release) + query)
    assert answer.status_code == 200
    assert said in answer.content.decode()


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("/etc", "not inside a folder from which repositories may be read"),
        ("git@example.com:a/b.git", "is read by ssh"),
        ("ftp://example.com/a", "only http:// and https:// are"),
        ("{tmp}/absent", "does not exist"),
    ],
)
def test_a_repository_that_cannot_be_read_is_explained_on_the_page(
    signed_in, tmp_path, product, release, location, said
):
    product.repository = location.format(tmp=tmp_path)
    product.save()
    answer = signed_in.get(page_of(release))
    assert answer.status_code == 200
    assert said in answer.content.decode()


def test_a_product_without_a_repository_says_what_one_is_for(signed_in, product, release):
    product.repository = ""
    product.save()
    assert "names no Git repository" in signed_in.get(page_of(release)).content.decode()


def test_the_form_of_a_candidate_holds_the_commit_of_the_versions_tag(signed_in, product, repository):
    release = releases.release(product, "building", version="1.1.0")
    tagged = gitscope.commit_of(product, "1.1.0")
    assert len(tagged) == 40
    page = signed_in.get(reverse("releases:candidates", args=[product.slug, "1.1.0"])).content.decode()
    assert tagged in page
    newest = gitscope.commit_of(product, "1.3.0")
    assert newest not in ("", tagged)
    assert release.candidates.count() == 0
