"""Which tests a release needs signed off."""


def required_kinds(release) -> list[str]:
    """Kinds of test sign-off that a release needs: the product's own rows for its strategy, else the general ones."""
    rows = [row for row in release.required_table.all() if row.strategy == release.strategy]
    own = [row.kind for row in rows if row.product_id == release.product_id]
    return sorted(own or [row.kind for row in rows if row.product_id is None])
