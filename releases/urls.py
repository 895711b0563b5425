"""Addresses of releases."""

app_name = "releases"
urlpatterns = []
