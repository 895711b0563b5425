"""Addresses of reviews."""

from django.urls import path

from reviews import views

app_name = "reviews"
urlpatterns = [
    path("reviews/", views.reviews, name="reviews"),
    path("reviews/<int:pk>/", views.review, name="review"),
    path("reviews/<int:pk>/write/", views.write, name="write"),
    path("reviews/<int:pk>/findings/", views.add_finding, name="add_finding"),
    path("reviews/<int:pk>/actions/", views.add_action, name="add_action"),
    path("reviews/<int:pk>/close-release/", views.close_release, name="close_release"),
    path("reviews/<int:pk>/<slug:name>/", views.step, name="step"),
    path("actions/<int:pk>/", views.edit_action, name="action"),
    path("actions/<int:pk>/<slug:name>/", views.action_step, name="action_step"),
]
