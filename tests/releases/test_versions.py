"""Version schemes: what is accepted, what is newer, what comes next."""

import json
from datetime import date
from itertools import pairwise

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from releases.versions import SCHEMES, STRATEGIES, InvalidVersion

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("semver", "0.0.0"),
        ("semver", "4.8.0-rc.1+build.7"),
        ("semver", "1.0.0--"),
        ("semver", "1.0.0-0a.0"),
        ("pep440", "1!4.8.0rc1.post2.dev3+local.1"),
        ("pep440", "v4.8"),
        ("calver", "2026.4"),
        ("calver", "2026.04"),
        ("calver", "2026.11.2"),
        ("calver", "2026.04.07"),
        ("calver", "2026.04.07.2"),
        ("calver", "26.04.1-rc.2"),
        ("free", "autumn-edition"),
        ("free", "1.0.0"),
        ("free", "übergabe_3"),
    ],
)
def test_a_right_version_is_read_and_kept_as_typed(scheme, text):
    version = SCHEMES[scheme].parse(text)
    assert version.text == text
    assert str(version) == text
    assert version.scheme == scheme


@pytest.mark.parametrize(
    ("scheme", "text", "reason"),
    [
        ("semver", "", "it is empty"),
        ("semver", " 4.8.0", "spaces"),
        ("semver", "4.8.0\n", "invisible"),
        ("semver", "v4.8.0", "leave out the leading “v”"),
        ("semver", "4", "it has 1 number, and"),
        ("semver", "4.8", "it has 2 numbers, and"),
        ("semver", "4.8.0.1", "it has 4 numbers, and"),
        ("semver", "4.08.0", "may not start with a zero"),
        ("semver", "4..0", "a number is missing"),
        ("semver", "4.8.x", "three whole numbers"),
        ("semver", "4.8.0-rc.01", "a number there may not start with a zero"),
        ("semver", "４.8.0", "ASCII"),
        ("semver", "4.8.0-" + "a" * 100, "longer than 100"),
        ("pep440", "latest", "must start with a number"),
        ("pep440", "4.8.0-beta-x", "after the numbers only"),
        ("pep440", "٤.8", "ASCII"),
        ("calver", "4.8.0", "it must read YYYY.MM"),
        ("calver", "2026.13", "no month 13"),
        ("calver", "2026.0", "no month 0"),
        ("calver", "2026.02.30.1", "no day 30"),
        ("calver", "2026.11.007", "may not start with a zero"),
        ("calver", "2026.11-beta.1", "it must read"),
        ("calver", "2026.11-rc.0", "it must read"),
        ("free", "", "it is empty"),
        ("free", "autumn edition", "spaces"),
        ("free", "a/b?c", "it contains / ?, which cannot stand in the address"),
        ("free", "..", "dots only"),
        ("free", "autumn\u00a0edition", "spaces"),
    ],
)
def test_a_wrong_version_is_refused_with_what_is_wrong_and_a_right_example(scheme, text, reason):
    with pytest.raises(InvalidVersion) as refusal:
        SCHEMES[scheme].parse(text)
    assert reason in str(refusal.value)
    assert SCHEMES[scheme].example in str(refusal.value)


# The published order of SemVer 2.0.0, item 11, and the orders that PEP 440 and calendar numbering imply.
ASCENDING = {
    "semver": [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.9",
        "1.0.10",
        "1.9.0",
        "1.10.0",
        "2.0.0",
    ],
    "pep440": ["1.0.dev1", "1.0a1", "1.0b2", "1.0rc1", "1.0rc10", "1.0", "1.0.post1", "1.1", "1.10", "1!0.1"],
    "calver": [
        "2025.12.31",
        "2026.1-rc.2",
        "2026.01",
        "26.1.1-rc.9",
        "2026.1.1-rc.10",
        "2026.1.1",
        "2026.2",
        "2026.04.07",
        "2026.04.07.1",
        "2026.4.8",
        "2026.10",
        "2026.11.9",
        "2026.11.10",
    ],
}


@pytest.mark.parametrize("scheme", sorted(ASCENDING))
def test_each_version_is_newer_than_the_one_before_it_and_never_the_other_way_round(scheme):
    for older, newer in pairwise(ASCENDING[scheme]):
        assert SCHEMES[scheme].is_newer(newer, than=older) is True, (older, newer)
        assert SCHEMES[scheme].is_newer(older, than=newer) is False, (older, newer)
    shuffled = sorted(ASCENDING[scheme])
    assert sorted(shuffled, key=SCHEMES[scheme].sort_key) == ASCENDING[scheme]


