"""The ansible driver with the real ansible-playbook, against this machine without SSH."""

import json
import os
import signal
import time

import psutil
import pytest

from deployments.drivers import BadCallback, Call, HookRefused
from deployments.drivers.ansible import AnsibleDriver
from deployments.drivers.traces import is_alive, read_json

HEAD = """\
- name: Ship
  hosts: all
  connection: local
  gather_facts: false
  vars: {ansible_python_interpreter: "{{ ansible_playbook_python }}", folder: "{{ playbook_dir }}"}
  tasks:
    - name: Note the key
      ansible.builtin.shell: echo {{ slipway_key | quote }} >> {{ folder | quote }}/marks
"""


@pytest.fixture
def place(tmp_path):
    folder = tmp_path / "a place with spaces"
    folder.mkdir()
    return folder


@pytest.fixture
def driver(place):
    programs = ["ansible-playbook", str(place / "site.yml"), str(place / "hosts")]
    return AnsibleDriver(place / "runs", programs, log_max_bytes=50_000, grace_s=2)


@pytest.fixture
def call(place):
    """Makes a call of a playbook with these tasks after the one that notes the key."""

    def make(*tasks, key="deploy-1", timeout_s=60, inputs=None, secret="", head=HEAD, **config):
        (place / "site.yml").write_text(head + "".join(f"    - {json.dumps(task)}\n" for task in tasks))
        config = {"playbook": str(place / "site.yml"), "inventory": "localhost,"} | config
        inputs = {"version": "4.8.0", "environment": "staging"} | (inputs or {})
        return Call(key, config, inputs, timeout_s, secret)

    return make


def marks(place) -> list[str]:
    return (place / "marks").read_text().split() if (place / "marks").exists() else []


def wait_for(condition, within_s=30):
    ends_at = time.monotonic() + within_s
    while not (found := condition()):
        assert time.monotonic() < ends_at, "waited in vain"
        time.sleep(0.05)
    return found


def follow(driver, call):
    """The last progress and all that was said."""
    said, offset = "", 0

    def ended():
        nonlocal said, offset
        progress = driver.poll(call, {}, offset)
        said, offset = said + progress.output, progress.log_offset
        return progress if progress.status != "running" else None

    return wait_for(ended, within_s=60), said


def shell(command: str, name: str = "Do it") -> dict:
    return {"name": name, "ansible.builtin.shell": command}


def test_a_playbook_runs_once_and_its_recap_is_told(driver, call, place):
    this = call()
    driver.start(this)
    driver.start(this)
    progress, said = follow(driver, this)
    driver.start(this)
    assert (progress.status, progress.detail) == (
        "succeeded",
        "Ansible says: done (1 ok, 1 changed, 0 failed, 0 unreachable).",
    )
    assert "PLAY RECAP" in said
    assert "\x1b[" not in said
    assert marks(place) == ["deploy-1"]


def test_a_task_that_fails_is_a_failed_run_with_its_words(driver, call):
    this = call(shell("echo no room left >&2; exit 3"))
    driver.start(this)
    progress, said = follow(driver, this)
    assert progress.status == "failed"
    assert progress.detail == "Ansible says: a task failed (1 ok, 1 changed, 1 failed, 0 unreachable)."
    assert "no room left" in said


def test_a_host_that_cannot_be_reached_is_told_as_such(driver, call, place):
    (place / "hosts").write_text("nowhere ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=9\n")
    head = HEAD.replace("  connection: local\n", "")
    this = call(head=head, inventory=str(place / "hosts"))
    driver.start(this)
    progress, _ = follow(driver, this)
    assert progress.status == "failed"
    assert progress.detail.startswith("Ansible says: a host could not be reached")
    assert "1 unreachable" in progress.detail


def test_a_playbook_that_meets_no_host_has_not_succeeded(driver, call, place):
    (place / "hosts").write_text("[web]\n")
    this = call(inventory=str(place / "hosts"))
    driver.start(this)
    progress, _ = follow(driver, this)
    assert (progress.status, progress.detail) == ("failed", "No host matched: nothing was done.")
    assert marks(place) == []


