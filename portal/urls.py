"""Addresses of portal."""

from django.urls import path

from portal import preferences
from portal.views import calendar, environments, events, home, inbox, product, release, search, settings, status

app_name = "portal"
urlpatterns = [
    path("", home.home, name="home"),
    path("theme/", preferences.theme, name="theme"),
    path("inbox/", inbox.inbox, name="inbox"),
    path("inbox/list/", inbox.inbox_list, name="inbox_list"),
    path("inbox/<int:pk>/", inbox.inbox, name="inbox_item"),
    path("r/<slug:product>/<str:version>/", release.release, name="release"),
    path("r/<slug:product>/<str:version>/log/", release.log, name="release_log"),
    path("calendar/", calendar.calendar, name="calendar"),
    path("calendar/<int:year>/<int:number>/", calendar.calendar, name="calendar_month"),
    path("calendar/feed/", calendar.renew_feed, name="renew_feed"),
    path("calendar/feed/<str:token>.ics", calendar.calendar_feed, name="calendar_feed"),
    path("environments/", environments.environments, name="environments"),
    path("environments/environments.csv", environments.environments_csv, name="environments_csv"),
    path("environments/<slug:product>/<slug:environment>/", environments.environment, name="environment"),
    path("products/<slug:slug>/", product.product, name="product"),
    path("search/", search.search, name="search"),
    path("status/<str:token>/", status.status, name="status"),
    path("events/", events.events, name="events"),
    path("settings/", settings.hub, name="settings"),
    path("settings/process/", settings.process, name="process"),
    path("settings/operations/", settings.operations, name="operations"),
    path("settings/operations/<int:pk>/retry/", settings.retry, name="retry"),
]
