"""Django's question in Django's words: `user.has_perm("releases.deploy", product)` answered by `policy`."""

from accounts import policy


class RightsBackend:
    """Answers for one object, also where a role is held everywhere (which guardian's own backend leaves out).

    Rights without an object are answered by Django's own backend from the same groups.
    """

    def authenticate(self, request, **credentials):
        return None

    def has_perm(self, user, right: str, obj=None) -> bool:
        return obj is not None and policy.may(user, right, obj)
