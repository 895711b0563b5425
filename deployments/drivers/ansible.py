"""The `ansible` driver: ansible-playbook, supervised like a command: one run per key, whatever dies."""

import re
from dataclasses import replace
from pathlib import Path

from deployments.drivers import command, supervise
from deployments.drivers.fields import Field, problems_of
from deployments.drivers.kit import Tool
from deployments.drivers.placeholders import values_of
from deployments.drivers.protocol import Call, Handle, HookRefused, Progress
from deployments.drivers.traces import tail

PROGRAM = "ansible-playbook"
QUIET = {"ANSIBLE_NOCOLOR": "1", "ANSIBLE_RETRY_FILES_ENABLED": "0", "ANSIBLE_STDOUT_CALLBACK": "default"}
MEANING = {0: "done", 2: "a task failed", 4: "a host could not be reached, or the playbook cannot be read"}
COUNTED = ("ok", "changed", "failed", "unreachable")
TASK = re.compile(r"^(?:TASK|RUNNING HANDLER) \[(.*)\] \**$", re.MULTILINE)
HOSTS = r"[\w.:\[\]-]+(, ?[\w.:\[\]-]+)*,?"  # nothing that is a path, a template or a file to read
YOURS = r"(?!_*(?i:ansible)).*"  # those of Ansible say how to connect and what to run


class AnsibleDriver(command.CommandDriver):
    label = "Ansible"
    about = "Runs a playbook on the worker's own machine."
    fields = (
        Field("playbook", "Playbook", "An absolute path that the settings allow.", pattern=r"/.+\.ya?ml"),
        Field("inventory", "Inventory", "An absolute path that the settings allow, or hosts such as web1,web2,"),
        Field("limit", "Only these hosts", "A pattern without @.", required=False, filled=True, pattern=r"[^@]*"),
        Field("tags", "Only these tags", required=False, filled=True),
        Field("variables", "Extra variables", "As name={version}; no ansible_…", "inputs", False, YOURS, filled=True),
    )
    secret_label = "Vault password"  # noqa: S105 - what the form calls it
    value, summary = Tool.value, Tool.summary

    def validate(self, config: dict) -> dict[str, str]:
        """A playbook is a program, and so may be an inventory: HOOK_PROGRAMS lists both."""
        problems = problems_of(self.fields, config)
        for name in {"playbook", "inventory"} - set(problems):
            are_hosts = name == "inventory" and "," in config[name] and re.fullmatch(HOSTS, config[name])
            if not are_hosts and not {PROGRAM, config[name]} <= set(self.programs):
                problems[name] = f"The settings (HOOK_PROGRAMS) must list {PROGRAM} and {config[name]}."
        return problems

    def poll(self, call: Call, handle: Handle, log_offset: int = 0) -> Progress:
        seen, said = super().poll(call, handle, log_offset), tail(self.folder(call.key) / "output.log")
        if seen.status == "running":
            return replace(seen, detail=", ".join(TASK.findall(said)[-1:]))
        if not (status := re.fullmatch(r"Exit status (\d+)\.", seen.detail)):
            return seen  # stopped, or never begun
        recap = re.findall(r"\b(\w+)=(\d+)", said.rpartition("\nPLAY RECAP")[2])
        if seen.status == "succeeded" and not recap:
            return replace(seen, status="failed", detail="No host matched: nothing was done.")
        counts = [f"{sum(int(n) for found, n in recap if found == what)} {what}" for what in COUNTED]
        return replace(seen, detail=f"Ansible says: {MEANING.get(int(status[1]), seen.detail)} ({', '.join(counts)}).")

    def _argv(self, call: Call, folder: Path) -> list[str]:
        self._require_valid(call.config)
        options = {name: self.value(call, name) for name in ("inventory", "limit", "tags")}
        if "@" in options["limit"]:  # Ansible would read, and show, the file that is named behind it
            raise HookRefused(f"“{options['limit']}” names no hosts: there must be no @ in it.")
        options["extra-vars"] = f"@{folder / 'variables.json'}"
        options["vault-password-file"] = call.secret and str(folder / "vault-password")
        given = [f"--{name}={text}" for name, text in options.items() if text]
        return [*command.found(PROGRAM), *given, call.config["playbook"]]

    def _environment(self, call: Call) -> dict[str, str]:
        ours = Path(call.config["playbook"]).with_name("ansible.cfg")
        return command.environment_for(call) | QUIET | ({"ANSIBLE_CONFIG": str(ours)} if ours.is_file() else {})

    def _lay_out(self, call: Call, folder: Path) -> None:
        """The variables, marked so that nothing in them is taken for a template, and a script that tells the password."""
        given = {f"slipway_{name}": text for name, text in values_of(call).items()}
        given |= self.value(call, "variables") or {}
        untrusted = {name: {"__ansible_unsafe": text} for name, text in given.items()}
        supervise.write_json(folder / "variables.json", untrusted)
        supervise.write_text(folder / "vault-password", '#!/bin/sh\nprintf %s "$SLIPWAY_SECRET"\n', mode=0o700)


driver = AnsibleDriver()
