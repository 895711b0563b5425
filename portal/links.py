"""Addresses of pages of other rooms."""

from django.urls import NoReverseMatch, reverse


def address(name: str, *args) -> str:
    """The address of a named page, "" where there is none."""
    try:
        return reverse(name, args=args)
    except NoReverseMatch:
        return ""
