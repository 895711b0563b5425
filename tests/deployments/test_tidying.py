"""What old programs left is removed, and nothing that anybody may still ask for."""

import json
import os
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from celery.schedules import crontab
from django.utils import timezone

from config.celery import app
from deployments.actions.tidying import remove_old_runs
from deployments.drivers import supervise
from deployments.drivers.command import CommandDriver
from deployments.models import Run
from deployments.tasks import tidy
from tests.factories import deployments as shipping

LONG_AGO = timedelta(days=31)


@pytest.fixture
def left(place, tmp_path, settings):
    """Makes the folder that a run of some state left, `age` ago; further files by name."""
    settings.VAR_DIR, settings.HOOK_RUNS_KEEP_DAYS = tmp_path, 30
    deployment = shipping.deployment(place.release, place.staging, "succeeded")
    hook = place.staging.hooks.get()

    def make(state="succeeded", *, age=LONG_AGO, ended=LONG_AGO, position=1, row=True, **files):
        run = shipping.run(deployment, hook, state, position=position)
        Run.objects.filter(pk=run.pk).update(ended_at=timezone.now() - ended if ended else None, due_at=None)
        folder = CommandDriver().folder(run.key)
        folder.mkdir(parents=True)
        for name, content in ({"call": {"key": run.key}} | files).items():
            (folder / f"{name}.json").write_text(json.dumps(content))
        (folder / "output.log").write_text("said long ago")
        if not row:
            run.delete()
        touch(folder, age)
        return folder

    return make


def touch(folder, age) -> None:
    then = time.time() - age.total_seconds()
    os.utime(folder, (then, then))


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "skipped"])
def test_what_a_settled_run_left_is_removed_after_the_days_that_the_settings_give(left, state):
    old, young = left(state), left(state, position=2, age=timedelta(days=29), ended=timedelta(days=29))
    assert remove_old_runs() == 1
    assert not old.exists()
    assert list(young.parent.iterdir()) == [young]


@pytest.mark.parametrize("state", ["waiting", "claimed", "running", "unknown"])
def test_what_is_not_settled_stays_however_old(left, state):
    folder = left(state)
    assert remove_old_runs() == 0
    assert folder.exists()


def test_a_run_that_ended_lately_keeps_an_old_folder(left):
    folder = left(ended=timedelta(days=2))
    assert remove_old_runs() == 0
    assert folder.exists()


def test_a_cancelled_run_that_is_still_being_stopped_keeps_its_folder(left):
    folder = left("cancelled")
    Run.objects.update(due_at=timezone.now())
    assert remove_old_runs() == 0
    assert folder.exists()


@pytest.mark.parametrize("file", ["supervisor", "program"])
def test_a_folder_with_a_living_process_stays(left, file):
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    folder = left(**{file: supervise.identity(child.pid) | {"host": os.uname().nodename}})
    assert remove_old_runs() == 0
    assert folder.exists()
    child.kill()
    child.wait()
    assert remove_old_runs() == 1


def test_a_run_of_another_machine_stays_until_it_has_told_its_end(left):
    folder = left(supervisor={"pid": 1, "ticks": 1, "boot": "b", "host": "elsewhere"})
    assert remove_old_runs() == 0
    (folder / "exit.json").write_text("{}")
    touch(folder, LONG_AGO)
    assert remove_old_runs() == 1


def test_what_no_run_knows_any_more_is_removed_by_its_age(left):
    left(row=False)
    assert remove_old_runs() == 1


def test_nothing_else_is_touched(left, tmp_path):
    left()
    others = [tmp_path / "runs" / "notes", tmp_path / "runs" / ("a" * 39)]
    for other in others:
        other.mkdir()
        touch(other, LONG_AGO)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = tmp_path / "runs" / ("b" * 40)
    link.symlink_to(elsewhere)
    touch(link, LONG_AGO)
    assert remove_old_runs() == 1
    assert all(path.exists() for path in (*others, elsewhere, link))


def test_what_was_left_half_removed_is_removed_the_next_time(left):
    folder = left()
    gone = folder.rename(folder.with_suffix(".old"))
    (gone / "call.json").unlink()
    touch(gone, LONG_AGO)
    assert remove_old_runs() == 1
    assert not gone.exists()


def test_zero_days_keep_everything(left, settings):
    settings.HOOK_RUNS_KEEP_DAYS = 0
    folder = left()
    assert remove_old_runs() == 0
    assert folder.exists()


def test_where_nothing_ever_ran_there_is_nothing_to_do(db, settings, tmp_path):
    settings.VAR_DIR = tmp_path / "new"
    assert remove_old_runs() == 0


def test_beat_asks_for_it_once_a_day():
    tasks = {entry["task"]: entry for entry in app.conf.beat_schedule.values()}
    assert tasks[tidy.name]["schedule"] == crontab(hour=3, minute=20)
