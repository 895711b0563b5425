"""What people typed, before it is kept: a database holds no NUL, and a reason of a hundred pages helps nobody."""

from core.blockers import Blocker, refuse_if

MAX_CHARACTERS = 20_000


def unfit(text: str, field: str) -> list[Blocker]:
    """Why a text cannot be kept, at the form's field; empty when it can."""
    if "\0" in text:
        return [Blocker("unstorable", "It holds a character that cannot be kept (NUL). Type it anew.", field=field)]
    if len(text) > MAX_CHARACTERS:
        much = f"It has {len(text):,} characters; at most {MAX_CHARACTERS:,} are kept. Shorten it."
        return [Blocker("too-long", much, field=field)]
    return []


def fit(text: str, field: str) -> str:
    """The text, trimmed. Raises Refused at the field when it cannot be kept."""
    refuse_if(unfit(text, field))
    return text.strip()
