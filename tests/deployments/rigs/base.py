"""What a counterpart must be able to do: take calls like the real tool, remember them, and behave as badly as it is told."""

from enum import Enum
from pathlib import Path


class Mood(Enum):
    """How a tool answers. What it answers late or not at all it may still have done."""

    WELL = "well"
    LATE = "late"  # longer than the driver waits; the run was started
    NEVER = "never"  # takes the call, starts nothing, says nothing
    SERVER_ERROR = "500"  # says 500, although the run was started
    GARBAGE = "garbage"  # 2xx with a body that nobody understands, although the run was started
    DOWN = "down"  # nobody listens: the call certainly did not arrive
    REFUSES = "refuses"  # 403: the call was understood and turned down


class Rig:
    """A counterpart of one driver. Used as a context manager; `folder` is its own, and other processes may see it."""

    driver: str

    def __init__(self, folder: Path):
        self.folder = folder

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @property
    def config(self) -> dict:
        """A valid configuration of a hook that calls this counterpart."""
        raise NotImplementedError

    secret = ""

    @property
    def settings(self) -> dict:
        """The settings of Slipway that a hook of this counterpart needs; for another process as SLIPWAY_<name>."""
        return {}

    def starts(self) -> list[str]:
        """The key of every run that was ever started, in order: a key twice is a run done twice."""
        raise NotImplementedError

    def finish(self, key: str, *, ok: bool = True, log: str = "") -> None:
        """Let the run end, well or badly, having said `log`."""
        raise NotImplementedError

    def stopped(self) -> list[str]:
        """The keys of the runs that were told to stop."""
        raise NotImplementedError

    def be(self, mood: Mood, *, on: str = "start") -> None:
        """Behave like this from now on when a run is started (`start`), looked at (`look`) or stopped (`stop`)."""
        raise NotImplementedError
