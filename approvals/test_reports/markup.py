"""Reading XML reports as a stream: nothing external is fetched, no entity is expanded, no tree is built."""

from collections.abc import Iterable
from typing import Protocol
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from .report import Report, UnreadableReport

MAX_DEPTH = 100
MAX_TEXT = 10_000  # characters kept of the text of one element
_CHUNK = 64 * 1024
# Test tools copy coloured terminal output into reports. XML allows no such characters; dropping them harms nothing.
_FORBIDDEN = bytes(code for code in range(32) if code not in b"\t\n\r")


class XmlFormat(Protocol):
    """A kind of XML report. It is told each element as it opens and closes, with the names of those around it.

    `around` are the enclosing elements' names without namespaces, outermost first.
    """

    roots: frozenset[str]

    def opened(self, name: str, attributes: dict[str, str], around: list[str]) -> None: ...

    def closed(self, name: str, text: str, around: list[str]) -> None: ...

    def report(self) -> Report: ...


class _Target:
    """What the parser calls: chooses the format by the root element and passes elements on."""

    def __init__(self, formats: Iterable[XmlFormat]):
        self._formats = formats
        self._format: XmlFormat | None = None
        self._around: list[str] = []
        self._text: list[list[str]] = []
        self._length = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        name = _local(tag)
        if self._format is None:
            self._format = self._chosen(name)
        if len(self._around) >= MAX_DEPTH:
            raise UnreadableReport(f"Its elements are nested more than {MAX_DEPTH} deep.")
        self._format.opened(name, attributes, self._around)
        self._around.append(name)
        self._text.append([])
        self._length = 0

    def data(self, text: str) -> None:
        if self._text and self._length < MAX_TEXT:
            self._text[-1].append(text[: MAX_TEXT - self._length])
            self._length += len(text)

    def end(self, tag: str) -> None:
        name = self._around.pop()
        self._format.closed(name, "".join(self._text.pop()), self._around)
        self._length = 0

    def close(self) -> Report:
        return self._format.report()

    def _chosen(self, root: str) -> XmlFormat:
        for candidate in self._formats:
            if root in candidate.roots:
                return candidate
        raise UnreadableReport(
            f"It starts with the element <{root[:60]}>, which no known kind of test report does. "
            "JUnit, NUnit 3 and TRX files are read."
        )


def read_xml(content: bytes, formats: Iterable[XmlFormat]) -> Report:
    """Read an XML report in the format that its root element tells. Raises UnreadableReport."""
    if content[:2] not in (b"\xff\xfe", b"\xfe\xff") and b"\0" not in content[:4]:
        content = content.translate(None, _FORBIDDEN)
    parser = DefusedXMLParser(target=_Target(formats), forbid_dtd=True)
    try:
        for start in range(0, len(content), _CHUNK):
            parser.feed(content[start : start + _CHUNK])
        return parser.close()
    except DefusedXmlException:
        raise UnreadableReport(
            "It declares a document type or entities. Test reports need neither, and they can do harm."
        ) from None
    except ParseError as error:
        raise UnreadableReport(f"It is not well-formed XML, or is cut off ({error}).") from None
    except UnreadableReport:
        raise
    except (ValueError, LookupError) as error:
        raise UnreadableReport(f"It cannot be decoded as XML ({error}).") from None


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]
