"""What can go wrong with somebody's repository, in words for the person who entered its location."""


class RepositoryError(Exception):
    """A repository, tag or tree cannot be read; the message says why and, where it can, what to do."""


class TooManyCommits(RepositoryError):
    """A range holds more commits than were asked for."""
