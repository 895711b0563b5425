"""Links, pictures and words of the guides."""

import re
from functools import cache
from pathlib import Path

import pytest
from django.conf import settings

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])
GUIDES = sorted(DOCS.glob("guide-*.md"))
ROOMS = ("accounts", "releases", "approvals", "deployments", "reviews", "notifications", "reports", "portal", "core")
LARGEST = 250_000  # as the browser writes them; fewer colours make them smaller still


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_every_link_leads_to_a_file(page):
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())

    assert [link for link in links if "://" not in link and not (page.parent / link).exists()] == []


def test_every_guide_and_reference_stands_in_the_index():
    index = (DOCS / "README.md").read_text()

    assert [page.name for page in DOCS.glob("*.md") if page.name != "README.md" and f"({page.name})" not in index] == []


def test_every_picture_is_shown_somewhere_and_small():
    pictures, text = sorted((DOCS / "screenshots").iterdir()), "".join(page.read_text() for page in PAGES)

    assert [picture.name for picture in pictures if f"screenshots/{picture.name}" not in text] == []
    assert [picture.name for picture in pictures if picture.stat().st_size > LARGEST] == []


@cache
def interface() -> str:
    """All that the pages may say: templates, and the words in the rooms' code."""
    files = [*(ROOT / "templates").rglob("*.html"), *(file for room in ROOMS for file in (ROOT / room).rglob("*.py"))]
    return "\n".join(file.read_text() for file in files).lower()


@pytest.mark.parametrize("guide", [pytest.param(guide, id=guide.name) for guide in GUIDES])
def test_what_a_guide_prints_bold_is_a_word_of_the_interface(guide):
    bold = re.findall(r"\*\*([A-Z][^*]+)\*\*", guide.read_text())
    words = [word.strip(" …,.") for phrase in bold for word in re.split(r" → ", phrase.replace("\n", " "))]

    assert words
    assert [word for word in words if word.lower() not in interface()] == []
