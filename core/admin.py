"""The admin shows, it does not change: doors do that."""

from django.contrib import admin

from core.models import Checkpoint, Delivery, Event


class ReadOnlyAdmin(admin.ModelAdmin):
    """A model in the admin, to look at."""

    def has_add_permission(self, request):
        return False

    def has_change_permission(self, request, obj=None):
        return False

    def has_delete_permission(self, request, obj=None):
        return False


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["stream", "seq", "name", "actor", "at"]
    list_select_related = ["actor"]


admin.site.register([Delivery, Checkpoint], ReadOnlyAdmin)
