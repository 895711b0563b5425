from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "notifications"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        from core import outbox
        from notifications import actions, kinds, tasks

        outbox.on(kinds.EVENTS, consumer="notifications.tell", run=tasks.tell)
        outbox.on((), consumer=actions.MAIL, run=tasks.mail)  # queued by tell(), one per person
        outbox.on((), consumer=actions.LATER, run=tasks.tell_later)  # kept by tell() until somebody is at work
