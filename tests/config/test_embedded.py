"""The embedded servers' ground: addresses, folders, locks and what crashes leave."""

import os
import signal
import stat
import subprocess
import sys

import psycopg2
import pytest
import redis
from kombu import Connection

from config import embedded
from config.embedded import accounts, children, places, postgres, programs, servers
from config.embedded.accounts import Account
from config.embedded.addresses import database
from config.embedded.lock import AlreadyRunning, RunLock
from tests.config.running import folder


def test_the_secret_is_made_once_and_only_its_owner_reads_it(tmp_path):
    first = embedded.secret_key(tmp_path / "var")
    assert len(first) >= 50
    assert embedded.secret_key(tmp_path / "var") == first
    assert stat.S_IMODE((tmp_path / "var" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "var").iterdir()] == ["secret"]


@pytest.mark.parametrize(
    ("url", "broker", "cache"),
    [
        ("redis://host:6379", "redis://host:6379", "redis://host:6379/1"),
        ("rediss://:word@host/4?x=1", "rediss://:word@host/4?x=1", "rediss://:word@host/5?x=1"),
        ("unix:///a%20b/v.sock", "redis+socket:///a%20b/v.sock?virtual_host=0", "unix:///a%20b/v.sock?db=1"),
        ("unix:///v.sock?db=3", "redis+socket:///v.sock?virtual_host=3", "unix:///v.sock?db=4"),
    ],
)
def test_the_cache_has_the_database_after_the_brokers(url, broker, cache):
    assert embedded.broker_url(url) == broker
    assert embedded.cache_location(url) == cache


def test_clearing_the_cache_leaves_the_queue_alone(settings):
    with Connection(settings.CELERY_BROKER_URL) as link, link.SimpleQueue("kept") as queue:
        queue.put("a message")
        redis.from_url(settings.CACHES["default"]["LOCATION"]).flushdb()
        assert queue.get(timeout=2).payload == "a message"


def test_libpq_cannot_be_steered_elsewhere(monkeypatch):
    monkeypatch.setenv("PGHOST", "elsewhere")
    monkeypatch.setenv("PGSERVICE", "elsewhere")
    embedded.forget_libpq_variables()
    assert [name for name in os.environ if name.startswith("PG")] == []


@pytest.mark.parametrize("name", ["x" * 90, "one, two"])
def test_sockets_move_to_a_short_plain_folder_where_the_path_is_too_long_or_has_a_comma(name):
    with folder() as var:
        near = places.of(var)
        far = places.of(var.parent / name / "var")
    assert near.sockets == near.home / "sockets"
    assert far.sockets.parent == places.Path("/tmp")
    assert far.sockets.name.startswith("slipway-")


def test_a_folder_of_sockets_that_others_may_enter_is_refused(tmp_path):
    place = places.Places(var=tmp_path, home=tmp_path, sockets=tmp_path / "sockets", account=None)
    place.prepare()
    place.sockets.chmod(0o755)
    with pytest.raises(PermissionError, match="not a private directory"):
        place.prepare()
    place.sockets.rmdir()
    place.sockets.symlink_to(tmp_path / "log")
    with pytest.raises(PermissionError, match="not a private directory"):
        place.prepare()


def test_the_lock_names_its_holder_and_falls_with_it(tmp_path):
    lock = RunLock(tmp_path / "lock")
    lock.acquire()
    lock.say("http://127.0.0.1:8000")
    with pytest.raises(AlreadyRunning) as refused:
        RunLock(tmp_path / "lock").acquire()
    assert refused.value.holder == f"{os.getpid()} http://127.0.0.1:8000"
    lock.release()
    RunLock(tmp_path / "lock").acquire()


