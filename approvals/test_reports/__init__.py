"""Reading test reports that people and build tools upload: JUnit XML, NUnit 3, TRX, `go test -json`, Mocha JSON.

What is read is never trusted: see `markup` for XML. Names and messages stay plain text; whoever shows them escapes them,
whoever puts them into a spreadsheet guards against formulas.
"""

import json
from typing import BinaryIO

from .go_test import read_go_test
from .junit import JUnit
from .markup import read_xml
from .mocha import is_mocha, read_mocha
from .nunit3 import NUnit3
from .report import FailedCase, Outcome, Report, UnreadableReport, plain
from .trx import Trx

__all__ = ["MAX_BYTES", "FailedCase", "Outcome", "Report", "UnreadableReport", "read"]

MAX_BYTES = 20 * 1024 * 1024
_BOMS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def read(file: BinaryIO, filename: str, max_bytes: int = MAX_BYTES) -> Report:
    """Read an open binary file in whichever known format it has; `filename` only serves the messages.

    Raises UnreadableReport, with a message for the person who uploaded it, for what is too large (before any of it is
    parsed), empty, cut off, hostile or no test report.
    """
    shown = plain(filename.rpartition("/")[2] or "The file", 100)
    try:
        return _report(_content(file, max_bytes))
    except UnreadableReport as reason:
        raise UnreadableReport(f"“{shown}” was not accepted. {reason}") from reason


def _content(file: BinaryIO, max_bytes: int) -> bytes:
    too_large = UnreadableReport(f"It is larger than {max_bytes / 1024 / 1024:g} MiB.")
    if (getattr(file, "size", None) or 0) > max_bytes:
        raise too_large
    content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise too_large
    return content


def _report(content: bytes) -> Report:
    beginning = content[:1024]
    for bom in _BOMS:
        beginning = beginning.removeprefix(bom)
    beginning = beginning.replace(b"\0", b"").lstrip()
    if not content.strip():
        raise UnreadableReport("It is empty.")
    if beginning.startswith(b"<"):
        return read_xml(content, [JUnit(), NUnit3(), Trx()])
    if beginning.startswith(b"{"):
        return _json_report(content)
    raise UnreadableReport("It is neither XML nor JSON. JUnit, NUnit 3, TRX, “go test -json” and Mocha files are read.")


def _json_report(content: bytes) -> Report:
    try:
        text = content.decode(json.detect_encoding(content))
    except UnicodeDecodeError:
        raise UnreadableReport("It is not text in UTF-8 or UTF-16.") from None
    text = text.removeprefix("\ufeff")
    try:
        document = json.loads(text)
    except RecursionError:
        raise UnreadableReport("Its values are nested too deep.") from None
    except ValueError:
        return read_go_test(text)
    if is_mocha(document):
        return read_mocha(document)
    return read_go_test(text)
