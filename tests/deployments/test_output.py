"""What is kept of a tool's words: bounded, and without the secret, however it is broken up, spelled or cut."""

import json
from base64 import b64encode
from urllib.parse import quote

import pytest

from deployments.actions import output
from deployments.drivers.masking import HIDDEN, begun, looks_of, shortened
from deployments.models import LogLine, Run
from tests.deployments.conftest import turn

SECRET = "a token/of=some length"
KEY = "-----BEGIN KEY-----\nbGluZSBvbmU\nbGluZSB0d28\nab\n-----END KEY-----\n"


@pytest.fixture
def run(place, tool) -> Run:
    place.into_staging()
    turn(1)
    found = Run.objects.get()
    LogLine.objects.all().delete()
    found.tail, found.log_bytes = "", 0
    return found


def kept(run: Run) -> list[str]:
    return list(LogLine.objects.filter(run=run).order_by("pk").values_list("text", flat=True))


def said(run: Run, *pieces: str, secret: str = SECRET) -> list[str]:
    for piece in pieces:
        output.append(run, piece, secret=secret)
    output.flush(run, secret=secret)
    return kept(run)


def test_a_secret_that_lies_across_the_bound_of_a_line_is_hidden_before_the_line_is_cut(run):
    lines = said(run, "x" * (output.LINE_MAX - 5) + SECRET + "\n")
    assert lines == ["x" * (output.LINE_MAX - 5) + HIDDEN]


@pytest.mark.parametrize("at", range(1, len(SECRET)))
def test_a_secret_that_arrives_in_pieces_on_a_line_too_long_to_wait_is_hidden(run, at):
    lines = said(run, "x" * output.LINE_MAX + SECRET[:at], SECRET[at:] + " was it\n")
    assert SECRET[:6] not in "".join(lines)
    assert "".join(lines) == "x" * output.LINE_MAX + f"{HIDDEN} was it"


def test_the_beginning_of_a_line_that_waits_holds_no_whole_secret(run):
    output.append(run, f"with {SECRET} so far", secret=SECRET)
    assert run.tail == f"with {HIDDEN} so far"


def test_a_secret_of_several_lines_is_hidden_line_by_line(run):
    text = "".join(said(run, f"It says:\n{KEY}and {KEY.splitlines()[2]} again\n", secret=KEY))
    assert not [line for line in KEY.splitlines() if len(line) >= 6 and line in text]
    assert text.endswith(f"and {HIDDEN} again")


def test_a_secret_of_several_lines_is_hidden_where_its_lines_arrive_one_by_one(run):
    lines = said(run, *(f"{line}\n" for line in KEY.splitlines()), secret=KEY)
    assert lines == [HIDDEN, HIDDEN, HIDDEN, "ab", HIDDEN]


def test_a_secret_under_colours_is_hidden(run):
    coloured, long = f"{SECRET[:5]}\x1b[31m{SECRET[5:]}\x1b[0m\n", "x" * (output.LINE_MAX - 5)
    assert said(run, coloured, long + coloured) == [HIDDEN, long + HIDDEN]


@pytest.mark.parametrize(
    "spelled",
    [quote(SECRET, safe=""), b64encode(SECRET.encode()).decode(), json.dumps('with "' + SECRET)],
)
def test_a_secret_is_hidden_as_it_stands_in_an_address_a_header_or_json(spelled):
    secret = 'with "' + SECRET if spelled.startswith('"') else SECRET
    assert spelled.strip('"=') not in output.fit(f"It said {spelled}.", secret)


def test_a_detail_is_bounded_and_fits_the_database():
    assert output.fit("a\0b", "") == "a\ufffdb"
    assert output.fit("x" * 5_000_000, SECRET) == "x" * output.DETAIL_MAX + "…"
    assert output.fit("x" * output.DETAIL_MAX, SECRET) == "x" * output.DETAIL_MAX


def test_a_secret_across_the_bound_of_a_detail_is_hidden_before_it_is_cut():
    assert SECRET[:5] not in output.fit("x" * (output.DETAIL_MAX - 10) + SECRET, SECRET)


def test_what_is_left_of_a_secret_where_a_driver_has_cut_its_words_is_hidden():
    looks = looks_of(SECRET)
    assert shortened(f"It answered 500: {SECRET[:12]}…", looks, 100) == f"It answered 500: {HIDDEN}…"
    assert shortened(f"It answered 500: {SECRET[:12]}", looks, 100).endswith(SECRET[:12])  # nothing was cut


def test_what_begins_a_look_is_told_by_its_length():
    assert begun("so it is a tok", looks_of(SECRET)) == len("a tok")
    assert begun("so it is", looks_of(SECRET)) == 0
    assert begun("anything", set()) == 0


def test_a_short_secret_hides_nothing():
    assert looks_of("abc") == set()
    assert "ab" not in looks_of("ab\ncd\nef")
    assert output.fit("abc", "abc") == "abc"