def test_a_playbook_that_cannot_be_read_has_failed(driver, call, place):
    this = call()
    (place / "site.yml").write_text("- hosts: [")
    driver.start(this)
    assert follow(driver, this)[0].status == "failed"


def test_the_task_under_way_is_told(driver, call):
    this = call(shell("sleep 30", name="Wait for the cluster"))
    driver.start(this)
    assert wait_for(lambda: driver.poll(this, {}).detail == "Wait for the cluster")
    assert driver.cancel(this, {})


def test_a_playbook_over_its_time_is_stopped_with_all_its_tasks(driver, call, place):
    this = call(shell(f"echo $$ > '{place}/pid'; sleep 60"), timeout_s=12)
    driver.start(this)
    task = int(wait_for(lambda: (place / "pid").exists() and (place / "pid").read_text()))
    progress, _ = follow(driver, this)
    assert (progress.status, progress.detail) == ("failed", "Stopped: it ran longer than its time limit of 12 s.")
    wait_for(lambda: not psutil.pid_exists(task))


def test_a_killed_supervisor_leaves_an_unknown_outcome_and_no_second_run(driver, call, place):
    this = call(shell("sleep 30"))
    driver.start(this)
    wait_for(lambda: marks(place))
    folder = driver.folder(this.key)
    os.kill(read_json(folder / "supervisor.json")["pid"], signal.SIGKILL)
    wait_for(lambda: driver.poll(this, {}).status == "unknown")
    driver.start(this)
    assert driver.cancel(this, {})
    wait_for(lambda: not is_alive(read_json(folder / "program.json")))
    assert marks(place) == ["deploy-1"]


def test_inputs_and_variables_arrive_and_are_never_taken_for_templates(driver, call, place):
    odd = "{{ lookup('pipe', 'touch " + str(place / "pwned").replace(" ", "?") + "') }} \" ' \\ ü 🚀 \n: x"
    show = "{{ [slipway_version, slipway_environment, colour, note, number] | to_json }}"
    this = call(
        {"name": "Keep", "ansible.builtin.copy": {"content": show, "dest": str(place / "seen")}},
        inputs={"version": odd},
        variables=["colour=dark {environment}", "note=yes", "number=1.10"],
    )
    driver.start(this)
    progress, said = follow(driver, this)
    assert progress.status == "succeeded", said
    assert json.loads((place / "seen").read_text()) == [odd, "staging", "dark staging", "yes", "1.10"]
    assert not (place / "pwned").exists()


def test_nothing_of_the_inputs_or_the_password_stands_on_the_command_line_or_in_a_file(driver, call):
    this = call(secret="the-vaults-password", inputs={"version": "4.8.0-only-here"})
    driver.start(this)
    follow(driver, this)
    folder = driver.folder(this.key)
    argv = read_json(folder / "call.json")["argv"]
    assert "4.8.0-only-here" not in " ".join(argv)
    files = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert not any(b"the-vaults-password" in content for content in files)
    assert (folder / "variables.json").stat().st_mode & 0o077 == 0


def test_the_vault_is_opened_with_the_secret(driver, call, place):
    from ansible.parsing.vault import VaultLib, VaultSecret

    locked = VaultLib().encrypt("opened", secret=VaultSecret(b"the-vaults-password")).decode()
    (place / "locked.yml").write_text(locked.replace("opened", ""))
    (place / "vault.txt").write_text(locked)
    this = call(
        {"name": "Keep", "ansible.builtin.copy": {"src": str(place / "vault.txt"), "dest": str(place / "seen")}},
        secret="the-vaults-password",
    )
    driver.start(this)
    progress, said = follow(driver, this)
    assert progress.status == "succeeded", said
    assert (place / "seen").read_text() == "opened"


