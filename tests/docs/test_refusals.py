"""The page for API users about the codes of refusals, held to the code that refuses."""

from pathlib import Path

import pytest
from django.conf import settings

from config import refusals

PAGE = Path(settings.BASE_DIR) / "docs" / "refusals.md"


def test_the_page_shows_each_code_as_the_code_has_it():
    text = PAGE.read_text(encoding="utf-8")
    assert text == refusals.page(text), "Run `python manage.py refusals --write`."


def test_what_makes_its_codes_up_is_listed_with_them():
    assert refusals.computed() == set(refusals.COMPUTED)


@pytest.mark.parametrize("room", refusals.ROOMS)
def test_each_code_says_something(room):
    assert [code for code, words in refusals.of_room(room).items() if not any(words)] == []


def test_a_meaning_that_is_written_down_belongs_to_a_code_that_there_is():
    known = {code for room in refusals.ROOMS for code in refusals.of_room(room)}
    assert set(refusals.MEANINGS) <= known


@pytest.mark.parametrize(
    ("room", "code", "words"),
    [
        ("deployments", "scheduled-too-far", "It is more than ten years away. Give an earlier one."),
        ("deployments", "too-early", "No deployment is older than 1970. Give the instant of the deployment."),
        ("releases", "window-over", "The window closed …. Give it a new one."),
        ("releases", "blocked", "… blocked it: … …"),
    ],
)
def test_words_are_read_from_the_refusal_itself(room, code, words):
    assert words in refusals.of_room(room)[code]
