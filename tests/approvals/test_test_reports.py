"""Test reports of every known format: exact totals, and what is refused."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.test_reports import UnreadableReport, read
from tests import realdata

JUNIT = b'<testsuite name="s">%s</testsuite>'


def parsed(content, **options):
    return read(io.BytesIO(content), "report.xml", **options)


def totals(report):
    return (report.tests, report.passed, report.failed, report.errors, report.skipped)


def reason(content, **options):
    with pytest.raises(UnreadableReport) as refused:
        parsed(content, **options)
    return str(refused.value)


def expected_files():
    """The listed real files; a single one that says so when they are absent."""
    listed = realdata.FOLDER / "test-reports" / "expected.json"
    return sorted(json.loads(listed.read_text())["files"]) if listed.is_file() else ["absent"]


@pytest.mark.realdata
@pytest.mark.parametrize("name", expected_files())
def test_a_real_report_gives_exactly_its_totals(shared_data, name):
    folder = shared_data / "test-reports"
    expected = json.loads((folder / "expected.json").read_text())["files"][name]
    with (folder / name).open("rb") as file:
        report = read(file, name)
    counted = ["format", "tests", "passed", "failed", "errors", "skipped"] + ["suites"] * ("suites" in expected)
    assert {key: getattr(report, key) for key in counted} == {key: expected[key] for key in counted}
    assert len(report.cases_failed) == min(50, expected["failed"] + expected["errors"])


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "form", "counts"),
    [("golang-json.json", "go-test", (12, 5, 6, 0, 1)), ("mocha-json.json", "mocha-json", (6, 1, 4, 0, 1))],
)
def test_a_real_json_report_gives_the_totals_counted_by_hand(shared_data, name, form, counts):
    with (shared_data / "test-reports" / "dorny-test-reporter" / name).open("rb") as file:
        report = read(file, name)
    assert (report.format, totals(report)) == (form, counts)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("empty.xml", "It is empty"),
        ("entity-expansion.xml", "document type or entities"),
        ("external-dtd-http.xml", "document type or entities"),
        ("external-entity-file.xml", "document type or entities"),
        ("not-a-report.html.xml", "starts with the element <html>"),
        ("truncated.xml", "cut off"),
    ],
)
def test_a_hostile_file_is_refused_by_name_with_the_reason(shared_data, name, why):
    with (
        (shared_data / "test-reports" / "hostile" / name).open("rb") as file,
        pytest.raises(UnreadableReport) as refused,
    ):
        read(file, f"C:/uploads/{name}")
    assert str(refused.value).startswith(f"“{name}” was not accepted.")
    assert why in str(refused.value)


@pytest.mark.realdata
def test_control_characters_and_markup_are_kept_as_harmless_text(shared_data):
    hostile = shared_data / "test-reports" / "hostile"
    with (hostile / "control-characters.xml").open("rb") as file:
        assert totals(read(file, "c.xml")) == (1, 0, 1, 0, 0)
    with (hostile / "script-in-names.xml").open("rb") as file:
        report = read(file, "s.xml")
    assert totals(report) == (3, 2, 1, 0, 0)
    assert report.cases_failed[0].message == "</textarea><script>alert(1)</script>"


def test_a_case_with_error_and_failure_counts_once_as_an_error():
    report = parsed(
        JUNIT % b'<testcase name="t" classname="c"><failure message="f"/><error message="e"/><skipped/></testcase>'
    )
    assert totals(report) == (1, 0, 0, 1, 0)
    (case,) = report.cases_failed
    assert (case.name, case.suite, case.outcome, case.message) == ("t", "c", "error", "e")


def test_what_breaks_outside_of_a_case_is_counted_apart_and_the_report_is_not_clean():
    report = parsed(JUNIT % b'<testcase name="t"/><error message="set-up broke"/>')
    assert totals(report) == (1, 1, 0, 0, 0)
    assert report.suite_errors == 1
    assert not report.clean


def test_only_a_report_in_which_something_passed_and_nothing_broke_is_clean():
    assert parsed(JUNIT % b'<testcase name="t"/><testcase name="u"><skipped/></testcase>').clean
    assert not parsed(JUNIT % b"").clean
    assert not parsed(JUNIT % b'<testcase name="u"><skipped/></testcase>').clean
    assert not parsed(JUNIT % b'<testcase/><testcase name="u"><failure/></testcase>').clean


def test_reruns_and_output_inside_a_case_do_not_change_its_outcome():
    inner = b"<flakyFailure/><system-out>x<error/></system-out><properties><failure/></properties>"
    assert totals(parsed(JUNIT % (b"<testcase>%s</testcase>" % inner))) == (1, 1, 0, 0, 0)


def test_a_disabled_case_counts_as_skipped():
    assert totals(parsed(JUNIT % b'<testcase status="notrun"/><testcase status="run"/>')) == (2, 1, 0, 0, 1)


def test_durations_add_up_and_nonsense_among_them_counts_nothing():
    times = [b"1,000.5", b"0.25", b"-3", b"nan", b"inf", b"soon", b"1e300"]
    assert parsed(JUNIT % b"".join(b'<testcase time="%s"/>' % t for t in times)).duration_s == 1000.75


def test_only_fifty_failing_cases_are_kept_with_short_plain_texts():
    case = b'<testcase name="%s"><failure message="%s"/></testcase>' % (b"n" * 999, b"m&#133;" * 999)
    report = parsed(JUNIT % (case * 60))
    assert report.failed == 60
    assert len(report.cases_failed) == 50
    assert len(report.cases_failed[0].name) == 300
    assert len(report.cases_failed[0].message) == 500
    assert "\x85" not in report.cases_failed[0].message


def test_namespaces_and_encodings_are_read():
    text = '<?xml version="1.0" encoding="{}"?><testsuite xmlns="urn:x"><testcase name="ü"><failure/></testcase></testsuite>'
    for encoding in ("utf-8", "utf-8-sig", "iso-8859-1", "utf-16"):
        declared = text.format("utf-8" if encoding == "utf-8-sig" else encoding)
        assert parsed(declared.encode(encoding)).cases_failed[0].name == "ü"


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "It is empty"),
        (b" \n ", "It is empty"),
        (b"PK\x03\x04", "neither XML nor JSON"),
        (b"hello", "neither XML nor JSON"),
        (b"[]", "neither XML nor JSON"),
        (b"<testsuite>", "cut off"),
        (b"<testsuite/><testsuite/>", "well-formed"),
        (b'<?xml version="1.0" encoding="no-such"?><testsuite/>', "cannot be decoded"),
        (b"<!DOCTYPE testsuite><testsuite/>", "document type"),
        (b'<testsuite name="&#27;"/>', "well-formed"),
        (b"<a>" * 10, "element <a>"),
        (b"<testsuite>" * 200, "more than 100 deep"),
        (b"{", "Line 1 is not an event"),
        (b"{}", "Line 1 is not an event"),
        (b'{"Action":"run","Test":"T"}\n{"Action":"pa', "Line 2 is not an event"),
        (b'{"stats": {}, "tests": 3}', "list “passes” is missing"),
        (b'{"a":' + b"[" * 100_000, "nested too deep"),
        (b'{"a": "\xff"}', "not text in UTF-8"),
    ],
)
def test_what_is_no_readable_report_is_refused_with_the_reason(content, why):
    assert why in reason(content)


def test_a_file_above_the_limit_is_refused_before_it_is_parsed():
    content = JUNIT % b""
    assert parsed(content, max_bytes=len(content)).tests == 0
    assert "larger than" in reason(content, max_bytes=len(content) - 1)


def test_an_upload_that_states_too_large_a_size_is_not_even_read():
    class Upload:
        size = 200 * 1024 * 1024

        def read(self, _):
            raise AssertionError("read")

    with pytest.raises(UnreadableReport, match="larger than 20 MiB"):
        read(Upload(), "huge.xml")


def go(*events):
    return "\n".join(json.dumps(event) for event in events).encode()


def test_a_go_test_that_never_ends_is_an_error_and_a_package_that_does_not_build_breaks_the_report():
    report = parsed(
        go(
            {"Action": "run", "Package": "a", "Test": "T"},
            {"Action": "output", "Package": "a", "Test": "T", "Output": "panic: no\n"},
            {"Action": "fail", "Package": "a"},
            {"Action": "run", "Package": "b", "Test": "U"},
            {"Action": "pass", "Package": "b", "Test": "U", "Elapsed": 1.5},
            {"Action": "fail", "Package": "c"},
        )
    )
    assert totals(report) == (2, 1, 0, 1, 0)
    assert (report.suites, report.suite_errors, report.duration_s) == (3, 1, 1.5)
    assert report.cases_failed[0].message == "panic: no"


def test_a_repeated_go_test_does_not_hide_its_first_failure():
    run, fail, passed = ({"Action": action, "Package": "a", "Test": "T"} for action in ("run", "fail", "pass"))
    assert totals(parsed(go(run, fail, run, passed))) == (2, 1, 1, 0, 0)


def test_a_mocha_test_without_outcome_is_an_error_and_strange_characters_become_harmless():
    case = {"title": "a\u0000\ud800", "fullTitle": "Suite a\u0000\ud800", "duration": 1500, "err": {"message": "m"}}
    document = {"stats": {}, "tests": [case, case], "passes": [], "pending": [], "failures": [case]}
    report = parsed(json.dumps(document).encode())
    assert totals(report) == (2, 0, 1, 1, 0)
    assert (report.cases_failed[0].name, report.cases_failed[0].suite) == ("a\ufffd\ufffd", "Suite")
    assert report.duration_s == 1.5


def test_of_a_data_driven_trx_result_the_inner_results_count_and_a_crashed_run_breaks_the_report():
    inner = b'<UnitTestResult testName="i" outcome="%s" duration="00:01:00.5"/>'
    report = parsed(
        b'<TestRun><Results><UnitTestResult testName="o" outcome="Failed"><InnerResults>%s%s</InnerResults></UnitTestResult>'
        b'<UnitTestResult testName="x" outcome="Aborted"/></Results><RunInfo outcome="Error"/></TestRun>'
        % (inner % b"Passed", inner % b"Failed")
    )
    assert totals(report) == (3, 1, 1, 1, 0)
    assert (report.duration_s, report.suite_errors) == (121.0, 1)


def test_an_unknown_outcome_is_never_a_pass():
    assert totals(parsed(b'<test-run><test-case name="t" result="Splendid"/></test-run>')) == (1, 0, 0, 1, 0)
    assert totals(parsed(b'<TestRun><UnitTestResult testName="t"/></TestRun>')) == (1, 0, 0, 1, 0)


SEEDS = [
    JUNIT % b'<testcase name="t" time="1"><failure message="f">x</failure></testcase>',
    b'<test-run><test-suite><test-case name="t" result="Failed"/></test-suite></test-run>',
    b'<TestRun><UnitTestResult testName="t" outcome="Passed"/></TestRun>',
    go({"Action": "run", "Package": "a", "Test": "T"}, {"Action": "pass", "Package": "a", "Test": "T"}),
    b'{"stats":{},"tests":[{}],"passes":[{"title":1,"err":[]}],"pending":[],"failures":[]}',
]


def read_or_refuse(content):
    try:
        report = parsed(content)
    except UnreadableReport:
        return
    assert report.tests == report.passed + report.failed + report.errors + report.skipped
    json.dumps([case.name + case.message for case in report.cases_failed]).encode()


@given(st.binary(max_size=300))
def test_random_bytes_are_refused_or_read_and_nothing_else(content):
    read_or_refuse(content)


@given(
    st.sampled_from([b"<testsuite>", b"<?xml version='1.0'?>", b"{", b"\xff\xfe<\0", b'{"Action":']),
    st.binary(max_size=99),
)
def test_random_bytes_after_a_plausible_start_are_refused_or_read(start, rest):
    read_or_refuse(start + rest)


@given(st.sampled_from(SEEDS), st.integers(0, 200), st.integers(0, 8), st.binary(max_size=8))
def test_a_report_with_any_piece_replaced_is_refused_or_read(seed, at, length, piece):
    read_or_refuse(seed[:at] + piece + seed[at + length :])


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["err", "title", "stats"]), inner),
        max_leaves=8,
    ),
    st.sampled_from(
        ["stats", "tests", "passes", "pending", "failures", "Action", "Test", "Package", "Elapsed", "Output"]
    ),
)
def test_json_with_values_of_any_kind_is_refused_or_read(value, key):
    mocha = {"stats": {}, "tests": [], "passes": [], "pending": [], "failures": [], key: value}
    event = {"Action": "pass", "Test": "T", "Package": "a", key: value}
    read_or_refuse(json.dumps(mocha).encode())
    read_or_refuse(json.dumps(event).encode())


def test_a_large_report_is_counted_whole():
    """Fifty thousand cases, far more than one chunk of the file holds."""
    content = JUNIT % (b'<testcase name="t"><failure message="m"/></testcase>' * 50_000)
    assert parsed(content).failed == 50_000
