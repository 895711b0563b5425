"""What an approval request can be about: one file per kind, found by the object itself.

Each kind says the same things of its subject: its facts, the content of its decision sheet, who wrote it, where it is read, and
what its own state means for a request about it. Readers only: what an answer does to a subject stands in `actions/outcomes.py`.
"""

from approvals.subjects import change, lift, override, policy, release, template, waiver
from approvals.subjects.kind import Facts, Kind, Stance

KINDS: dict[str, Kind] = {
    kind.model: kind
    for kind in (release.KIND, change.KIND, waiver.KIND, override.KIND, lift.KIND, template.KIND, policy.KIND)
}


def kind_of(subject) -> Kind:
    """The kind of a release, change, waiver, override, lifting, standard change or policy. Raises KeyError for anything else."""
    return KINDS[subject._meta.model_name]


def facts_of(subject) -> Facts:
    return kind_of(subject).facts(subject)


__all__ = ["KINDS", "Facts", "Kind", "Stance", "facts_of", "kind_of"]
