"""Removing what programs that ended long ago have left on this machine; their logs are in the database by then."""

import re
import shutil
from datetime import datetime, timedelta
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from deployments.drivers import traces
from deployments.models import Run
from deployments.states import RunState

SETTLED = (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED, RunState.SKIPPED)
FOLDER = re.compile(r"[0-9a-f]{40}(\.old)?")
AT_ONCE = 2000


def remove_old_runs() -> int:
    """Remove the folders of programs that ended more than HOOK_RUNS_KEEP_DAYS days ago. Returns how many; 0 days: none.

    What is not settled in the database stays, and so does what has a living process or was written to since.
    """
    if not settings.HOOK_RUNS_KEEP_DAYS:
        return 0
    before = timezone.now() - timedelta(days=settings.HOOK_RUNS_KEEP_DAYS)
    quiet = [folder for folder in folders() if is_older(folder, before) and not traces.is_going_on(folder)]
    keys = {folder: traces.key_of(folder) for folder in quiet[:AT_ONCE]}
    rows = Run.objects.filter(key__in=[key for key in keys.values() if key]).only("key", "state", "due_at", "ended_at")
    known = {run.key: run for run in rows}
    old = [folder for folder, key in keys.items() if key not in known or is_settled(known[key], before)]
    for folder in old:
        remove(folder)
    return len(old)


def folders() -> list[Path]:
    """What lies in VAR_DIR/runs and was made by a driver."""
    place = Path(settings.VAR_DIR) / "runs"
    found = sorted(place.iterdir()) if place.is_dir() else []
    return [path for path in found if FOLDER.fullmatch(path.name) and path.is_dir() and not path.is_symlink()]


def is_older(folder: Path, before: datetime) -> bool:
    return folder.stat().st_mtime < before.timestamp()


def is_settled(run: Run, before: datetime) -> bool:
    """Whether nobody will ask for the run any more, and has not since then."""
    return run.state in SETTLED and run.due_at is None and run.ended_at is not None and run.ended_at < before


def remove(folder: Path) -> None:
    """Take it away at once and then apart: a part of a folder would look like a run that never began."""
    gone = folder if folder.suffix else folder.rename(folder.with_suffix(".old"))
    shutil.rmtree(gone, ignore_errors=True)
