from django.contrib import admin

from core.admin import ReadOnlyAdmin
from reviews.models import ActionItem, Finding, Review

admin.site.register([Review, Finding, ActionItem], ReadOnlyAdmin)
