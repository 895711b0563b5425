"""`manage.py run` from outside: real servers, real signals."""

import os
import signal
import socket
import time
from contextlib import closing

import psutil
import psycopg2
import pytest

from config.embedded import places
from tests.config.running import Run, folder

pytestmark = pytest.mark.journey

LONG = "a folder with spaces, a comma and " + "a long name " * 12 + "'\""


def ask(run: Run, sql: str):
    with closing(
        psycopg2.connect(host=str(places.of(run.var).sockets), user="slipway", dbname="slipway")
    ) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else None


def gone(processes: list[psutil.Process], patience_s: float) -> list[psutil.Process]:
    _, alive = psutil.wait_procs(processes, timeout=patience_s)
    return [process for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def test_it_serves_in_a_long_folder_with_spaces_keeps_data_over_kill_9_and_leaves_no_orphans():
    with folder(LONG) as var:
        first = Run(var).wait_until_it_serves()
        family = first.family()
        assert first.get("/live") == (200, "live\n")
        assert first.get("/ready")[0] == 200
        assert ask(first, "SELECT usesuper FROM pg_user WHERE usename = current_user") == [(False,)]
        assert first.child("postgres").uids().effective != 0
        ask(first, "CREATE TABLE kept AS SELECT 42 AS answer")
        first.end(signal.SIGKILL)

        with Run(var) as second:
            second.wait_until_it_serves()
            assert gone(family, 0) == []
            assert ask(second, "SELECT answer FROM kept") == [(42,)]
            family = second.family()
            began = time.monotonic()
            status, said = second.end(signal.SIGINT)
        assert (status, gone(family, 0)) == (0, [])
        assert time.monotonic() - began < 15, said


def test_a_second_run_in_the_folder_names_the_first_and_exits_3():
    with folder() as var, Run(var) as first:
        first.wait_until_it_serves()
        status, said = Run(var).finish()
        assert status == 3
        assert f"process {first.process.pid}, http://127.0.0.1:{first.port}" in said
        assert first.get("/live")[0] == 200

        worker = first.child("worker")
        worker.kill()
        first.wait_until_it_says("worker ended with signal 9; it starts again in 1 s")
        until = time.monotonic() + 10
        while first.pid_of("worker") in (0, worker.pid):
            assert time.monotonic() < until
            time.sleep(0.1)

        first.child("valkey").kill()
        status, said = first.finish()
        assert status == 1
        assert "valkey ended with signal 9" in said


def test_a_taken_port_is_named_before_anything_starts():
    with folder() as var, closing(socket.create_server(("127.0.0.1", 0))) as squatter:
        port = squatter.getsockname()[1]
        status, said = Run(var, port=port).finish()
    assert status == 1
    assert f"Port {port} is taken by" in said
    assert f"process {os.getpid()}" in said
    assert f"PORT={port + 1} make run" in said
    assert "Starting" not in said


def test_a_signal_during_the_start_stops_it_at_once():
    with folder() as var:
        run = Run(var)
        run.wait_until_it_says("Starting embedded servers")
        status, said = run.end(signal.SIGTERM)
        assert status == 0, said
        assert "Slipway runs at" not in said
        assert [one for one in psutil.process_iter() if _works_in(one, var)] == []


def _works_in(process: psutil.Process, var) -> bool:
    try:
        return process.cwd().startswith(str(var))
    except psutil.Error:
        return False