def test_a_child_dies_when_its_parent_is_killed(tmp_path):
    code = (
        "import os, signal, sys, time; from pathlib import Path; from config.embedded import children\n"
        "child = children.spawn('sleeper', ['sleep', '60'], log=Path(sys.argv[1]))\n"
        "print(child.pid, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    )
    said = subprocess.run([sys.executable, "-c", code, tmp_path / "log"], capture_output=True, text=True, check=False)
    pid = int(said.stdout)
    children.psutil.wait_procs([children.psutil.Process(pid)] if children.psutil.pid_exists(pid) else [], timeout=5)
    assert not children.psutil.pid_exists(pid) or children.psutil.Process(pid).status() == "zombie"


def test_leftovers_are_ended_but_not_who_has_their_number_now(tmp_path):
    left = children.spawn("left", ["sleep", "60"], log=tmp_path / "log")
    other = children.spawn("other", ["sleep", "60"], log=tmp_path / "log")
    note = tmp_path / "children"
    children.write_down(note, [left])
    entry = children.json.loads(note.read_text())[0]
    note.write_text(children.json.dumps([entry, ["other", other.pid, entry[2] - 1000, int(signal.SIGTERM)]]))
    assert children.end_leftovers(note) == ["left"]
    assert (left.alive, other.alive) == (False, True)
    children.stop([other])


def test_a_child_deaf_to_its_signals_is_killed_with_its_group(tmp_path):
    deaf = children.spawn(
        "deaf",
        ["sh", "-c", "trap '' TERM; sleep 60 & echo deaf; wait; sleep 60"],
        log=tmp_path / "log",
        signals=((signal.SIGTERM, 0.2),),
    )
    while not (tmp_path / "log").read_text():
        pass
    children.stop([deaf])
    assert deaf.exit_text == "signal 9"


def test_a_half_made_cluster_and_lock_files_with_the_number_of_a_stranger_do_no_harm(tmp_path):
    with folder() as var:
        place = places.of(var)
        place.prepare()
        draft = places.make(place.home / "pg18.new", mode=0o700, account=place.account)
        (draft / "PG_VERSION").write_text("18\n")
        children.stop(servers.start(place, broker=False))

        other = children.spawn("other", ["sleep", "60"], log=tmp_path / "log", account=place.account)
        for lock in (place.home / "pg18" / "postmaster.pid", place.sockets / ".s.PGSQL.5432.lock"):
            lock.write_text(f"{other.pid}\n{place.home / 'pg18'}\n")
        started = servers.start(place, broker=False)
        try:
            connection = psycopg2.connect(host=database(var)["HOST"], user="slipway", dbname="slipway")
            with connection.cursor() as cursor:
                cursor.execute("SELECT datlocprovider, datcollate FROM pg_database WHERE datname = 'slipway'")
                assert cursor.fetchone() == ("b", "C")
            connection.close()
            assert other.alive
        finally:
            children.stop([*started, other])


def test_a_server_that_cannot_start_says_why():
    with folder() as var, pytest.raises(postgres.DidNotStart, match="not_a_setting"):
        servers.start(places.of(var), broker=False, postgres_settings={"not_a_setting": "1"})


@pytest.mark.skipif(os.geteuid() != 0, reason="only root hands its servers to another account")
def test_in_a_private_home_root_keeps_data_and_programs_where_the_servers_account_may_enter(tmp_path, monkeypatch):
    with folder("refuge") as refuge:
        refuge.mkdir(mode=0o711)
        monkeypatch.setattr(accounts, "REFUGE", refuge)
        monkeypatch.setattr(Account, "reaches", lambda self, path: refuge in path.parents)
        place = places.of(tmp_path / "var")
        place.account.own(places.make(tmp_path / "var" / "valkey", mode=0o700))
        (tmp_path / "var" / "valkey" / "note").write_text("made while the home was open")

        children.stop(servers.start(place))

        assert place.home.parent == refuge
        assert (place.home / "valkey" / "note").exists()
        assert (programs.find(place.account).postgres / "postgres").is_relative_to(refuge)
        assert (place.home / "pg18").stat().st_uid == place.account.uid
