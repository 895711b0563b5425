"""The `command` driver with real processes: exactly one run per key, whoever is killed."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from deployments.drivers import DRIVERS, BadCallback, Call, HookRefused, Unreachable, supervise
from deployments.drivers import command as command_module
from deployments.drivers.command import CommandDriver

ROOT = Path(__file__).resolve().parents[2]

SHIP = """\
import os, signal, subprocess, sys, time
with open(sys.argv[1], "a") as marks:
    marks.write("ran\\n")
print("[ 10%] begins", flush=True)
for order in sys.argv[2:]:
    verb, _, value = order.partition(":")
    if verb == "sleep": time.sleep(float(value))
    elif verb == "say": print(value, flush=True)
    elif verb == "bytes": os.write(1, bytes.fromhex(value))
    elif verb == "err": print(value, file=sys.stderr, flush=True)
    elif verb == "stubborn": signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif verb == "mild": signal.signal(signal.SIGTERM, signal.SIG_DFL)
    elif verb == "env": print(value, "=", os.environ.get(value), flush=True)
    elif verb == "allenv": print(sorted(os.environ), flush=True)
    elif verb in ("child", "runaway"):
        asleep = [sys.executable, "-c", "import time; time.sleep(30)"]
        child = subprocess.Popen(asleep, start_new_session=verb == "runaway")
        print("child", child.pid, flush=True)
    elif verb == "flood": print("x" * int(value), flush=True)
    elif verb == "exit": sys.exit(int(value))
    elif verb == "die": os.kill(os.getpid(), signal.SIGKILL)
print("[100%] ends", flush=True)
"""


@pytest.fixture
def place(tmp_path):
    """A folder with spaces in its name that holds the program."""
    folder = tmp_path / "a place with spaces"
    folder.mkdir()
    (folder / "ship.py").write_text(SHIP)
    return folder


@pytest.fixture
def program(place):
    return str(place / "ship.py")


@pytest.fixture
def driver(place, program):
    return CommandDriver(place / "runs", [program, "sh", "no-such-program"], log_max_bytes=10_000, grace_s=0.5)


@pytest.fixture
def call(place, program):
    """Makes a call that carries out the orders of SHIP, one after the other."""

    def make(*orders, key="deployment-7-try-1", timeout_s=20, inputs=None, **more):
        arguments = [str(place / "marks"), *orders]
        return Call(key, {"program": program, "arguments": arguments}, inputs or {}, timeout_s, **more)

    return make


@pytest.fixture
def times_run(place):
    return lambda: len((place / "marks").read_text().splitlines()) if (place / "marks").exists() else 0


def follow(driver, call, within_s=10):
    """Poll to the end; the last progress and everything that was said on the way."""
    said, offset, ends_at = "", 0, time.monotonic() + within_s
    while time.monotonic() < ends_at:
        progress = driver.poll(call, {}, offset)
        said, offset = said + progress.output, progress.log_offset
        if progress.status != "running":
            return progress, said
        time.sleep(0.05)
    raise AssertionError(f"still running after {within_s} s; it said {said!r}")


def wait_for(condition, within_s=5):
    ends_at = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < ends_at, "waited in vain"
        time.sleep(0.02)
    return found


def test_a_run_streams_its_output_and_ends_well(driver, call, times_run):
    this = call("say:to staging", "err:a warning", "sleep:0.3", "say:done")
    handle = driver.start(this)
    assert json.loads(json.dumps(handle)) == handle

    first = wait_for(lambda: (seen := driver.poll(this, handle)).output and seen)
    assert first.status == "running"
    assert first.progress == 0.1

    progress, said = follow(driver, this)
    assert (progress.status, progress.detail) == ("succeeded", "Exit status 0.")
    assert said.splitlines() == ["[ 10%] begins", "to staging", "a warning", "done", "[100%] ends"]
    assert times_run() == 1


@pytest.mark.parametrize(
    ("order", "detail"),
    [("exit:3", "Exit status 3."), ("die", "Ended by signal 9.")],
)
def test_a_program_that_fails_is_failed_with_its_reason(driver, call, order, detail):
    this = call("say:trouble", order)
    driver.start(this)
    progress, said = follow(driver, this)
    assert (progress.status, progress.detail) == ("failed", detail)
    assert "trouble" in said


def test_a_second_start_with_the_same_key_finds_the_first_run(driver, call, times_run):
    this = call("sleep:0.2")
    assert driver.start(this) == driver.start(this)
    follow(driver, this)
    driver.start(this)
    assert follow(driver, this)[0].status == "succeeded"
    assert times_run() == 1


def test_another_key_is_another_run(driver, call, times_run):
    for key in ("one", "two"):
        this = call(key=key)
        driver.start(this)
        follow(driver, this)
    assert times_run() == 2


def test_eight_starts_at_once_run_the_program_once(driver, call, times_run):
    this = call("sleep:0.2")
    gate = threading.Barrier(8)

    def start():
        gate.wait()
        driver.start(this)

    with ThreadPoolExecutor(8) as pool:
        for started in [pool.submit(start) for _ in range(8)]:
            started.result()
    assert follow(driver, this)[0].status == "succeeded"
    assert times_run() == 1


WORKER = """\
import json, os, signal, subprocess, sys
from pathlib import Path
from deployments.drivers import command, supervise, Call
from deployments.drivers.command import CommandDriver

