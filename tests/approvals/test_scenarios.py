"""The scenario tables, each scenario a test of its own; and the runner, which must be able to fail."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings

from config import scenarios
from config.scenarios import codes, manual
from config.scenarios.acts import ACTS
from config.scenarios.expectations import CHECKS
from tests import template

HERE = Path(__file__).parent / "scenarios"
DOCUMENT = Path(settings.BASE_DIR) / "docs" / "scenarios.md"
SCENARIOS = scenarios.read_folder(HERE)
SHORT = """
title: One of QA decides
given:
  people: {mia: release-manager, quentin: qa-approver}
  changes: {pay: {state: assessing}}
  policy: {change: [{row: All, rules: [{who: qa-approver}]}]}
acts:
  - request: {by: mia, of: pay}
  - approve: {by: quentin, of: pay}
  - expect: {of: pay, state: approved}
"""


@pytest.fixture(scope="module")
def stage(django_db_setup, django_db_blocker):
    """A stage on a database of its own, on which what neighbours are given alike is set up once."""
    own = template.another(settings.DATABASES["default"], f"scenarios_{os.getpid()}")
    with django_db_blocker.unblock(), own, scenarios.Stage() as lent:
        yield lent


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: f"{scenario.file.stem}: {scenario.title}")
def test_a_scenario_comes_out_as_it_says(stage, scenario):
    result = scenarios.replay(scenario, stage)
    assert result.passed, "\n".join([f"{scenario.file.name}: {scenario.title}", *result.problems])


# The tables themselves


def test_there_are_sixty_scenarios_and_more():
    assert len(SCENARIOS) >= 60


@pytest.mark.parametrize("product", ["GitLab", "Octopus", "Nautobot", "Ship-it", "one comma", "changed artifact"])
def test_the_known_faults_of_other_products_are_scenarios(product):
    assert [s for s in SCENARIOS if "known fault of" in s.title and product in s.title]


def test_every_act_and_every_expectation_is_used_by_a_scenario():
    acts = {step.act for s in SCENARIOS for step in s.steps}
    checks = {name for s in SCENARIOS for step in s.steps if step.act == "expect" for name in step.options}
    assert ACTS.keys() - acts == set()
    assert CHECKS.keys() - checks == set()


# The runner can fail


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def outcome(stage, folder: Path, text: str) -> list[str]:
    [scenario] = scenarios.read_file(written(folder, text))
    return scenarios.replay(scenario, stage).problems


def test_a_scenario_that_holds_passes(stage, tmp_path):
    assert outcome(stage, tmp_path, SHORT) == []


@pytest.mark.parametrize(
    ("was", "now", "problem"),
    [
        ("state: approved}", "state: pending}", "line 10: state is approved, not pending"),
        ("state: approved}", "missing: {qa-approver: 1}}", "line 10: missing is {}, not {qa-approver: 1}"),
        ("state: approved}", "rows: [Others]}", "line 10: rows is [All], not [Others]"),
        ("state: approved}", "due_in: 3 hours}", "line 10: due_in is 3 days, 0:00:00, not 3:00:00"),
        (
            "approve: {by: quentin,",
            "approve: {by: quentin, refused: voted-already,",
            "line 9: approve by quentin was not refused",
        ),
        (
            "approve: {by: quentin,",
            "approve: {by: mia,",
            "line 9: approve by mia was refused: [requester-never-counts] "
            "You asked for this approval, so your vote does not count.",
        ),
        (
            "approve: {by: quentin,",
            "approve: {by: mia, refused: moved,",
            "line 9: approve by mia was refused with [requester-never-counts] "
            "You asked for this approval, so your vote does not count., not with [moved]",
        ),
    ],
)
def test_what_does_not_come_out_as_it_says_is_reported_with_its_line(stage, tmp_path, was, now, problem):
    assert was in SHORT
    assert outcome(stage, tmp_path, SHORT.replace(was, now)) == [problem]


def test_a_scenario_leaves_nothing_to_the_next_one(stage, tmp_path):
    from approvals.models import ApprovalRequest
    from core.models import Event

    outcome(stage, tmp_path, SHORT)
    before = Event.objects.count(), ApprovalRequest.objects.count()
    for _ in range(2):
        assert outcome(stage, tmp_path, SHORT) == []
    assert (Event.objects.count(), ApprovalRequest.objects.count()) == before


def test_what_cannot_be_set_up_is_reported(stage, tmp_path):
    text = SHORT.replace("row: All,", "row: All, size_min: 3, size_max: 2,")
    [problem] = outcome(stage, tmp_path, text)
    assert problem.startswith("line 2: what is given cannot be set up: [size]")


def test_an_act_that_makes_no_sense_ends_the_scenario(stage, tmp_path):
    text = SHORT.replace("  - approve: {by: quentin, of: pay}\n", "  - revoke: {by: quentin, of: pay}\n")
    assert outcome(stage, tmp_path, text) == ["line 9: quentin has no vote that counts."]


# Nothing unknown is passed over


@pytest.mark.parametrize(
    ("was", "now", "line", "words"),
    [
        ("approve:", "aprove:", 9, "“aprove” is no act here. Did you mean approve?"),
        ("by: quentin", "by: quentim", 9, "approve, by: “quentim” is no person here. Did you mean quentin?"),
        ("by: quentin", "bye: quentin", 9, "“bye” is no option of approve here. Did you mean by?"),
        ("{by: quentin, of: pay}", "{of: pay}", 9, "approve lacks by."),
        ("{by: quentin, of: pay}", "quentin", 9, "approve takes a mapping, as in {by: …}, not “quentin”."),
        ("by: quentin,", "by: quentin, refused: nonsense,", 9, "“nonsense” is no code"),
        ("state: approved", "stade: approved", 10, "“stade” is no option of expect here. Did you mean state?"),
        ("state: approved", "state: aproved", 10, "“aproved” is no state of a request here. Did you mean approved?"),
        ("of: pay, state: approved", "of: pal, state: approved", 10, "“pal” is no subject here. Did you mean pay?"),
        ("who: qa-approver", "who: qa-aprover", 6, "“qa-aprover” is no approving role here."),
        ("who: qa-approver", 'who: "team:blue"', 6, "“blue” is no team here."),
        (
            "who: qa-approver",
            "who: qa-approver, needs: 2",
            6,
            "“needs” is no option of a rule here. Did you mean need?",
        ),
        ("quentin: qa-approver", "quentin: qa", 4, "“qa” is no role here."),
        ("state: assessing", "state: 3", 5, "“3” is no state of a change here."),
        ("given:", "givn:", 3, "“givn” is no part of a scenario here. Did you mean given?"),
        ("acts:", "acts: []\nmore:", 8, "“more” is no part of a scenario here."),
        (
            "people: {mia: release-manager,",
            "people: {mia: release-manager, mia: tester,",
            4,
            "“mia” stands here twice.",
        ),
        ("policy: {change:", "policy: {changes:", 6, "“changes” is no kind of subject here. Did you mean change?"),
        ("expect: {of: pay, state: approved}", "expect: {of: pay, due_in: 3}", 10, "a time such as 3 days"),
        ("expect: {of: pay, state: approved}", "read: {by: mia, of: pay}", 2, "it expects nothing"),
        ("- expect: {of: pay, state: approved}", "- expect", 10, "an act is one word with its options"),
    ],
)
def test_a_word_that_is_not_known_is_an_error_with_file_line_and_scenario(tmp_path, was, now, line, words):
    assert was in SHORT
    file = written(tmp_path, SHORT.replace(was, now, 1))
    with pytest.raises(scenarios.Unreadable) as error:
        scenarios.read_file(file)
    [problem] = error.value.problems
    assert problem.startswith(f"{file}:{line}: ")
    assert words in problem


def test_every_broken_scenario_of_a_folder_is_named_at_once(tmp_path):
    wrong = SHORT.replace("approve:", "aprove:")
    (tmp_path / "a.yaml").write_text(wrong + "---" + SHORT.replace("by: mia", "by: mix"), encoding="utf-8")
    (tmp_path / "b.yml").write_text("title: [", encoding="utf-8")
    (tmp_path / "c.yaml").write_bytes(b"\xff\xfe")
    (tmp_path / "d.yaml").write_text("", encoding="utf-8")
    (tmp_path / "e.txt").write_text("no scenario", encoding="utf-8")
    with pytest.raises(scenarios.Unreadable) as error:
        scenarios.read_folder(tmp_path)
    assert [Path(p.split(":")[0]).name for p in error.value.problems] == [
        "a.yaml",
        "a.yaml",
        "b.yml",
        "c.yaml",
        "d.yaml",
    ]


def test_two_scenarios_do_not_share_a_title(tmp_path):
    written(tmp_path, SHORT + "---" + SHORT)
    with pytest.raises(scenarios.Unreadable, match=r"is the title of mine\.yaml:2 already"):
        scenarios.read_folder(tmp_path)


@pytest.mark.parametrize("text", ["- a list", "just text", "3"])
def test_a_document_of_another_type_is_an_error(tmp_path, text):
    with pytest.raises(scenarios.Unreadable, match="a scenario is a mapping"):
        scenarios.read_file(written(tmp_path, text))


def test_yaml_that_would_run_code_is_refused(tmp_path):
    text = SHORT.replace("One of QA decides", "!!python/object/apply:os.getcwd []")
    with pytest.raises(scenarios.Unreadable, match="no YAML"):
        scenarios.read_file(written(tmp_path, text))


@pytest.mark.parametrize(
    "code", ["voted-already", "moved", "forbidden", "rule-impossible:role:qa-approver", "freeze:peak"]
)
def test_codes_of_the_doors_are_known(code):
    assert codes.known(code)


@pytest.mark.parametrize("code", ["voted", "", "anything-at-all", "rule-possible:role:qa-approver"])
def test_codes_that_no_door_says_are_not_known(code):
    assert not codes.known(code)


# The document


def example() -> str:
    return DOCUMENT.read_text(encoding="utf-8").partition("```yaml\n")[2].partition("```")[0]


def test_the_example_of_the_document_holds(stage, tmp_path):
    assert outcome(stage, tmp_path, example()) == []


def test_the_document_shows_the_vocabulary_as_the_code_has_it():
    assert manual.vocabulary() in DOCUMENT.read_text(encoding="utf-8")


def test_the_document_lists_every_act_and_every_expectation():
    text = DOCUMENT.read_text(encoding="utf-8")
    assert [name for name in (*ACTS, *CHECKS) if f"| `{name}` |" not in text] == []


# The command


def run(environment: dict[str, str], *args: str) -> subprocess.CompletedProcess:
    argv = [sys.executable, "manage.py", "replay_scenarios", *args]
    return subprocess.run(
        argv, cwd=settings.BASE_DIR, env=environment, capture_output=True, text=True, timeout=240, check=False
    )


@pytest.fixture
def installation() -> dict[str, str]:
    """The environment of a command on the servers of these tests."""
    return os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}


@pytest.mark.journey
def test_the_command_plays_a_folder_and_tells_which_failed(installation, tmp_path):
    (tmp_path / "good.yaml").write_text(SHORT, encoding="utf-8")
    (tmp_path / "bad.yaml").write_text(
        SHORT.replace("state: approved", "state: pending").replace("One of QA", "Nobody"), encoding="utf-8"
    )
    ended = run(installation, str(tmp_path))
    assert ended.returncode == 1, ended.stderr
    assert "FAIL" in ended.stdout
    assert "bad.yaml: Nobody decides\n              line 10: state is approved, not pending" in ended.stdout
    assert "good.yaml: One of QA decides" in ended.stdout
    assert ended.stdout.endswith("1 passed, 1 failed.\n")


@pytest.mark.journey
def test_the_command_ends_well_when_those_chosen_hold(installation, tmp_path):
    (tmp_path / "good.yaml").write_text(SHORT + "---" + SHORT.replace("One of QA", "Someone"), encoding="utf-8")
    ended = run(installation, str(tmp_path), "--only", "someone")
    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("good.yaml: Someone decides\n1 passed, 0 failed.\n")


@pytest.mark.journey
@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["{}"], "There is no scenario in {}"),
        (["{}/nowhere"], "{}/nowhere is no folder."),
        ([], "Name the folder with the scenarios."),
    ],
)
def test_the_command_says_what_is_wrong_with_the_folder(installation, tmp_path, args, words):
    ended = run(installation, *[arg.format(tmp_path) for arg in args])
    assert ended.returncode == 1
    assert words.format(tmp_path) in ended.stderr
    assert "Traceback" not in ended.stderr
