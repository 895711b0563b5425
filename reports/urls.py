"""Addresses of reports."""

from django.urls import path

from reports import views

app_name = "reports"
urlpatterns = [
    path("reports/", views.reports, name="reports"),
    path("reports/<slug:metric>/", views.report, name="report"),
    path("reports/<slug:metric>.csv", views.report_csv, name="report_csv"),
]
