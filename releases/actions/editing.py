"""What the doors of releases share: checks of what was typed, and edits that say what they changed. All take locked objects."""

from django.core.exceptions import ValidationError
from django.db import models

from core import moments, texts
from core.blockers import Blocker, Refused, refuse, refuse_if
from releases.guards import address, standing
from releases.states import PLAN_EDITABLE


def needs_text(value: str, field: str, message: str) -> str:
    """The stripped text. Raises Refused at `field` when it is empty or cannot be kept."""
    if not (value or "").strip():
        refuse(f"{field}-missing", message, field=field)
    return texts.fit(value, field)


def check_fields(obj: models.Model, names: list[str]) -> None:
    """Raise Refused, one blocker per field, for values that the model does not accept."""
    try:
        obj.clean_fields(exclude={f.name for f in obj._meta.fields} - set(names))
    except ValidationError as error:
        raise Refused(
            [
                Blocker(f"{name}-invalid", " ".join(messages), field=name)
                for name, messages in error.message_dict.items()
            ]
        ) from error
    refuse_if(moments.unfit(**{name: getattr(obj, name) for name in names}))


def apply(obj: models.Model, fields: dict, allowed: tuple[str, ...]) -> dict[str, list]:
    """Set `fields` on `obj`, check and give {field: [was, now]} of what differs. Raises TypeError for one not in `allowed`."""
    unknown = set(fields) - set(allowed)
    if unknown:
        raise TypeError(f"{type(obj).__name__} has no editable {', '.join(sorted(unknown))}.")
    before = {name: getattr(obj, name) for name in fields}
    for name, value in fields.items():
        setattr(obj, name, even(value).strip() if isinstance(value, str) else value)
    check_fields(obj, list(fields))
    return {
        name: [worded(was), worded(getattr(obj, name))]
        for name, was in before.items()
        if even(was) != getattr(obj, name)
    }


def even(value):
    """A text with line ends as we keep them: a browser sends its own, which is no edit. All else as it is."""
    return value.replace("\r\n", "\n") if isinstance(value, str) else value


def worded(value):
    """A value as an event keeps it: objects by their name, the rest as it is."""
    if isinstance(value, models.Model):
        return str(value)
    return value


def require_plan_editable(release, what: str) -> None:
    """Raise Refused once the deployment to production has begun, or the release ended."""
    if standing(release) not in PLAN_EDITABLE:
        refuse(
            "plan-closed",
            f"{what} cannot change any more: {release} is {release.get_state_display().lower()}.",
            url=release.get_absolute_url(),
            fix="Open the release",
        )


def require_scope_open(release) -> None:
    """Raise Refused when the scope is settled: from ready on."""
    require_plan_editable(release, "The scope")
    if standing(release) == "ready":
        refuse(
            "scope-settled",
            f"The scope is settled: {release.version} is ready. Reopen the plan to change it.",
            url=address("step", release, "reopen_plan"),
            fix="Reopen the plan",
        )
