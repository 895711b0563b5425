"""Addresses of deployments."""

app_name = "deployments"
urlpatterns = []
