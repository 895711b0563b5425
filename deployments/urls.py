"""Addresses of deployments."""

from django.urls import path

from deployments import views

app_name = "deployments"
_R = "r/<slug:product>/<str:version>/deployments/"
urlpatterns = [
    path("deployments/", views.deployments, name="deployments"),
    path("deployments/<int:pk>/", views.deployment, name="deployment"),
    path("deployments/<int:pk>/progress/", views.progress, name="progress"),
    path("deployments/<int:pk>/pulse/<str:ticket>/", views.pulse, name="pulse"),
    path("deployments/<int:pk>/log/", views.log, name="log"),
    path("deployments/<int:pk>/log.txt", views.log_download, name="log_download"),
    path("deployments/<int:pk>/start/", views.start, name="start"),
    path("deployments/<int:pk>/pause/", views.pause, name="pause"),
    path("deployments/<int:pk>/resume/", views.resume, name="resume"),
    path("deployments/<int:pk>/abort/", views.abort, name="abort"),
    path("deployments/<int:pk>/roll-back/", views.roll_back, name="roll_back"),
    path("deployments/<int:pk>/confirm/", views.confirm, name="confirm"),
    path("r/<slug:product>/<str:version>/rehearse/<slug:environment>/", views.rehearse, name="rehearse"),
    path(_R, views.tab, name="tab"),
    path(f"{_R}deploy/<slug:environment>/", views.deploy, name="deploy"),
    path(f"{_R}plan/<slug:environment>/", views.plan, name="plan"),
    path("products/<slug:product>/hooks/", views.hooks, name="hooks"),
    path("products/<slug:product>/hooks/<slug:environment>/new/", views.hook_choose, name="hook_choose"),
    path("products/<slug:product>/hooks/<slug:environment>/new/<slug:driver>/", views.hook_new, name="hook_new"),
    path("products/<slug:product>/hooks/<int:pk>/", views.hook, name="hook"),
    path("products/<slug:product>/hooks/<int:pk>/remove/", views.hook_remove, name="hook_remove"),
    path("products/<slug:product>/hooks/<int:pk>/move/<slug:way>/", views.hook_move, name="hook_move"),
    path("products/<slug:product>/verification/<slug:environment>/", views.verification, name="verification"),
    path("hooks/callback/<str:token>/", views.callback, name="callback"),
]
