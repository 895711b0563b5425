"""Reading an answer: its text, and what lies behind a 500."""

import traceback
from pathlib import Path

from django.conf import settings


def body(answer) -> str:
    return (b"".join(answer.streaming_content) if answer.streaming else answer.content).decode(errors="replace")


def trouble(answer) -> str:
    """The error behind a 500, with the place in our code where it came up."""
    info = getattr(answer, "exc_info", None)
    if not info:
        return str(answer.status_code)
    root = Path(settings.BASE_DIR)
    places = [(Path(frame.filename), frame.lineno) for frame in traceback.extract_tb(info[2])]
    ours = [
        f"{file.relative_to(root)}:{line}"
        for file, line in places
        if file.is_relative_to(root) and ".venv" not in file.parts
    ]
    return f"{type(info[1]).__name__}: {str(info[1])[:160]} at {ours[-2:]}"


def assert_none(lines: list[str]) -> None:
    """Show the lines when there are any: pytest's own comparison would cut them."""
    assert not lines, "\n" + "\n".join(lines[:25])
