"""Why something may not happen now: blockers, and the refusal that carries them."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Blocker:
    """One explainable reason why an action may not happen now.

    `code` is stable and for machines; `message` says what is missing and who or what mends it; `url` is the page where it is
    mended and `fix` the verb on the link to it; `field` names the form field at fault, where there is one.
    """

    code: str
    message: str
    url: str = ""
    fix: str = ""
    field: str = ""

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


class Refused(Exception):
    """A door said no. Carries every blocker; nothing has changed."""

    def __init__(self, blockers: Iterable[Blocker] | Blocker):
        self.blockers = [blockers] if isinstance(blockers, Blocker) else list(blockers)
        super().__init__(" ".join(b.message for b in self.blockers))


def refuse(code: str, message: str, *, url: str = "", fix: str = "", field: str = "") -> None:
    """Raise Refused with this one blocker."""
    raise Refused(Blocker(code, message, url, fix, field))


def refuse_if(blockers: Iterable[Blocker]) -> None:
    """Raise Refused when there is any blocker."""
    found = list(blockers)
    if found:
        raise Refused(found)