order = json.loads(sys.argv[1])
die = lambda: os.killpg(0, signal.SIGKILL)  # with everything else of its process group
moment = order["moment"]

def dying_after(module, name):
    real = getattr(module, name)
    def stand_in(*args, **kwargs):
        real(*args, **kwargs)
        die()
    setattr(module, name, stand_in)

def dying_while_launching(*args, **kwargs):
    kwargs.pop("check"), kwargs.pop("timeout")
    subprocess.Popen(*args, **kwargs)
    die()

if moment == "folder made": dying_after(Path, "mkdir")
if moment == "call written": dying_after(supervise, "write_json_once")
if moment == "supervisor launching": command.subprocess.run = dying_while_launching
if moment == "supervisor launched": dying_after(command, "spawn")
driver = CommandDriver(Path(order["runs"]), [order["program"]], 10_000)
driver.start(Call(order["key"], {"program": order["program"], "arguments": order["arguments"]}, timeout_s=20))
if moment == "started": die()
"""


@pytest.mark.parametrize(
    "moment", ["folder made", "call written", "supervisor launching", "supervisor launched", "started"]
)
def test_a_worker_killed_at_any_moment_leaves_exactly_one_run(driver, call, program, times_run, moment):
    this = call("say:first", "sleep:0.3", "say:last")
    order = {"moment": moment, "runs": str(driver.runs_dir), "key": this.key} | this.config
    argv = [sys.executable, "-c", WORKER, json.dumps(order)]
    worker = subprocess.run(argv, cwd=ROOT, timeout=20, check=False, start_new_session=True)
    assert worker.returncode == -signal.SIGKILL

    driver.start(this)
    progress, said = follow(driver, this)
    assert progress.status == "succeeded"
    assert said.splitlines() == ["[ 10%] begins", "first", "last", "[100%] ends"]
    assert times_run() == 1


def test_a_run_that_never_began_is_unknown_and_says_that_it_may_be_started_again(driver, call, times_run):
    this = call()
    driver.folder(this.key).mkdir(parents=True)
    progress = driver.poll(this, {})
    assert progress.status == "unknown"
    assert "Starting again with the same key is safe" in progress.detail
    assert times_run() == 0


def test_a_run_whose_folder_is_gone_is_unknown(driver, call):
    progress = driver.poll(call(), {"folder": "gone"}, 17)
    assert (progress.status, progress.log_offset) == ("unknown", 17)
    assert "ran elsewhere or was removed" in progress.detail


def supervisor_of(driver, this):
    return wait_for(lambda: command_module.read_json(driver.folder(this.key) / "supervisor.json"))


def test_a_killed_supervisor_leaves_an_unknown_outcome_and_no_second_run(driver, call, times_run):
    this = call("sleep:30")
    driver.start(this)
    program = wait_for(lambda: command_module.read_json(driver.folder(this.key) / "program.json"))
    wait_for(times_run)
    os.kill(supervisor_of(driver, this)["pid"], signal.SIGKILL)

    progress, _ = follow(driver, this)
    assert progress.status == "unknown"
    assert f"still runs as process {program['pid']}" in progress.detail

    driver.start(this)
    assert driver.poll(this, {}).status == "unknown"
    assert driver.cancel(this, {})
    wait_for(lambda: not command_module.is_alive(program))
    assert "ended without leaving a result" in driver.poll(this, {}).detail
    assert times_run() == 1


def test_a_process_that_only_reuses_the_supervisors_number_is_not_taken_for_it(driver, call):
    this = call()
    folder = driver.folder(this.key)
    folder.mkdir(parents=True)
    imposter = {"pid": os.getpid(), "created_at": psutil.Process().create_time() - 3600, "host": os.uname().nodename}
    (folder / "supervisor.json").write_text(json.dumps(imposter))
    assert driver.poll(this, {}).status == "unknown"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are told apart otherwise there")
def test_a_run_is_still_known_after_the_clock_was_set(driver, call, monkeypatch):
    """The time of the boot is worked out from the wall clock, and with it everything that counts from there."""
    this = call("sleep:30")
    driver.start(this)
    program = wait_for(lambda: command_module.read_json(driver.folder(this.key) / "program.json"))
    before = psutil.Process(program["pid"]).create_time()
    boot = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: boot + 10)
    assert psutil.Process(program["pid"]).create_time() == pytest.approx(before + 10, abs=1)
    assert driver.poll(this, {}).status == "running"
    assert command_module.is_alive(program)
    assert driver.cancel(this, {})
    assert follow(driver, this)[0].detail == "Cancelled."


@pytest.mark.parametrize("differs", ["ticks", "boot"])
def test_a_process_of_another_start_or_another_boot_is_another_process(differs):
    me = supervise.identity(os.getpid())
    assert command_module.is_alive(me)
    assert not command_module.is_alive(me | {differs: "another"})


def test_where_there_is_no_proc_the_time_of_creation_tells_processes_apart(monkeypatch):
    monkeypatch.setattr(supervise.Path, "read_bytes", lambda self: (_ for _ in ()).throw(FileNotFoundError))
    me = supervise.identity(os.getpid())
    assert set(me) == {"pid", "created_at"}
    assert command_module.is_alive(me)
    assert not command_module.is_alive(me | {"created_at": me["created_at"] - 3600})


def test_a_process_whose_name_looks_like_fields_is_read_right():
    name = ") 1 2 3 4 5 ("
    child = subprocess.Popen([sys.executable, "-c", f"open('/proc/self/comm', 'w').write({name!r}); input()"], stdin=-1)
    wait_for(lambda: Path(f"/proc/{child.pid}/comm").read_text().strip() == name)
    assert abs(supervise.identity(child.pid)["ticks"] - supervise.identity(os.getpid())["ticks"]) < 10**6
    child.kill()
    child.wait()


def test_a_run_of_another_machine_is_running_until_its_time_is_over(driver, call):
    this = call(timeout_s=100)
    folder = driver.folder(this.key)
    folder.mkdir(parents=True)
    (folder / "supervisor.json").write_text(json.dumps({"pid": 1, "created_at": 0, "host": "elsewhere"}))
    assert driver.poll(this, {}).status == "running"
    long_ago = time.time() - 1000
    os.utime(folder / "supervisor.json", (long_ago, long_ago))
    assert driver.poll(this, {}).status == "unknown"


@pytest.mark.parametrize(
    "orders",
    [("stubborn", "child"), ("stubborn", "runaway"), ("stubborn", "runaway", "mild")],
    ids=["in its group", "in a session of its own", "left behind by a program that stopped"],
)
def test_a_program_over_its_time_limit_is_stopped_with_all_it_started(driver, call, orders):
    this = call(*orders, "sleep:30", timeout_s=0.8)
    driver.start(this)
    progress, said = follow(driver, this)
    assert (progress.status, progress.detail) == ("failed", "Stopped: it ran longer than its time limit of 0.8 s.")
    child = int(said.partition("child ")[2].split()[0])
    wait_for(lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


def test_a_cancelled_run_stops_and_says_so(driver, call):
    this = call("sleep:30")
    driver.start(this)
    assert driver.cancel(this, {})
    progress, _ = follow(driver, this)
    assert (progress.status, progress.detail) == ("failed", "Cancelled.")


def test_a_run_cancelled_before_it_began_never_runs(driver, call, times_run):
    this = call()
    driver.folder(this.key).mkdir(parents=True)
    assert driver.cancel(this, {})
    driver.start(this)
    progress, _ = follow(driver, this)
    assert (progress.status, progress.detail) == ("failed", "Cancelled before it started.")
    assert times_run() == 0


def test_there_is_nothing_to_cancel_where_nothing_ran(driver, call):
    assert not driver.cancel(call(), {})


def test_a_flood_of_output_is_cut_and_says_so(driver, call):
    this = call("flood:300000", "say:after the flood")
    driver.start(this)
    progress, said = follow(driver, this)
    assert progress.status == "succeeded"
    assert len(said) < 10_100
    assert said.endswith("[output cut here: more than 10000 bytes]\n")


def test_a_daemon_left_behind_does_not_hold_the_run_open(driver, call):
    this = call("child")
    driver.start(this)
    progress, said = follow(driver, this, within_s=4)
    assert progress.status == "succeeded"
    os.kill(int(said.partition("child ")[2].split()[0]), signal.SIGKILL)


def test_a_character_cut_in_two_is_read_whole_by_the_next_poll(tmp_path):
    log = tmp_path / "output.log"
    log.write_bytes("5 €".encode()[:-1])
    text, offset = command_module.read_log(log, 0, to_the_end=False)
    assert (text, offset) == ("5 ", 2)
    log.write_bytes("5 € done".encode())
    assert command_module.read_log(log, offset, to_the_end=False) == ("€ done", 10)


def test_output_that_is_no_text_is_shown_with_replacement_characters(driver, call):
    this = call("bytes:ff00e282")
    driver.start(this)
    _, said = follow(driver, this)
    assert "\ufffd\ufffd\ufffd" in said
    assert "\0" not in said


def test_placeholders_are_filled_in_and_never_add_an_argument(driver, call):
    this = call(
        "say:{version} to {environment}, {{kept}}",
        inputs={"version": "4.8.0 $(id); 'x' \n y", "environment": "staging"},
    )
    driver.start(this)
    _, said = follow(driver, this)
    assert "4.8.0 $(id); 'x' \n y to staging, {kept}\n" in said


def test_a_value_cannot_turn_into_an_option(driver, call, times_run):
    with pytest.raises(HookRefused, match="would be read as an option"):
        driver.start(call("{version}", inputs={"version": "--force"}))
    assert times_run() == 0


def test_the_program_sees_its_inputs_and_nothing_of_the_workers_secrets(driver, call, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgresql://secret")
    monkeypatch.setenv("SLIPWAY_SECRET_KEY", "secret")
    inputs = {"version": "4.8.0", "artifacts": ["sha256:4be1"], "previous_version": None}
    this = call(
        "env:SLIPWAY_VERSION", "env:SLIPWAY_ARTIFACTS", "env:SLIPWAY_SECRET", "allenv", inputs=inputs, secret="s3"
    )
    driver.start(this)
    _, said = follow(driver, this)
    assert "SLIPWAY_VERSION = 4.8.0\n" in said
    assert 'SLIPWAY_ARTIFACTS = ["sha256:4be1"]\n' in said
    assert "SLIPWAY_SECRET = s3\n" in said
    assert "DATABASE_URL" not in said
    assert "SLIPWAY_SECRET_KEY" not in said
    assert "s3" not in (driver.folder(this.key) / "call.json").read_text()


@pytest.mark.parametrize(
    ("config", "field", "reason"),
    [
        ({}, "program", "Name the program"),
        ({"program": ["sh"]}, "program", "Name the program"),
        ({"program": "rm"}, "program", "not among the programs"),
        ({"program": "/bin/sh"}, "program", "not among the programs"),
        ({"program": "sh", "arguments": "-c id"}, "arguments", "list of texts"),
        ({"program": "sh", "arguments": [1]}, "arguments", "list of texts"),
        ({"program": "sh", "arguments": ["{colour}"]}, "arguments", "unknown placeholder"),
        ({"program": "sh", "arguments": ["{}"]}, "arguments", "unknown placeholder"),
        ({"program": "sh", "arguments": ["{version.__class__}"]}, "arguments", "unknown placeholder"),
        ({"program": "sh", "arguments": ["{version!r}"]}, "arguments", "unknown placeholder"),
        ({"program": "sh", "arguments": ["{version:>9999999999}"]}, "arguments", "unknown placeholder"),
        ({"program": "sh", "arguments": ["{version"]}, "arguments", "for a brace"),
        ({"program": "sh", "arguments": ["a\0b"]}, "arguments", "NUL"),
        ({"program": "sh", "shell": True}, "shell", "no such field"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused_at_its_field(driver, call, config, field, reason):
    problems = driver.validate(config)
    assert list(problems) == [field]
    assert reason in problems[field]
    with pytest.raises(HookRefused, match=field):
        driver.start(replace(call(), config=config))
    assert not driver.runs_dir.exists()


def test_a_good_configuration_has_no_problems(driver, call):
    assert driver.validate(call("{version}", "{{}}").config) == {}


def test_a_program_that_is_not_installed_is_refused(driver):
    with pytest.raises(HookRefused, match="not installed"):
        driver.start(Call("k", {"program": "no-such-program", "arguments": []}))


def test_a_program_that_cannot_be_executed_is_a_failed_run(place, call):
    broken = place / "broken"
    broken.write_text("#!/no/such/interpreter\n")
    broken.chmod(0o755)
    driver = CommandDriver(place / "runs", [str(broken)], 1000)
    this = Call("k", {"program": str(broken), "arguments": []})
    driver.start(this)
    progress, _ = follow(driver, this)
    assert progress.status == "failed"
    assert "could not be started" in progress.detail


def test_a_machine_that_cannot_start_anything_says_so_and_may_be_tried_again(place, program, call, times_run):
    (place / "runs").write_text("a file where the folder should be")
    driver = CommandDriver(place / "runs", [program], 1000)
    with pytest.raises(Unreachable, match="could not start"):
        driver.start(call())
    (place / "runs").unlink()
    driver.start(call())
    assert follow(driver, call())[0].status == "succeeded"
    assert times_run() == 1


def test_a_command_takes_no_callback(driver, call):
    with pytest.raises(BadCallback):
        driver.callback(call(), {}, {}, b"{}")


def test_the_registered_driver_reads_the_settings_at_each_call(settings, place, program, call):
    settings.VAR_DIR, settings.HOOK_PROGRAMS, settings.HOOK_LOG_MAX_BYTES = place / "var", [program], 1000
    this = call("say:by the settings")
    DRIVERS["command"].start(this)
    assert "by the settings" in follow(DRIVERS["command"], this)[1]
    assert (place / "var" / "runs").is_dir()
