"""The real ansible-playbook on this machine, and a playbook that notes its key and waits to be told how to end.

As with a command there is no line that could be late or break, so that the moods are what they are there: LATE begins late, NEVER
hangs before it has begun, SERVER_ERROR fails after it has begun, GARBAGE says what is no text. DOWN is a machine whose disk takes
nothing, REFUSES one where the playbook is not allowed any more.
"""

from django.conf import settings

from tests.deployments.rigs.base import Mood
from tests.deployments.rigs.command import CommandRig

PLAYBOOK = """\
- name: Ship
  hosts: all
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
    folder: "{{ playbook_dir }}"
    gate: "{{ folder }}/gate-{{ slipway_key | hash('sha256') }}"
    moods: "{{ lookup('file', folder + '/moods.json') | from_json }}"
  tasks:
    - name: Begin late
      ansible.builtin.wait_for: {timeout: 1}
      when: moods.start == "late"
    - name: Never begin
      ansible.builtin.wait_for: {timeout: 600}
      when: moods.start == "never"
    - name: Wait to be told
      ansible.builtin.script: ship.sh {{ folder | quote }} {{ gate | quote }} {{ slipway_key | quote }} {{ moods.start }}
    - name: Say what is to be said
      ansible.builtin.debug:
        msg: "{{ (lookup('file', gate) | from_json).log }}{{ '\\x07' if moods.start == 'garbage' else '' }}"
    - name: End
      ansible.builtin.fail: {msg: Told to fail.}
      when: not (lookup('file', gate) | from_json).ok
"""
SHIP = """\
#!/bin/sh
trap 'grep -q "\\"stop\\": \\"well\\"" "$1/moods.json" && { printf "%s\\n" "$3" >> "$1/stopped"; exit 143; }' TERM
printf "%s\\n" "$3" >> "$1/starts"
[ "$4" = 500 ] && { echo Something broke.; exit 1; }
while [ ! -e "$2" ]; do sleep 0.05; done
"""


class AnsibleRig(CommandRig):
    driver = "ansible"

    def __init__(self, folder):
        super().__init__(folder)
        self.playbook = folder / "site.yml"

    @property
    def config(self) -> dict:
        return {"playbook": str(self.playbook), "inventory": "localhost,"}

    @property
    def settings(self) -> dict:
        return super().settings | {"HOOK_PROGRAMS": ["ansible-playbook", str(self.playbook)]}

    def be(self, mood: Mood, *, on: str = "start") -> None:
        super().be(mood, on=on)
        settings.HOOK_PROGRAMS = [] if self.moods["start"] == Mood.REFUSES else self.settings["HOOK_PROGRAMS"]

    def _behave(self) -> None:
        super()._behave()
        (self.folder / "ship.sh").write_text(SHIP)
        self.playbook.write_text(PLAYBOOK)


rig = AnsibleRig
