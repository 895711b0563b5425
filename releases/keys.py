"""Keys of changes: a ticket's, or the product's next number. Whoever gives one holds the product's lock."""

import re

from releases.models import Product

KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def next_key(product: Product) -> str:
    """The product's prefix and the number after the highest that it has."""
    prefix = f"{product.key}-"
    keys = product.changes.filter(key__startswith=prefix).values_list("key", flat=True)
    numbers = [int(key[len(prefix) :]) for key in keys if key[len(prefix) :].isdecimal()]
    return f"{prefix}{max(numbers, default=0) + 1}"
