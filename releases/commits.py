"""Commit messages: what each says about a change, and which changes a range of commits proposes for a release.

Source of the message grammar: Conventional Commits 1.0.0 (conventionalcommits.org). Messages that do not follow it are
read as far as they go and never dropped.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

MAX_BODY = 65_536  # characters of a body that are read; generated messages can be far longer and say nothing more
MAX_SUBJECT = 500  # characters
MAX_NOTE = 2_000  # characters kept of a breaking-change note

NOTABLE_KINDS = {"feat": "feature", "fix": "fix", "perf": "performance", "revert": "revert"}
# The kinds of change, weightiest first, and the heading of each in release notes.
SECTIONS = {
    "feature": "Features",
    "fix": "Fixes",
    "performance": "Performance",
    "revert": "Reverts",
    "other": "Other changes",
}
KINDS = tuple(SECTIONS)

# Only these open a further entry inside a body, where any word with a colon could stand at the start of a line.
ENTRY_TYPES = frozenset(
    ["feat", "fix", "perf", "revert", "docs", "chore", "build", "ci", "style", "refactor", "test", "tests", "deps"]
)

_HEADER = re.compile(r"(?P<type>[A-Za-z][\w-]*)(?:\((?P<scope>[^()]+)\))?(?P<bang>!)?: +(?P<description>\S.*)")
_BREAKING = re.compile(r"BREAKING[ -]CHANGE: *(?P<note>.*)")
_FOOTER = re.compile(r"[A-Za-z][\w-]*(?:\([^()]+\))?!?(?:: | #)\S")
_FENCE = re.compile(r" {0,3}(```|~~~)")

_NUMBER_AT_END = re.compile(r"\(#(\d{1,9})\)")
_PULL_REQUESTS = (
    re.compile(r"Merge pull request #(\d{1,9})\b"),
    re.compile(r"Merged PR (\d{1,9}): "),
    re.compile(r"Merged in \S+ \(pull request #(\d{1,9})\)"),
    re.compile(r"Pull request #(\d{1,9}): "),
)
_MERGE_REQUEST = re.compile(r"^See merge request \S*!(\d{1,9})\s*$", re.MULTILINE)
_MERGE_WITH_TITLE_BELOW = re.compile(
    r"Merge (pull request #\d|(remote-tracking )?branch )|Merged in \S+ \(pull request #"
)
_MERGE_PREFIX = re.compile(r"(?:Merged PR|Pull request #?) ?\d{1,9}: ")

_TICKET = re.compile(r"(?<![A-Za-z0-9_.\-])([A-Z][A-Z0-9]{1,9})-([1-9]\d{0,6})(?![A-Za-z0-9_]|-\d|\.\d)", re.ASCII)
# Standards, ciphers, encodings, hardware and dates are written like ticket keys.
NOT_TICKETS = frozenset(
    re.findall(
        r"\S+",
        """
        UTF UCS ISO IEC RFC PEP CVE CWE GHSA CAPEC ECMA ES IEEE ANSI DIN EN NIST FIPS ITU PKCS BCP PCI WCAG
        SHA SHA1 SHA2 SHA3 MD AES DES RSA DSA ECDSA EC ED CRC HMAC RS HS PS CHACHA20 BLAKE BASE X
        TLS SSL HTTP HTTPS FTP SMTP IPV IP TCP UDP CP WINDOWS WIN LATIN KOI8 BIG EUC IBM ASCII
        INT UINT FLOAT X86 MIPS PY PYTHON JAVA JDK JRE PHP GCC
        RC ALPHA BETA GA V VERSION RELEASE Q COVID GPT LLM LGPL GPL AGPL MPL BSD CC
        JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC
        """,
    )
)

_REVERTS_SUBJECT = re.compile(r'Revert "(?P<what>.*)"')
_REVERTS_COMMIT = re.compile(r"\bThis reverts commit ([0-9a-f]{7,64})\b")
_REFS = re.compile(r"^Refs: *([0-9a-f]{7,64}(?:, *[0-9a-f]{7,64})*)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class CommitMessage:
    """What one message says.

    `type` is lower case and empty where the message is not conventional (but "revert" for git's own reverts).
    `breaking_note` is the footer's text, or the description after a bare "!". `reverts` holds commit hashes, maybe
    abbreviated. `further` holds the entries that the body adds, each a message of its own without body.
    """

    type: str
    scope: str
    breaking: bool
    breaking_note: str
    description: str
    pull_request: int | None
    tickets: tuple[str, ...]
    conventional: bool
    reverts: tuple[str, ...] = ()
    further: tuple["CommitMessage", ...] = ()

    @property
    def kind(self) -> str:
        """One of KINDS, the weightiest of the message and its further entries."""
        return min((NOTABLE_KINDS.get(entry.type, "other") for entry in (self, *self.further)), key=KINDS.index)


class CommitLike(Protocol):
    """What `propose` needs of a commit; `releases.repository.Commit` has it. `parents` are hashes, first parent first."""

    sha: str
    subject: str
    body: str
    parents: Sequence[str]


@dataclass(frozen=True)
class NoteEntry:
    """One line of release notes. `kind` is one of KINDS; `reference` is a pull request or ticket as people write it."""

    kind: str
    text: str
    scope: str = ""
    breaking_note: str = ""
    reference: str = ""


@dataclass(frozen=True)
class Proposal:
    """One change that a range of commits suggests. `key` is stable: "pull-request:12", "ticket:PAY-7" or "commit:<sha>".

    `commits` are hashes in the order given. `notable` tells whether release notes would name the change.
    """

    key: str
    title: str
    kind: str
    breaking: bool
    breaking_notes: tuple[str, ...]
    scope: str
    pull_request: int | None
    tickets: tuple[str, ...]
    commits: tuple[str, ...]
    messages: tuple[CommitMessage, ...]
    notable: bool

    @property
    def reference(self) -> str:
        if self.pull_request is not None:
            return f"#{self.pull_request}"
        return self.tickets[0] if self.tickets else self.commits[0][:8]

    def note_entries(self) -> list[NoteEntry]:
        """A line of release notes for each notable entry; for a change without one, a single line with its title."""
        entries = [entry for message in self.messages for entry in (message, *message.further) if _notable_entry(entry)]
        lines = {
            (entry.scope, entry.description): NoteEntry(
                kind=NOTABLE_KINDS.get(entry.type, "other"),
                text=entry.description,
                scope=entry.scope,
                breaking_note=entry.breaking_note,
                reference=self.reference,
            )
            for entry in entries
        }
        return list(lines.values()) or [NoteEntry(self.kind, self.title, self.scope, reference=self.reference)]


def read(subject: str, body: str = "") -> CommitMessage:
    """Read one commit message. Any text is accepted; what is not understood stays in the description."""
    subject, body = subject[:MAX_SUBJECT], body[:MAX_BODY]
    title = _title(subject, body)[:MAX_SUBJECT]
    header = _HEADER.fullmatch(title)
    prose = _without_code(body)
    revert = _REVERTS_SUBJECT.match(title)
    type_ = header["type"].lower() if header else "revert" if revert else ""
    description = _without_number(header["description"] if header else title)
    note = _breaking_note([title] if _BREAKING.match(title) else prose)
    bang = bool(header and header["bang"])
    return CommitMessage(
        type=type_,
        scope=(header["scope"] or "").strip() if header else "",
        breaking=bang or note is not None,
        breaking_note=note or (description if bang or note is not None else ""),
        description=description,
        pull_request=_pull_request(subject, title, body),
        tickets=_tickets("\n".join([subject, *prose])),
        conventional=header is not None,
        reverts=_reverts(type_, body),
        further=tuple(_further(prose, title)),
    )


def notable(message: CommitMessage) -> bool:
    """Whether release notes name the commit: a feature, fix, performance gain or revert, and whatever breaks."""
    return any(_notable_entry(entry) for entry in (message, *message.further))


def propose(commits: Iterable[CommitLike]) -> list[Proposal]:
    """Group commits (oldest first) into changes: by pull request, else by ticket, else each alone.

    A merge commit with a pull-request number takes along the commits that it brought in and that name none
    themselves. Every commit is in exactly one proposal; proposals stand in the order of their first commit.
    """
    commits = list(commits)
    messages = {commit.sha: read(commit.subject, commit.body) for commit in commits}
    merged_by = _brought_in(commits, messages)
    groups: dict[str, list[CommitLike]] = {}
    for commit in commits:
        groups.setdefault(_group(commit, messages, merged_by), []).append(commit)
    return [_proposal(key, [(commit, messages[commit.sha]) for commit in group]) for key, group in groups.items()]


def release_notes(version: str, released_on: date | None, entries: Iterable[NoteEntry]) -> str:
    """A Markdown draft: breaking changes first, then one section per kind that has entries, in the order given."""
    entries = list(entries)
    heading = f"## {version}" + (f" ({released_on.isoformat()})" if released_on else "")
    sections = [("⚠ Breaking changes", [_line(entry, entry.breaking_note) for entry in entries if entry.breaking_note])]
    for kind, title in SECTIONS.items():
        sections.append((title, [_line(entry, entry.text) for entry in entries if entry.kind == kind]))
    written = [f"### {title}\n\n" + "\n".join(lines) for title, lines in sections if lines]
    return "\n\n".join([heading, *(written or ["No changes worth a note."])]) + "\n"


def _notable_entry(entry: CommitMessage) -> bool:
    return entry.breaking or entry.type in NOTABLE_KINDS


def _title(subject: str, body: str) -> str:
    """The line that describes the change: for a merge commit of a forge that is the pull request's title."""
    subject = subject.strip()
    if _MERGE_WITH_TITLE_BELOW.match(subject):
        first = next((line.strip() for line in body.splitlines() if line.strip()), "")
        if first and (_is_entry(first) or not (_MERGE_REQUEST.match(first) or _FOOTER.match(first))):
            return first
    return _MERGE_PREFIX.sub("", subject, count=1)


def _is_entry(line: str) -> bool:
    header = _HEADER.fullmatch(line)
    return header is not None and header["type"].lower() in ENTRY_TYPES


def _without_code(body: str) -> list[str]:
    """The lines of a body outside fenced code blocks."""
    lines, fenced = [], False
    for line in body.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        elif not fenced:
            lines.append(line)
    return lines


def _without_number(description: str) -> str:
    """The description without the pull-request numbers that squashing appends; "(#12) (#13)" happens too."""
    return re.sub(r"(?:\s*\(#\d{1,9}\))+\s*\Z", "", description).strip() or description


def _breaking_note(prose: list[str]) -> str | None:
    """The text of a BREAKING CHANGE footer, which runs until the next footer. None without such a footer."""
    for at, line in enumerate(prose):
        if match := _BREAKING.match(line):
            rest = []
            for following in prose[at + 1 :]:
                if _FOOTER.match(following) or _BREAKING.match(following):
                    break
                rest.append(following)
            return "\n".join([match["note"], *rest]).strip()[:MAX_NOTE]
    return None


def _further(prose: list[str], title: str) -> Iterable[CommitMessage]:
    for line in prose:
        line = line.rstrip()
        if not _is_entry(line) or line == title:
            continue
        header = _HEADER.fullmatch(line)
        description = _without_number(header["description"])
        yield CommitMessage(
            type=header["type"].lower(),
            scope=(header["scope"] or "").strip(),
            breaking=bool(header["bang"]),
            breaking_note=description if header["bang"] else "",
            description=description,
            pull_request=None,
            tickets=(),
            conventional=True,
        )


def _pull_request(subject: str, title: str, body: str) -> int | None:
    for pattern in _PULL_REQUESTS:
        if match := pattern.match(subject.strip()):
            return int(match[1])
    if match := _MERGE_REQUEST.search(body):
        return int(match[1])
    numbers = _NUMBER_AT_END.findall(subject) or _NUMBER_AT_END.findall(title)
    return int(numbers[-1]) if numbers else None


def _tickets(text: str) -> tuple[str, ...]:
    """Ticket keys in the order they appear, each once."""
    keys = (f"{project}-{number}" for project, number in _TICKET.findall(text) if project not in NOT_TICKETS)
    return tuple(dict.fromkeys(keys))


def _reverts(type_: str, body: str) -> tuple[str, ...]:
    hashes = _REVERTS_COMMIT.findall(body)
    if type_ == "revert":
        hashes += [sha.strip() for refs in _REFS.findall(body) for sha in refs.split(",")]
    return tuple(dict.fromkeys(hashes))


def _brought_in(commits: list[CommitLike], messages: dict[str, CommitMessage]) -> dict[str, str]:
    """For each commit that a numbered merge brought in, the hash of that merge; the innermost merge counts."""
    parents = {commit.sha: tuple(commit.parents) for commit in commits}
    merged_by: dict[str, str] = {}
    for commit in commits:
        if len(commit.parents) < 2 or messages[commit.sha].pull_request is None:
            continue
        mainline = _reachable(commit.parents[0], parents)
        pending = list(commit.parents[1:])
        while pending:
            sha = pending.pop()
            if sha in parents and sha not in mainline and sha not in merged_by:
                merged_by[sha] = commit.sha
                pending.extend(parents[sha])
    return merged_by


def _reachable(sha: str, parents: dict[str, tuple[str, ...]]) -> set[str]:
    """The commits of the range that are reachable from `sha`."""
    seen: set[str] = set()
    pending = [sha]
    while pending:
        sha = pending.pop()
        if sha in parents and sha not in seen:
            seen.add(sha)
            pending.extend(parents[sha])
    return seen


def _group(commit: CommitLike, messages: dict[str, CommitMessage], merged_by: dict[str, str]) -> str:
    message = messages[commit.sha]
    number = message.pull_request
    if number is None and commit.sha in merged_by:
        number = messages[merged_by[commit.sha]].pull_request
    if number is not None:
        return f"pull-request:{number}"
    if message.tickets:
        return f"ticket:{message.tickets[0]}"
    return f"commit:{commit.sha}"


def _proposal(key: str, group: list[tuple[CommitLike, CommitMessage]]) -> Proposal:
    messages = tuple(message for _, message in group)
    speaker = _speaker(messages)
    notes = (entry.breaking_note for message in messages for entry in (message, *message.further) if entry.breaking)
    is_pull_request = key.startswith("pull-request:")
    return Proposal(
        key=key,
        title=speaker.description,
        kind=min((message.kind for message in messages), key=KINDS.index),
        breaking=any(entry.breaking for message in messages for entry in (message, *message.further)),
        breaking_notes=tuple(dict.fromkeys(notes)),
        scope=speaker.scope,
        pull_request=int(key.partition(":")[2]) if is_pull_request else None,
        tickets=tuple(dict.fromkeys(ticket for message in messages for ticket in message.tickets)),
        commits=tuple(commit.sha for commit, _ in group),
        messages=messages,
        notable=any(map(notable, messages)),
    )


def _speaker(messages: Sequence[CommitMessage]) -> CommitMessage:
    """The message that names the change: the one with the pull request's number, else the weightiest, else the first."""
    numbered = [message for message in messages if message.pull_request is not None]
    titled = [message for message in numbered if not _MERGE_WITH_TITLE_BELOW.match(message.description)]
    return min(titled or messages, key=lambda message: (not notable(message), KINDS.index(message.kind)))


def _line(entry: NoteEntry, text: str) -> str:
    scope = f"**{_inline(entry.scope)}:** " if entry.scope else ""
    reference = f" ({_inline(entry.reference)})" if entry.reference else ""
    return f"* {scope}{_inline(text)}{reference}"


def _inline(text: str) -> str:
    """One line of Markdown in which "<" outside code spans stands for itself and opens no HTML."""
    parts = re.split(r"(`[^`]*`)", " ".join(text.split()))
    return "".join(part if part.startswith("`") and part.endswith("`") else part.replace("<", "\\<") for part in parts)
