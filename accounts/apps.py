from django.apps import AppConfig
from django.db.models.signals import post_migrate


class AccountsConfig(AppConfig):
    name = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from accounts import openapi  # noqa: F401  registers the token scheme

        post_migrate.connect(renew_groups, sender=self)


def renew_groups(**kwargs):
    """An upgrade may have changed the table of roles: the groups follow. The rooms above have their permissions by now."""
    from accounts import groups

    groups.renew()
