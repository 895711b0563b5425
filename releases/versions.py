"""Version schemes: what a version number may look like, which of two is newer, and which comes next.

Every scheme answers the same questions about texts; nothing here knows a product or a release.
Sources: SemVer 2.0.0 (semver.org), PEP 440 (packaging.python.org), CalVer (calver.org).
"""

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

import semver
from packaging import version as packaging_version

MAX_LENGTH = 100
STRATEGIES = ("major", "minor", "patch", "emergency")


class InvalidVersion(ValueError):
    """A text that its scheme does not accept; the message says what is wrong and shows a right one."""


@dataclass(frozen=True)
class Version:
    """A parsed version. `text` is as typed; `final` is the same version without its pre-release or candidate part.

    `line` names the release line it belongs to ("4.7" of 4.7.3). `key` orders versions of the same scheme.
    """

    scheme: str
    text: str
    line: str
    final: str
    is_prerelease: bool
    key: Any = field(compare=False, repr=False)

    def __str__(self) -> str:
        return self.text


class Scheme(ABC):
    """One way to number versions. All methods take texts and raise InvalidVersion for one that is not accepted."""

    key: str
    label: str
    example: str
    pattern: str  # the accepted forms, in words for a help text
    ordered = True

    def parse(self, text: str) -> Version:
        """Read a version text exactly as typed; surrounding spaces are not forgiven."""
        if not text:
            raise self._invalid(text, "it is empty")
        if len(text) > MAX_LENGTH:
            raise self._invalid(f"{text[:20]}…", f"it is longer than {MAX_LENGTH} characters")
        if not text.isprintable() or any(character.isspace() for character in text):
            raise self._invalid(text, "it contains spaces or invisible characters")
        return self._read(text)

    def is_newer(self, text: str, *, than: str) -> bool | None:
        """Whether `text` comes after `than`. None where the scheme has no order and the two differ."""
        return self.parse(text).key > self.parse(than).key

    def sort_key(self, text: str) -> Any:
        """A key that sorts texts of this scheme oldest first."""
        return self.parse(text).key

    def line(self, text: str) -> str:
        """The release line, inside which a new version must be newer than the last one."""
        return self.parse(text).line

    def next(self, text: str, strategy: str, *, today: date | None = None) -> str | None:
        """The version to propose after `text` for a major, minor, patch or emergency release.

        After a pre-release that already announces such a version, the final version of it. None where the scheme
        cannot tell. `today` (UTC when left out) matters to calendar versions only.
        """
        if strategy not in STRATEGIES:
            raise ValueError(f"Unknown strategy {strategy!r}; one of {', '.join(STRATEGIES)}.")
        version = self.parse(text)
        return self._next(version, strategy, today or datetime.now(UTC).date())

    def candidate(self, text: str, number: int) -> str:
        """The name of the release candidate with this number (from 1) for the final version of `text`."""
        if number < 1:
            raise ValueError("Release candidates are numbered from 1.")
        return f"{self.parse(text).final}{self._candidate_suffix(number)}"

    def _candidate_suffix(self, number: int) -> str:
        return f"-rc.{number}"

    @abstractmethod
    def _read(self, text: str) -> Version: ...

    @abstractmethod
    def _next(self, version: Version, strategy: str, today: date) -> str | None: ...

    def _invalid(self, text: str, reason: str) -> InvalidVersion:
        return InvalidVersion(f"“{text}” is not a valid {self.label} version: {reason}. A right one is {self.example}.")


class SemVer(Scheme):
    """Semantic Versioning 2.0.0, strictly: three numbers, build metadata counts for nothing in the order."""

    key = "semver"
    label = "SemVer"
    example = "4.8.0 or 4.8.0-rc.1"
    pattern = "MAJOR.MINOR.PATCH, then optionally -PRERELEASE and +BUILD"

    def _read(self, text: str) -> Version:
        # The library's pattern says \d, which also accepts digits of other scripts; SemVer allows ASCII only.
        if not text.isascii():
            raise self._invalid(text, "it may only hold ASCII letters, digits, hyphens, dots and a plus sign")
        try:
            read = semver.Version.parse(text)
        except ValueError:
            raise self._invalid(text, _semver_trouble(text)) from None
        return Version(
            scheme=self.key,
            text=text,
            line=f"{read.major}.{read.minor}",
            final=str(read.finalize_version()),
            is_prerelease=read.prerelease is not None,
            key=read,
        )

    def _next(self, version: Version, strategy: str, today: date) -> str:
        part = "patch" if strategy == "emergency" else strategy
        return str(version.key.replace(build=None).next_version(part))


