"""Public holidays by country and its parts, from the `holidays` library. Days only: whose midnight counts, the caller knows."""

import re
from datetime import date
from functools import cache, lru_cache

import holidays
from holidays.registry import COUNTRIES


@lru_cache(maxsize=1024)
def public_holidays(country: str, subdivision: str, year: int) -> frozenset[date]:
    """The days of one year. Empty without a country, and for one that the library no longer knows."""
    if not known(country, subdivision):
        return frozenset()
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=year, expand=False)
    return frozenset(day for day in found if day.year == year)


def known(country: str, subdivision: str = "") -> bool:
    """Whether there are holidays for the country, and for that part of it where one is named."""
    parts = _parts_by_country().get(country)
    return parts is not None and (not subdivision or subdivision in parts)


@cache
def _parts_by_country() -> dict[str, list[str]]:
    return holidays.list_supported_countries(include_aliases=False)


@cache
def countries() -> dict[str, str]:
    """{ISO 3166 code: English name} of every country that is known, by name."""
    names = {codes[1]: _spaced(codes[0]) for codes in COUNTRIES.values()}
    return dict(sorted(((code, names.get(code, code)) for code in _parts_by_country()), key=lambda pair: pair[1]))


@cache
def parts_of(country: str) -> dict[str, str]:
    """{code: name in the country's own language, or the code where the library names none}, by name."""
    if not known(country):
        return {}
    names: dict[str, str] = {}
    for alias, code in getattr(holidays.country_holidays(country), "subdivisions_aliases", {}).items():
        names.setdefault(code, alias)
    return dict(sorted(((code, names.get(code, code)) for code in _parts_by_country()[country]), key=lambda p: p[1]))


def _spaced(name: str) -> str:
    """`UnitedStates` reads United States, `BosniaAndHerzegovina` Bosnia and Herzegovina."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name)
    return re.sub(r"\b(And|Of|The)\b(?!$)", lambda word: word.group().lower(), words)


def upcoming(country: str, subdivision: str, day: date, count: int) -> list[tuple[date, str]]:
    """The next public holidays from a day on, with their names in English where the library has them; of this year and the next."""
    if not known(country, subdivision):
        return []
    years = range(day.year, day.year + 2)
    found = holidays.country_holidays(country, subdiv=subdivision or None, years=years, expand=False, language="en_US")
    return sorted(pair for pair in found.items() if pair[0] >= day)[:count]
