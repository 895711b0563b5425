"""A virtual relation from each object to all rows of a small table, so that a list fetches the table once and not per row.

Gates may only read relations (`core.gates`); some tables belong to no single row, yet the answer depends on them.
`attach(Model, "rule_table", rows)` lets a gate read `obj.rule_table.all()` and a list name "rule_table" in `prefetch_related`.
"""

from collections.abc import Callable, Collection, Iterable

from django.db.models import Model, QuerySet


def attach(
    model: type[Model], name: str, rows: Callable[[], QuerySet], *, shell: Callable[[], QuerySet] | None = None
) -> None:
    """Give every instance of `model` the relation `name` to the rows of `rows()`.

    Prefetching makes a queryset for each instance and fills it from one fetch; where `rows()` itself asks the database, `shell()`
    gives that empty hull without asking.
    """
    setattr(model, name, _Descriptor(name, rows, shell or rows))


def give(instances: Iterable[Model], name: str, rows: Collection) -> None:
    """Let these instances read `rows` as their relation `name`, as if they had been prefetched."""
    for instance in instances:
        instance._prefetched_objects_cache = {**getattr(instance, "_prefetched_objects_cache", {}), name: rows}


class _Descriptor:
    def __init__(self, name: str, rows: Callable[[], QuerySet], shell: Callable[[], QuerySet]):
        self.name, self.rows, self.shell = name, rows, shell

    def __get__(self, instance, owner):
        return self if instance is None else _Rows(instance, self)


class _Rows:
    """What Django's prefetching and a reader need of a related manager."""

    def __init__(self, instance: Model, relation: _Descriptor):
        self.instance, self.name, self.rows, self.shell = instance, relation.name, relation.rows, relation.shell

    def get_queryset(self) -> QuerySet:
        return self.shell()

    def all(self) -> QuerySet:
        known = getattr(self.instance, "_prefetched_objects_cache", {})
        return known[self.name] if self.name in known else self.rows()

    def get_prefetch_querysets(self, instances, querysets=None):
        """Every row belongs to every instance: both sides have the same key."""
        rows = querysets[0] if querysets else self.rows()
        return rows, _same, _same, False, self.name, False


def _same(_obj) -> str:
    return "all"