@pytest.mark.parametrize(
    ("scheme", "one", "other"),
    [
        ("semver", "1.0.0+a", "1.0.0+b"),
        ("pep440", "1.0", "1.0.0"),
        ("calver", "2026.4", "26.04"),
        ("calver", "2026.11", "2026.11.0"),
        ("free", "x", "x"),
    ],
)
def test_equal_versions_are_not_newer(scheme, one, other):
    assert SCHEMES[scheme].is_newer(one, than=other) is False
    assert SCHEMES[scheme].is_newer(other, than=one) is False


def test_of_two_different_free_texts_nobody_knows_the_newer():
    assert SCHEMES["free"].is_newer("build_10", than="build_9") is None
    assert SCHEMES["free"].is_newer("build_9", than="build_10") is None


@pytest.mark.parametrize(
    ("scheme", "text", "line"),
    [
        ("semver", "4.7.12-rc.1", "4.7"),
        ("pep440", "4.7.12rc1", "4.7"),
        ("pep440", "2!4", "2!4.0"),
        ("calver", "26.04.3", "2026.4"),
        ("calver", "2026.4.3-rc.1", "2026.4"),
        ("free", "anything", ""),
    ],
)
def test_a_version_belongs_to_a_release_line(scheme, text, line):
    assert SCHEMES[scheme].line(text) == line


@pytest.mark.parametrize(
    ("scheme", "text", "strategy", "proposed"),
    [
        ("semver", "4.7.3", "major", "5.0.0"),
        ("semver", "4.7.3", "minor", "4.8.0"),
        ("semver", "4.7.3", "patch", "4.7.4"),
        ("semver", "4.7.3+exp", "emergency", "4.7.4"),
        ("semver", "4.8.0-rc.2", "minor", "4.8.0"),
        ("semver", "4.8.1-rc.2", "minor", "4.9.0"),
        ("pep440", "4.7.3", "major", "5.0.0"),
        ("pep440", "4.7", "minor", "4.8"),
        ("pep440", "4.7", "emergency", "4.7.1"),
        ("pep440", "1!4.8rc2", "minor", "1!4.8"),
        ("pep440", "4.8.0.post1", "patch", "4.8.1"),
        ("pep440", "4.8.0.post1.dev2", "patch", "4.8.1"),
        ("calver", "2026.9.2", "major", "2026.11"),
        ("calver", "2026.9.2", "patch", "2026.9.3"),
        ("calver", "2026.11", "minor", "2026.11.1"),
        ("calver", "2026.11-rc.2", "minor", "2026.11"),
        ("calver", "2027.1", "minor", "2027.1.1"),
        ("calver", "26.04", "minor", "26.11"),
        ("calver", "2026.04.07", "emergency", "2026.11.23"),
        ("calver", "2026.11.23.1", "emergency", "2026.11.23.2"),
    ],
)
def test_the_next_version_follows_from_the_strategy(scheme, text, strategy, proposed):
    assert SCHEMES[scheme].next(text, strategy, today=TODAY) == proposed


def test_a_free_scheme_proposes_nothing_and_an_unknown_strategy_is_an_error():
    assert SCHEMES["free"].next("autumn", "minor") is None
    with pytest.raises(ValueError, match="huge"):
        SCHEMES["semver"].next("1.0.0", "huge")


@pytest.mark.parametrize(
    ("scheme", "text", "name"),
    [
        ("semver", "4.8.0", "4.8.0-rc.3"),
        ("semver", "4.8.0-rc.2", "4.8.0-rc.3"),
        ("pep440", "4.8.0", "4.8.0rc3"),
        ("calver", "2026.11.1-rc.2", "2026.11.1-rc.3"),
        ("free", "autumn", "autumn-rc.3"),
        ("free", "autumn-rc.2", "autumn-rc.3"),
    ],
)
def test_a_candidate_is_named_after_its_final_version(scheme, text, name):
    assert SCHEMES[scheme].candidate(text, 3) == name
    assert SCHEMES[scheme].parse(name).is_prerelease
    assert SCHEMES[scheme].is_newer(name, than=SCHEMES[scheme].parse(text).final) in (False, None)


def test_candidates_are_numbered_from_one():
    with pytest.raises(ValueError, match="from 1"):
        SCHEMES["semver"].candidate("4.8.0", 0)


