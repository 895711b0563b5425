"""A virtual relation from each object to all rows of a small table, so that a list fetches the table once and not per row.

Gates may only read relations (`core.gates`); the decision table, the grants and the freezes belong to no single release, yet the
answer depends on them. `attach(Release, "policy_table", rows)` lets a gate read `release.policy_table.all()` and a list name
"policy_table" in `prefetch_related`.
"""

from collections.abc import Callable

from django.db.models import Model, QuerySet


def attach(model: type[Model], name: str, rows: Callable[[], QuerySet]) -> None:
    """Give every instance of `model` the relation `name` to the rows of `rows()`."""
    setattr(model, name, _Descriptor(name, rows))


class _Descriptor:
    def __init__(self, name: str, rows: Callable[[], QuerySet]):
        self.name, self.rows = name, rows

    def __get__(self, instance, owner):
        return self if instance is None else _Rows(instance, self.name, self.rows)


class _Rows:
    """What Django's prefetching and a reader need of a related manager."""

    def __init__(self, instance: Model, name: str, rows: Callable[[], QuerySet]):
        self.instance, self.name, self.rows = instance, name, rows

    def get_queryset(self) -> QuerySet:
        return self.rows()

    def all(self) -> QuerySet:
        known = getattr(self.instance, "_prefetched_objects_cache", {})
        return known[self.name] if self.name in known else self.rows()

    def get_prefetch_querysets(self, instances, querysets=None):
        """Every row belongs to every instance: both sides have the same key."""
        rows = querysets[0] if querysets else self.rows()
        return rows, _same, _same, False, self.name, False


def _same(_obj) -> str:
    return "all"