def _semver_trouble(text: str) -> str:
    core, *_ = re.split(r"[-+]", text, maxsplit=1)
    numbers = core.split(".")
    if re.match(r"[vV]\d", text):
        return "leave out the leading “v”"
    if any(number == "" for number in numbers):
        return "a number is missing beside a dot or at its start"
    if not all(number.isdigit() for number in numbers):
        return "MAJOR.MINOR.PATCH must be three whole numbers, and what follows them starts with a hyphen or a plus"
    if len(numbers) != 3:
        return f"it has {len(numbers)} number{'s'[: len(numbers) != 1]}, and MAJOR.MINOR.PATCH needs three"
    if any(len(number) > 1 and number.startswith("0") for number in numbers):
        return "numbers may not start with a zero"
    return (
        "what follows the numbers must be dot-separated letters, digits and hyphens, and a number there may not "
        "start with a zero"
    )


class Pep440(Scheme):
    """Versions of Python packages (PEP 440), with epochs, pre-, post- and development releases and local labels."""

    key = "pep440"
    label = "PEP 440"
    example = "4.8.0, 4.8.0rc1 or 4.8.0.post1"
    pattern = "[EPOCH!]N(.N)*, then optionally aN, bN or rcN, .postN, .devN and +LOCAL"

    def _read(self, text: str) -> Version:
        try:
            read = packaging_version.Version(text)
        except packaging_version.InvalidVersion:
            raise self._invalid(text, self._trouble(text)) from None
        return Version(
            scheme=self.key,
            text=text,
            line=f"{_epoch(read)}{read.major}.{read.minor}",
            final=read.base_version,
            is_prerelease=read.is_prerelease,
            key=read,
        )

    @staticmethod
    def _trouble(text: str) -> str:
        if not text.isascii():
            return "it may only hold ASCII characters"
        if not re.match(r"[vV]?\d", text):
            return "it must start with a number"
        return "after the numbers only a, b, rc, post, dev (each with a number) or a + with a local label may follow"

    def _next(self, version: Version, strategy: str, today: date) -> str:
        read = version.key
        part = ("major", "minor", "patch").index("patch" if strategy == "emergency" else strategy)
        numbers = [*read.release, *[0] * (part + 1 - len(read.release))]
        announced = read.is_prerelease and not read.is_postrelease and not any(numbers[part + 1 :])
        if not announced:
            numbers[part + 1 :] = [0] * len(numbers[part + 1 :])
            numbers[part] += 1
        return _epoch(read) + ".".join(map(str, numbers))

    def _candidate_suffix(self, number: int) -> str:
        return f"rc{number}"


def _epoch(read: packaging_version.Version) -> str:
    return f"{read.epoch}!" if read.epoch else ""


@dataclass(frozen=True)
class _CalendarDate:
    """The parts of a calendar version as typed, to propose the next one in the same dress."""

    year: str
    month: str
    day: str | None
    micro: int
    candidate: int | None

    def named(self, on: date) -> str:
        year = f"{on.year % 100:02}" if len(self.year) == 2 else str(on.year)
        padded = self.day is not None or self.month.startswith("0") or (len(self.year) == 2 and len(self.month) == 2)
        month = f"{on.month:02}" if padded else str(on.month)
        return f"{year}.{month}" + (f".{on.day:02}" if self.day else "")

    def text(self, micro: int) -> str:
        stem = ".".join(part for part in (self.year, self.month, self.day) if part)
        return f"{stem}.{micro}" if micro else stem

    @property
    def full_year(self) -> int:
        return int(self.year) + (2000 if len(self.year) == 2 else 0)