NUMBER = st.integers(0, 2000)
CALENDAR = st.builds(
    lambda day, micro, rc: f"{day.year}.{day.month}" + micro + rc,
    st.dates(date(2001, 1, 1), date(2099, 12, 31)),
    st.sampled_from(["", ".1", ".12"]),
    st.sampled_from(["", "-rc.1"]),
)
TEXTS = {
    "semver": st.builds(
        "{}.{}.{}{}".format, NUMBER, NUMBER, NUMBER, st.sampled_from(["", "-rc.1", "-alpha", "+b", "-0+b"])
    ),
    "pep440": st.builds(
        "{}{}{}".format,
        st.sampled_from(["", "2!"]),
        st.lists(NUMBER, min_size=1, max_size=4).map(lambda numbers: ".".join(map(str, numbers))),
        st.sampled_from(["", "rc1", ".dev0", ".post3", ".post3.dev1", "a1.post2", "+local"]),
    ),
    "calver": CALENDAR,
}


@pytest.mark.parametrize("scheme", sorted(TEXTS))
@given(data=st.data())
def test_a_proposed_version_is_always_valid_and_newer(scheme, data):
    text = data.draw(TEXTS[scheme])
    proposed = SCHEMES[scheme].next(text, data.draw(st.sampled_from(STRATEGIES)), today=TODAY)
    assert SCHEMES[scheme].is_newer(proposed, than=text) is True
    assert not SCHEMES[scheme].parse(proposed).is_prerelease


@given(text=st.text(max_size=120), scheme=st.sampled_from(sorted(SCHEMES)))
def test_any_text_is_either_a_version_or_refused_politely(text, scheme):
    try:
        assert SCHEMES[scheme].parse(text).text == text
    except InvalidVersion as refusal:
        if SCHEMES[scheme].example not in str(refusal):
            raise


def published(shared_data, name):
    return json.loads((shared_data / "versions" / name).read_text())["tests"]


def is_strict_semver(text):
    try:
        SCHEMES["semver"].parse(text)
    except InvalidVersion:
        return False
    return True


@pytest.mark.realdata
def test_semver_orders_the_published_nuget_versions_that_are_semver(shared_data):
    """NuGet compares letters without case and SemVer with it: both agree once everything is in lower case."""
    semver, compared = SCHEMES["semver"], 0
    for case in published(shared_data, "nuget_version_cmp_test.json"):
        versions = [version.lower() for version in case["input"]["versions"]]
        if not all(map(is_strict_semver, versions)):
            continue
        compared += 1
        if case["test_type"] == "comparison":
            expected = [version.lower() for version in case["expected_output"]]
            assert sorted(versions, key=semver.sort_key) == expected
            assert semver.is_newer(expected[1], than=expected[0])
        else:
            one, other = versions
            equal = not semver.is_newer(one, than=other) and not semver.is_newer(other, than=one)
            assert equal is case["expected_output"], versions
    assert compared >= 20


BOUNDS = {
    "<=": lambda scheme, text, bound: not scheme.is_newer(text, than=bound),
    ">=": lambda scheme, text, bound: not scheme.is_newer(bound, than=text),
    "<": lambda scheme, text, bound: scheme.is_newer(bound, than=text),
    ">": lambda scheme, text, bound: scheme.is_newer(text, than=bound),
}


@pytest.mark.realdata
def test_pep440_places_versions_on_the_right_side_of_each_published_bound(shared_data):
    """Of the ranges only those with a single bound say something about one comparison."""
    pep440, compared = SCHEMES["pep440"], 0
    for case in published(shared_data, "pypi_range_containment_test.json"):
        bound = case["input"]["vers"].removeprefix("vers:pypi/")
        sign = next((sign for sign in BOUNDS if bound.startswith(sign)), None)
        if "|" in bound or sign is None:
            continue
        compared += 1
        inside = BOUNDS[sign](pep440, case["input"]["version"], bound.removeprefix(sign))
        assert inside is case["expected_output"], case
    assert compared >= 2


@pytest.mark.realdata
def test_pep440_keeps_the_order_in_which_openstack_listed_its_releases(shared_data):
    files = sorted((shared_data / "openstack" / "deliverables").glob("*/*.yaml"))
    compared = 0
    for file in files:
        releases = yaml.safe_load(file.read_text()).get("releases") or []
        versions = [release["version"] for release in releases if not release["version"].endswith(("-eol", "-eom"))]
        for older, newer in pairwise(versions):
            assert SCHEMES["pep440"].is_newer(newer, than=older), (file.name, older, newer)
            compared += 1
    assert compared > 400


@pytest.mark.realdata
def test_calver_refuses_instants_and_orders_the_days_they_fall_on(shared_data):
    calver = SCHEMES["calver"]
    for case in published(shared_data, "datetime_version_cmp_test.json"):
        for instant in case["input"]["versions"]:
            with pytest.raises(InvalidVersion):
                calver.parse(instant)
            day = instant[:10].replace("-", ".")
            assert calver.parse(day).line == f"{int(day[:4])}.{int(day[5:7])}"
