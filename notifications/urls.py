"""Addresses of notifications."""

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/read/", views.read, name="read"),
    path("notifications/<int:pk>/", views.follow, name="follow"),
    path("settings/notifications/", views.preferences, name="preferences"),
]