class CalVer(Scheme):
    """Calendar versions. A month may be written 4 or 04, and a missing micro number counts as 0.

    The third part is read as a day when it is written with a leading zero or when a fourth part follows, otherwise as
    the micro number; the order is the same either way. A two-digit year lies in 2000 to 2099.
    """

    key = "calver"
    label = "CalVer"
    example = "2026.11, 2026.11.2, 2026.04.07 or 26.04.1-rc.2"
    pattern = "YYYY.MM[.MICRO], YY.MM[.MICRO] or YYYY.0M.0D[.MICRO], then optionally -rc.N"

    _form = re.compile(
        r"(?P<year>[12]\d{3}|\d{2})\.(?P<month>\d{1,2})"
        r"(?:\.(?P<third>\d{1,9}))?(?:\.(?P<fourth>\d{1,9}))?(?:-rc\.(?P<candidate>[1-9]\d{0,5}))?",
        re.ASCII,
    )

    def _read(self, text: str) -> Version:
        match = self._form.fullmatch(text)
        if match is None:
            raise self._invalid(text, f"it must read {self.pattern}")
        parts = self._parts(text, match)
        return Version(
            scheme=self.key,
            text=text,
            line=f"{parts.full_year}.{int(parts.month)}",
            final=text.split("-")[0],
            is_prerelease=parts.candidate is not None,
            key=self._key(parts),
        )

    def _parts(self, text: str, match: re.Match) -> _CalendarDate:
        year, month, third, fourth, candidate = match.group("year", "month", "third", "fourth", "candidate")
        if not 1 <= int(month) <= 12:
            raise self._invalid(text, f"there is no month {month}")
        dated = third is not None and (fourth is not None or (len(third) == 2 and third.startswith("0")))
        micro = (fourth if dated else third) or "0"
        if len(micro) > 1 and micro.startswith("0"):
            raise self._invalid(text, f"the last number may not start with a zero ({micro})")
        parts = _CalendarDate(year, month, third if dated else None, int(micro), int(candidate) if candidate else None)
        if dated:
            self._check_day(text, parts)
        return parts

    def _check_day(self, text: str, parts: _CalendarDate) -> None:
        try:
            date(parts.full_year, int(parts.month), int(parts.day))
        except ValueError:
            raise self._invalid(text, f"there is no day {parts.day} in that month") from None

    @staticmethod
    def _key(parts: _CalendarDate) -> tuple[int, ...]:
        numbers = (int(parts.day), parts.micro) if parts.day else (parts.micro, 0)
        rank = (0, parts.candidate) if parts.candidate else (1, 0)
        return (parts.full_year, int(parts.month), *numbers, *rank)

    def _next(self, version: Version, strategy: str, today: date) -> str:
        parts = self._parts(version.text, self._form.fullmatch(version.text))
        due = (today.year, today.month, today.day if parts.day else 0)
        reached = (parts.full_year, int(parts.month), int(parts.day or 0))
        stays_in_line = strategy in ("patch", "emergency") and parts.day is None
        if due > reached and not stays_in_line:
            return parts.named(today)
        return version.final if version.is_prerelease else parts.text(parts.micro + 1)


class Free(Scheme):
    """Any text without spaces. Nothing is known about the order, so only an equal version is refused as not newer.

    A version is part of a page's address, so what would end or change an address is refused.
    """

    key = "free"
    label = "free"
    example = "autumn-edition or build_1187"
    pattern = "any text without spaces and without / \\ ? # %"
    ordered = False

    def is_newer(self, text: str, *, than: str) -> bool | None:
        return False if self.parse(text).key == self.parse(than).key else None

    def _read(self, text: str) -> Version:
        if unfit := sorted(set(text) & set("/\\?#%")):
            raise self._invalid(text, f"it contains {' '.join(unfit)}, which cannot stand in the address of a page")
        if not text.strip("."):
            raise self._invalid(text, "it consists of dots only")
        final = re.sub(r"-rc\.[1-9]\d*\Z", "", text, flags=re.ASCII) or text
        return Version(scheme=self.key, text=text, line="", final=final, is_prerelease=final != text, key=text)

    def _next(self, version: Version, strategy: str, today: date) -> None:
        return None


SCHEMES: dict[str, Scheme] = {scheme.key: scheme for scheme in (SemVer(), Pep440(), CalVer(), Free())}
