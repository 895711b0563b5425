"""Lifecycles: declared once on the model, judged in one place, explained everywhere.

`Machine("release")` collects the transitions of one model. `@machine.transition(...)` wraps django-fsm's: calling the method asks
the state and every gate and raises `Refused` with all blockers; the body sets the model's own fields and nothing else. (The
library's own mixins are left out: they toggle the field's protection on the class, so threads leak.)
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from django.db import models
from django_fsm import FSMField
from django_fsm import transition as fsm_transition

from core import gates, texts
from core.blockers import Blocker, Refused

MACHINES: dict[str, "Machine"] = {}


@dataclass(frozen=True)
class Step:
    """One declared transition of a machine."""

    machine: str
    name: str
    label: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    right: str
    gates: tuple[str, ...]
    reason: bool
    automatic: bool
    where: str
    tone: str

    @property
    def key(self) -> str:
        return f"{self.machine}.{self.name}"


@dataclass(frozen=True)
class Offer:
    """One transition as offered to one person for one object: may they, and what blocks it."""

    step: Step
    permitted: bool
    answers: list[gates.Answer] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.step.name

    @property
    def label(self) -> str:
        return self.step.label

    @property
    def blockers(self) -> list[Blocker]:
        return [b for a in self.answers for b in a.blockers]

    @property
    def possible(self) -> bool:
        return self.permitted and not self.blockers


class StateField(FSMField):
    """The state of a lifecycle. To migrations it is a plain text: history has no machine.

    The library's field listens to every model that is prepared after it, so that the models which a migration makes over and
    over would cost the square of their number.
    """

    def deconstruct(self):
        name, _path, args, kwargs = super().deconstruct()
        kwargs.pop("protected", None)
        return name, "django.db.models.CharField", args, kwargs


class Machine:
    """The transitions of one lifecycle, by name."""

    def __init__(self, name: str, *, label: str = ""):
        self.name, self.label = name, label or name.capitalize()
        self.steps: dict[str, Step] = {}
        self.model: type[models.Model] | None = None
        MACHINES[name] = self

    def transition(
        self,
        state_field: FSMField,
        *,
        source,
        target,
        right: str,
        label: str,
        gates: Iterable[str] = (),
        reason: bool = False,
        automatic: bool = False,
        tone: str = "",
    ) -> Callable:
        """Declare a transition.

        `right` is the permission asked on the object ("releases.plan_release"; "" for steps of the system), `gates` the names
        that must be clear, `reason` whether a text is required, `automatic` whether the system takes it by itself.
        """

        def wrap(method):
            sources = tuple(source) if isinstance(source, list | tuple | set | frozenset) else (source,)
            targets = tuple(target.allowed_states) if hasattr(target, "allowed_states") else (target,)
            step = Step(
                self.name,
                method.__name__,
                label,
                tuple(map(str, sources)),
                tuple(map(str, targets)),
                right,
                tuple(gates),
                reason,
                automatic,
                f"{method.__module__}:{method.__code__.co_firstlineno}",
                tone,
            )
            self.steps[step.name] = step
            moved = fsm_transition(state_field, source=list(sources), target=target, custom={"step": step})(method)

            @functools.wraps(moved)
            def judged(obj, *args, reason: str = "", **kwargs):
                judge(obj, step, reason)
                result = moved(obj, *args, **(kwargs | ({"reason": reason} if step.reason else {})))
                obj.moved_by = step
                return result

            judged.step = step
            return judged

        return wrap

    def from_state(self, state: str) -> list[Step]:
        return [s for s in self.steps.values() if str(state) in s.sources]


def judge(obj, step: Step, reason: str = "") -> None:
    """Raise Refused with every blocker when `obj` may not take `step` now. Leaves the gates' answers in `obj.judged`."""
    if str(obj.state) not in step.sources:
        raise Refused(Blocker("state", f"{step.label} is not possible while it is {obj.get_state_display().lower()}."))
    found = texts.unfit(reason, "reason")
    if step.reason and not reason.strip():
        found = [Blocker("reason", f"{step.label} needs a reason.", field="reason")]
    obj.judged = gates.answers(step.key, step.gates, obj)
    found += [b for a in obj.judged for b in a.blockers]
    if found:
        raise Refused(found)


def offers(obj, may: Callable[[str], bool], *, automatic: bool = False) -> list[Offer]:
    """Every transition from the object's state with its blockers, the same that the door would give.

    `may(right)` says whether the reader holds a right on the object.
    """
    machine = type(obj).machine
    return [
        Offer(step, not step.right or may(step.right), gates.answers(step.key, step.gates, obj))
        for step in machine.from_state(obj.state)
        if automatic or not step.automatic
    ]


class LifecycleModel(models.Model):
    """A model whose state moves only through its machine; doors in `actions.py` save it."""

    machine: Machine
    judged: list[gates.Answer] = []
    moved_by: Step | None = None

    class Meta:
        abstract = True

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "machine" in cls.__dict__:
            cls.machine.model = cls

    def refresh_from_db(self, using=None, fields=None, **kwargs):
        """Read the row anew. A protected field refuses assignment while it holds a value, so it is dropped first."""
        everything = fields is None
        if everything:  # named one by one: a field that was dropped would otherwise count as deferred and stay away
            fields = [f.attname for f in self._meta.concrete_fields if f.attname in self.__dict__]
        for f in self._meta.concrete_fields:
            if isinstance(f, FSMField) and f.attname in fields:
                self.__dict__.pop(f.attname, None)
        super().refresh_from_db(using=using, fields=fields, **kwargs)
        if everything:
            self._prefetched_objects_cache = {}
            for relation in self._meta.related_objects:
                if relation.is_cached(self):
                    relation.delete_cached_value(self)
