"""The demonstration's deploy tool with real repositories, processes and ports."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from dulwich.repo import Repo

from config.demonstration import ship
from config.demonstration.service import NOTIFICATIONS, PAYMENTS, Revision, build_repository
from deployments.drivers import Call
from deployments.drivers.command import CommandDriver
from deployments.probe import probe

SHIP = str(Path(ship.__file__))
TAGS = ["v4.6.0", "v4.7.0", "v4.7.1", "v4.7.2", "v4.8.0-rc.1", "v4.8.0-rc.2", "v4.8.0-rc.3", "v4.9.0-rc.1"]


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    path = tmp_path_factory.mktemp("repositories") / "payments-api.git"
    build_repository(path)
    return path


@pytest.fixture
def root(tmp_path):
    """A folder to deploy into; whatever runs there at the end of the test is stopped."""
    folder = tmp_path / "a root with spaces"
    yield folder
    ship.down(folder)
    assert running_in(folder) == []


@pytest.fixture
def port():
    return free_port()


def free_port():
    with socket.socket() as probe_socket:
        probe_socket.bind(("127.0.0.1", 0))
        return probe_socket.getsockname()[1]


@pytest.fixture
def command(repository, root, port):
    """The command line of a deployment."""

    def make(version, environment="staging", commit=None, at=None):
        return [
            *(sys.executable, SHIP, "deploy", "--repository", str(repository), "--commit", commit or f"v{version}"),
            *("--version", version, "--environment", environment, "--port", str(at or port), "--root", str(root)),
        ]

    return make


@pytest.fixture
def deploy(command):
    def run(*args, **kwargs):
        return subprocess.run(command(*args, **kwargs), capture_output=True, text=True, timeout=30, check=False)

    return run


@contextmanager
def somebody_else_on(port=0):
    """Another program that listens on a port; gives the port."""
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        yield other.getsockname()[1]


def ask(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def version_at(port):
    return json.loads(ask(port, "/version")[1])["version"]


def running_in(folder):
    return [p.pid for p in psutil.process_iter(["cwd"]) if (p.info["cwd"] or "").startswith(str(folder))]


def test_the_repository_has_the_promised_tags_and_is_the_same_each_time(tmp_path, repository):
    tags = build_repository(tmp_path / "again.git")
    assert sorted(tags) == TAGS
    assert tags == build_repository(repository)
    with Repo(str(repository)) as first, Repo(str(tmp_path / "again.git")) as second:
        assert first.head() == second.head()


def test_the_history_has_conventional_and_other_commits_tickets_and_a_merge(repository):
    with Repo(str(repository)) as git:
        commits = [entry.commit for entry in git.get_walker()]
    messages = [commit.message.decode() for commit in commits]
    assert any(message.startswith("feat(refunds): ") and "(#402)" in message for message in messages)
    assert any("BREAKING CHANGE: " in message for message in messages)
    assert any(message == "Tidy up the ledger's tests\n" for message in messages)
    tickets = {f"PAY-{n}" for n in (1244, 1250, 1261, 1267, 1270, 1275, 1283, 1291)}
    assert all(any(ticket in message for message in messages) for ticket in tickets)
    assert [len(commit.parents) for commit in commits].count(2) == 1
    assert len(commits) == len(PAYMENTS.history)


def test_a_repository_that_cannot_be_finished_leaves_nothing_behind(tmp_path):
    with pytest.raises(AttributeError):
        build_repository(tmp_path / "broken.git", [Revision(1, "Lena <lena@northquay.example>", None)])
    assert list(tmp_path.iterdir()) == []


def test_a_deployment_runs_the_version_it_was_asked_for_and_says_so(deploy, port, repository):
    done = deploy("4.7.2")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("[100%] payments-api in staging: 4.7.2 (")

    tags = build_repository(repository)
    status, body = ask(port, "/version")
    assert status == 200
    assert json.loads(body) == {"version": "4.7.2", "commit": tags["v4.7.2"], "environment": "staging"}
    assert ask(port, "/health") == (200, '{"healthy": true}')
    assert ask(port, "/other")[0] == 404
    status, page = ask(port, "/")
    assert status == 200
    assert "Payments API" in page
    assert "4.7.2" in page
    assert "$" not in page


def test_deploying_the_same_again_changes_nothing(deploy, root, command):
    deploy("4.7.2")
    before = running_in(root)
    again = deploy("4.7.2")
    assert again.returncode == 0
    assert "nothing to do" in again.stdout
    assert running_in(root) == before
    assert len(before) == 1


def test_a_newer_version_replaces_the_older_one_which_is_kept(deploy, port, root):
    deploy("4.7.2")
    deploy("4.8.0-rc.3")
    assert version_at(port) == "4.8.0-rc.3"
    assert len(running_in(root)) == 1
    place = root / "environments" / "staging" / "payments-api"
    assert len(list((place / "releases").iterdir())) == 2
    assert (place / "current" / "VERSION").read_text() == "4.8.0-rc.3\n"


def test_the_same_commit_under_its_final_name_is_started_anew(deploy, port):
    deploy("4.8.0-rc.3")
    assert deploy("4.8.0", commit="v4.8.0-rc.3").returncode == 0
    assert version_at(port) == "4.8.0"


def test_the_broken_version_answers_but_is_not_well_and_can_be_rolled_back(deploy, port):
    deploy("4.8.0-rc.3")
    assert deploy("4.9.0-rc.1").returncode == 0
    sample = probe(f"http://127.0.0.1:{port}/health", timeout_s=2)
    assert (sample.ok, sample.status) == (False, 500)
    assert "ledger" in sample.detail

    deploy("4.8.0-rc.3")
    assert probe(f"http://127.0.0.1:{port}/health", timeout_s=2).ok
    assert version_at(port) == "4.8.0-rc.3"


def test_environments_and_products_stand_side_by_side(deploy, root, port, tmp_path):
    second, third = free_port(), free_port()
    build_repository(tmp_path / "notifications.git", product=NOTIFICATIONS)
    deploy("4.8.0-rc.3")
    deploy("4.7.2", environment="production", at=second)
    arguments = ["--repository", str(tmp_path / "notifications.git"), "--commit", "v2.6.0", "--version", "2.6.0"]
    arguments += ["--environment", "staging", "--port", str(third), "--root", str(root)]
    assert ship.main(["deploy", *arguments]) == 0
    assert [version_at(at) for at in (port, second, third)] == ["4.8.0-rc.3", "4.7.2", "2.6.0"]
    assert [service.label for service in ship.services(root)] == [
        "payments-api in production",
        "notifications in staging",
        "payments-api in staging",
    ]


def test_two_deployments_at_once_come_one_after_the_other(command, port, root):
    both = [
        subprocess.Popen(command(version), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for version in ("4.7.2", "4.8.0-rc.3")
    ]
    ends = [process.communicate(timeout=30) for process in both]
    assert [process.returncode for process in both] == [0, 0], ends
    assert len(running_in(root)) == 1
    deployed = json.loads((root / "environments" / "staging" / "payments-api" / "deployed.json").read_text())
    assert version_at(port) == deployed["version"]


def test_a_version_that_cannot_start_fails_and_the_one_before_runs_again(deploy, port, root):
    deploy("4.7.2")
    with somebody_else_on() as taken:
        failed = deploy("4.8.0-rc.3", at=taken)
    assert failed.returncode == 1
    assert f"Port {taken} cannot be used" in failed.stderr
    assert "Going back to 4.7.2" in failed.stdout
    assert version_at(port) == "4.7.2"


def test_the_same_version_of_another_environment_is_not_taken_for_ours(deploy, port):
    deploy("4.7.2")
    failed = deploy("4.7.2", environment="production")
    assert failed.returncode == 1
    assert f"Port {port} cannot be used" in failed.stderr
    assert json.loads(ask(port, "/version")[1])["environment"] == "staging"


def test_a_first_version_that_cannot_start_leaves_nothing_deployed(deploy, port, root):
    with somebody_else_on(port):
        assert deploy("4.7.2").returncode == 1
    assert ship.services(root) == []
    assert deploy("4.7.2").returncode == 0


@pytest.mark.parametrize("step", ["[ 20%]", "[ 45%]", "[ 60%]", "[ 75%]"])
def test_a_tool_killed_half_way_is_put_right_by_the_next_deployment(deploy, command, port, root, step):
    deploy("4.7.2")
    with subprocess.Popen(command("4.8.0-rc.3"), stdout=subprocess.PIPE, text=True) as tool:
        for line in tool.stdout:
            if line.startswith(step):
                break
        tool.kill()
    assert deploy("4.8.0-rc.3").returncode == 0
    assert version_at(port) == "4.8.0-rc.3"
    assert len(running_in(root)) == 1


def test_a_service_that_was_never_noted_down_is_found_and_stopped(deploy, port, root):
    deploy("4.7.2")
    (root / "environments" / "staging" / "payments-api" / "process.json").unlink()
    assert deploy("4.8.0-rc.3").returncode == 0
    assert len(running_in(root)) == 1


def test_all_services_go_down_and_come_up_as_they_were(deploy, port, root):
    deploy("4.7.2")
    assert ship.down(root) == ["payments-api in staging stopped."]
    assert running_in(root) == []
    assert ship.down(root) == []

    [line] = ship.up(root)
    assert "4.7.2" in line
    assert version_at(port) == "4.7.2"
    before = running_in(root)
    ship.up(root)
    assert running_in(root) == before


def test_a_killed_service_comes_up_again(deploy, port, root):
    deploy("4.7.2")
    [pid] = running_in(root)
    os.kill(pid, signal.SIGKILL)
    ship.up(root)
    assert version_at(port) == "4.7.2"


def test_a_service_that_cannot_come_up_is_reported_and_the_others_run(deploy, port, root):
    second = free_port()
    deploy("4.7.2", environment="production", at=second)
    deploy("4.7.2")
    ship.down(root)
    with somebody_else_on(second):
        lines = []
        assert ship.up(root, lines.append) == lines
    assert any("payments-api in production did not start" in line for line in lines)
    assert version_at(port) == "4.7.2"


def test_nothing_deployed_is_nothing_to_do(tmp_path):
    assert ship.up(tmp_path) == []
    assert ship.down(tmp_path) == []


def test_the_root_is_found_in_the_settings(settings, tmp_path, deploy, root, port):
    deploy("4.7.2")
    settings.VAR_DIR = tmp_path
    root.rename(tmp_path / "demo")
    assert ship.services(tmp_path / "demo") != []
    ship.up()
    assert ship.down() == ["payments-api in staging stopped."]
    (tmp_path / "demo").rename(root)


def test_the_status_tells_what_runs(deploy, root, port, capsys):
    deploy("4.7.2")
    ship.main(["status", "--root", str(root)])
    ship.down(root)
    ship.main(["status", "--root", str(root)])
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith(f"runs, http://127.0.0.1:{port}/")
    assert "is stopped" in second


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"--commit": "v9.9.9"}, "has no single commit v9.9.9"),
        ({"--commit": "ffffffffffffffffffffffffffffffffffffffff"}, "has no single commit"),
        ({"--repository": "/no/such/place"}, "There is no Git repository at /no/such/place"),
    ],
)
def test_what_does_not_exist_fails_with_a_sentence(command, root, change, reason):
    line = command("4.7.2")
    for name, value in change.items():
        line[line.index(name) + 1] = value
    done = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "Traceback" not in done.stderr
    assert ship.services(root) == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"--port": "0"}, "is no port"),
        ({"--port": "eighty"}, "is no port"),
        ({"--environment": "../production"}, "letters, digits"),
        ({"--version": "-4"}, "--version"),
        ({"--version": "4 .7"}, "is no version"),
    ],
)
def test_wrong_arguments_are_named(command, root, change, reason):
    line = command("4.7.2")
    for name, value in change.items():
        line[line.index(name) + 1] = value
    done = subprocess.run(line, capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert reason in done.stderr
    assert not root.exists()


def test_the_tool_needs_nothing_of_django_or_celery():
    modules = "import sys, runpy; runpy.run_path(sys.argv[1]); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", modules, SHIP], capture_output=True, text=True, check=True).stdout
    assert {"django", "celery", "dulwich"}.isdisjoint(loaded.split())


def test_a_command_hook_ships_it_and_a_probe_confirms(repository, root, port, tmp_path):
    driver = CommandDriver(tmp_path / "runs", [SHIP], 100_000)
    arguments = ["deploy", "--repository", str(repository), "--root", str(root), "--port", str(port)]
    arguments += ["--commit", "{commit}", "--version", "{version}", "--environment", "{environment}"]
    inputs = {"version": "4.8.0-rc.3", "environment": "staging"}
    inputs["commit"] = build_repository(repository)["v4.8.0-rc.3"]
    call = Call("deployment-1", {"program": SHIP, "arguments": arguments}, inputs, 30)
    assert driver.validate(call.config) == {}

    handle = driver.start(call)
    ends_at = time.monotonic() + 15
    while (progress := driver.poll(call, handle)).status == "running" and time.monotonic() < ends_at:
        time.sleep(0.05)
    assert (progress.status, progress.progress) == ("succeeded", 1.0)
    assert probe(f"http://127.0.0.1:{port}/version", expect_version="4.8.0-rc.3", timeout_s=2).ok
