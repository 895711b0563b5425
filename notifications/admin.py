from django.contrib import admin

from core.admin import ReadOnlyAdmin
from notifications.models import Notification, Subscription

admin.site.register([Notification, Subscription], ReadOnlyAdmin)
