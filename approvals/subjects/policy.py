"""A proposed version of a policy: shall these rules hold from now on? Judged by the policy that is in force for policies."""

from approvals.states import Facet, PolicyState, Subject
from approvals.subjects import parts
from approvals.subjects.kind import Facts, Kind, Stance, address


def facts(policy) -> Facts:
    return Facts(Subject.POLICY.value, size=len(policy.rows.all()))


def content(policy) -> dict[str, dict]:
    return {
        Facet.SCOPE.value: {"policy": str(policy), "decides_over": policy.get_subject_display(), "note": policy.note},
        Facet.ARTIFACT.value: {},
        Facet.WINDOW.value: {"valid_from": parts.instant(policy.valid_from)},
        Facet.ROLLBACK.value: {"back_out": str(policy.based_on or "")},
        Facet.RISK.value: {},
        Facet.CONFIGURATION.value: {
            "mode": policy.get_mode_display(),
            "rows": [{"key": row.name, "text": worded(row)} for row in sorted_rows(policy.rows.all())],
        },
    }


def sorted_rows(rows) -> list:
    """Rows in the order in which they are asked."""
    return sorted(rows, key=lambda row: (row.position, row.pk))


def worded(row) -> str:
    """A row as a sentence: its conditions, then what it asks for."""
    said = [f"place {row.position}", "; ".join(conditions(row)) or "always", "; ".join(rules(row))]
    return " · ".join([*said, *consequences(row)])


def rules(row) -> list[str]:
    """The rules of a row in words, in the order of their stages."""
    return [
        f"{rule.need} of {rule.label}"
        + (f" in stage {rule.stage}" if rule.stage > 1 else "")
        + ("" if rule.veto else ", no veto")
        + (f", watching {', '.join(sorted(rule.facets))}" if rule.facets else "")
        + (f", within {rule.deadline_hours} h" if rule.deadline_hours else "")
        for rule in sorted(row.rules.all(), key=lambda r: (r.stage, r.pk))
    ]


def conditions(row) -> list[str]:
    """The conditions of a row in words, those that say "any" left out."""
    yes_no = {True: "yes", False: "no"}
    listed = (
        ("strategy", row.strategies),
        ("change type", row.change_types),
        ("risk", row.risk_bands),
        ("tier", row.tiers),
    )
    found = [f"product {row.product}"] if row.product_id else []
    found += [f"{name} {' or '.join(values)}" for name, values in listed if values]
    if row.size_min is not None:
        found.append(f"at least {row.size_min} changes")
    if row.size_max is not None:
        found.append(f"at most {row.size_max} changes")
    found += [f"inside a freeze: {yes_no[row.in_freeze]}"] if row.in_freeze is not None else []
    found += [f"emergency: {yes_no[row.emergency]}"] if row.emergency is not None else []
    found += [f"from {row.valid_from}"] if row.valid_from else []
    return found + ([f"until {row.valid_until}"] if row.valid_until else [])


def consequences(row) -> list[str]:
    """What else a row says, in words."""
    found = [f"{row.deadline_hours} h, {row.get_clock_display().lower()}"]
    found += ["may be approved in bulk"] if row.allow_bulk else []
    found += ["whoever asks counts"] if row.count_requester else []
    found += ["whoever wrote it counts"] if row.count_author else []
    return found + ([f"afterwards “{row.afterwards}” within {row.afterwards_hours} h"] if row.afterwards else [])


def authors(policy) -> set[int]:
    """Whoever began it, and whoever changed a row of it."""
    wrote = {actor for stream, actor in policy.edit_table.all() if stream == f"policy:{policy.pk}"}
    return (wrote | {policy.created_by_id}) - {None}


def stance(policy) -> Stance:
    if policy.state == PolicyState.DISCARDED:
        return Stance.GONE
    if policy.state in (PolicyState.IN_FORCE, PolicyState.RETIRED):
        return Stance.ACTED_ON
    return Stance.BACK if policy.state == PolicyState.DRAFT else Stance.ASKED


KIND = Kind(
    model="policy",
    name=Subject.POLICY.value,
    facts=facts,
    content=content,
    authors=authors,
    url=lambda policy: address("approvals:policy", policy.pk),
    stance=stance,
    asks=lambda policy: policy.created_by_id,
    parts=("rows__rules", "rows__product", "based_on", "edit_table"),
    noun="policy",
)
