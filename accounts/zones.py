"""The time zone that a person lives in."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(user) -> ZoneInfo:
    """The person's zone; UTC where this machine does not know it (its table of zones may be older than the choice)."""
    return zone_named(user.timezone)


def zone_named(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")
