"""All checks are asked at once, in a bounded time, and nothing of a check gets out that should not."""

import time

from deployments.checks import CHECKS, Question, Result, ask_together
from deployments.checks.protocol import Kind
from deployments.states import CheckKind


class Slow(Kind):
    def __init__(self, result=None, takes_s=0.0):
        self.result, self.takes_s = result, takes_s

    def look(self, config, secret, facts, timeout_s):
        time.sleep(self.takes_s)
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


def ask(*lookers, timeout_s=2.0, secret=""):
    questions = [Question(f"Check {n}", "http", looker, {}, secret) for n, looker in enumerate(lookers)]
    return ask_together(questions, timeout_s=timeout_s)


def test_many_slow_checks_take_as_long_as_one_and_are_answered_in_order():
    lookers = [Slow(Result(True, str(n)), 0.3) for n in range(12)]
    began = time.monotonic()

    found = ask(*lookers)

    assert time.monotonic() - began < 1.5
    assert [result.detail for result in found] == [str(n) for n in range(12)]


def test_what_does_not_answer_in_time_is_no_answer_and_holds_nobody_up():
    began = time.monotonic()

    late, quick = ask(Slow(Result(True, "late"), 5), Slow(Result(True, "quick")), timeout_s=0.4)

    assert time.monotonic() - began < 1.5
    assert (late.ok, late.detail, late.elapsed_ms) == (None, "No answer within 0.4 s.", 400)
    assert quick.ok


def test_a_check_that_breaks_is_no_answer_and_leaves_the_others_alone():
    broken, fine = ask(Slow(ValueError("s3cret-token")), Slow(Result(True, "fine")))

    assert (broken.ok, broken.detail) == (None, "The check broke: ValueError.")
    assert fine.ok


def test_a_secret_that_is_repeated_in_an_answer_is_hidden():
    (found,) = ask(Slow(Result(False, "No such token: s3cret-token\0")), secret="s3cret-token")
    assert found.detail == "No such token: •••••\ufffd"


def test_what_is_no_longer_allowed_is_not_asked(settings):
    settings.HOOK_HOSTS = ["ci.example.org"]
    question = Question("Gate", "external", CHECKS["external"], {"url": "https://elsewhere.example.org/"}, facts={})

    (found,) = ask_together([question], timeout_s=1)

    assert found.ok is None
    assert found.detail.startswith("It cannot be asked: ")
    assert "HOOK_HOSTS" in found.detail


def test_nothing_to_ask_gives_nothing():
    assert ask_together([], timeout_s=1) == []


def test_every_kind_that_can_be_chosen_can_be_asked():
    assert set(CHECKS) == set(CheckKind.values)
    for kind in CHECKS.values():
        assert kind.label
        assert kind.what
        assert kind.fields


def test_a_person_who_has_said_nothing_is_no_answer():
    manual = CHECKS["manual"]
    said = {"ok": False, "comment": "A blank page.", "person": "Dana"}

    assert manual.look({"question": "?"}, "", {"statement": None}, 1).ok is None
    found = manual.look({"question": "?"}, "", {"statement": said}, 1)
    assert (found.ok, found.detail) == (False, "Dana says: not well. A blank page.")
    assert manual.secret_trouble("x") == "This check takes no secret."