def test_only_the_named_tags_and_hosts_are_touched(driver, call, place):
    tagged = shell(f"touch '{place}/tagged'") | {"tags": ["ship"]}
    this = call(tagged, tags="ship", limit="localhost", inventory="localhost,elsewhere,")
    driver.start(this)
    progress, _ = follow(driver, this)
    assert progress.detail == "Ansible says: done (1 ok, 1 changed, 0 failed, 0 unreachable)."
    assert (place / "tagged").exists()
    assert marks(place) == []


def test_the_projects_own_configuration_is_read(driver, call, place):
    (place / "ansible.cfg").write_text("[defaults]\nstdout_callback = minimal\nforce_valid_group_names = never\n")
    this = call()
    driver.start(this)
    assert "PLAY RECAP" in follow(driver, this)[1]
    assert driver._environment(this)["ANSIBLE_CONFIG"] == str(place / "ansible.cfg")


def test_a_playbook_takes_no_callback(driver, call):
    with pytest.raises(BadCallback):
        driver.callback(call(), {}, {}, b"{}")


@pytest.mark.parametrize(
    ("config", "field", "reason"),
    [
        ({"playbook": "/srv/other.yml"}, "playbook", "must list ansible-playbook and /srv/other.yml"),
        ({"playbook": "site.yml"}, "playbook", "does not fit"),
        ({"playbook": "/srv/a,b.yml"}, "playbook", "must list"),
        ({"playbook": ["x"]}, "playbook", "Give a text"),
        ({"inventory": ""}, "inventory", "Give the inventory"),
        ({"inventory": "/tmp/hosts"}, "inventory", "must list"),
        ({"inventory": "/tmp/hosts,"}, "inventory", "must list"),
        ({"inventory": "hosts"}, "inventory", "must list"),
        ({"variables": ["no sign"]}, "variables", "write name=value"),
        ({"inventory": "{{ lookup('pipe','id') }},"}, "inventory", "must list"),
        ({"inventory": "@hosts,"}, "inventory", "must list"),
        ({"limit": "{colour}"}, "limit", "unknown placeholder"),
        ({"limit": "@/proc/1/environ"}, "limit", "without @"),
        ({"limit": "web1,@/etc/passwd"}, "limit", "without @"),
        (
            {"variables": ["ansible_ssh_common_args=-oProxyCommand=id"]},
            "variables",
            "“ansible_ssh_common_args” does not fit",
        ),
        ({"variables": ["a=b", " ansible_connection = x"]}, "variables", "no ansible_…"),
        ({"variables": ["__ansible_vault=x"]}, "variables", "no ansible_…"),
        ({"forks": "5"}, "forks", "no such field"),
    ],
)
def test_a_configuration_that_will_not_do_is_refused_at_its_field(driver, call, config, field, reason):
    this = call(**config)
    problems = driver.validate(this.config)
    assert list(problems) == [field]
    assert reason in problems[field]
    with pytest.raises(HookRefused, match=field):
        driver.start(this)


def test_a_limit_that_names_a_file_once_it_is_filled_in_is_refused(driver, call, place):
    (place / "hush").write_text("PASSWORD=hush\n")
    this = call(inputs={"version": f"@{place / 'hush'}"}, limit="{version}")
    with pytest.raises(HookRefused, match="there must be no @ in it"):
        driver.start(this)
    assert not (driver.folder(this.key)).exists()


@pytest.mark.parametrize("inventory", ["web1,", "web1,web2", "web1, web2,", "web[01:20].example.org,", "[::1]:2222,"])
def test_hosts_may_be_named_in_place_of_an_inventory(driver, call, inventory):
    assert driver.validate(call(inventory=inventory).config) == {}


def test_without_ansible_among_the_programs_no_playbook_is_allowed(call, place):
    driver = AnsibleDriver(place / "runs", [str(place / "site.yml")])
    assert list(driver.validate(call().config)) == ["playbook"]


def test_a_good_configuration_has_no_problems(driver, call, place):
    assert driver.validate(call(inventory=str(place / "hosts"), limit="web*", tags="{environment}").config) == {}
