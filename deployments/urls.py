"""Addresses of deployments."""

from django.urls import path

from deployments import views

app_name = "deployments"
_R = "r/<slug:product>/<str:version>/deployments/"
_B = "r/<slug:product>/<str:version>/runbook/"
_V = "products/<slug:product>/verification/<slug:environment>/"
urlpatterns = [
    path("deployments/", views.deployments, name="deployments"),
    path("deployments/<int:pk>/", views.deployment, name="deployment"),
    path("deployments/<int:pk>/progress/", views.progress, name="progress"),
    path("deployments/<int:pk>/pulse/<str:ticket>/", views.pulse, name="pulse"),
    path("deployments/<int:pk>/log/", views.log, name="log"),
    path("deployments/<int:pk>/log.txt", views.log_download, name="log_download"),
    path("deployments/<int:pk>/move/", views.move, name="move"),
    path("deployments/<int:pk>/start/", views.start, name="start"),
    path("deployments/<int:pk>/pause/", views.pause, name="pause"),
    path("deployments/<int:pk>/resume/", views.resume, name="resume"),
    path("deployments/<int:pk>/abort/", views.abort, name="abort"),
    path("deployments/<int:pk>/roll-back/", views.roll_back, name="roll_back"),
    path("deployments/<int:pk>/confirm/", views.confirm, name="confirm"),
    path("r/<slug:product>/<str:version>/way-back/", views.way_back_of, name="way_back"),
    path("r/<slug:product>/<str:version>/rehearse/<slug:environment>/", views.rehearse, name="rehearse"),
    path(_B, views.runbook, name="runbook"),
    path(f"{_B}new/", views.runbook_new, name="runbook_new"),
    path(f"{_B}<int:pk>/", views.runbook, name="runbook_of"),
    path("runbooks/<int:pk>/live/", views.runbook_live, name="runbook_live"),
    path("runbooks/<int:pk>/edit/", views.runbook_edit, name="runbook_edit"),
    path("runbooks/<int:pk>/start/", views.runbook_start, name="runbook_start"),
    path("runbooks/<int:pk>/abort/", views.runbook_abort, name="runbook_abort"),
    path("runbooks/<int:pk>/remove/", views.runbook_remove, name="runbook_remove"),
    path("runbooks/<int:pk>/steps/new/", views.step_new, name="step_new"),
    path("runbooks/steps/<int:pk>/edit/", views.step_edit, name="step_edit"),
    path("runbooks/steps/<int:pk>/arrange/<slug:way>/", views.step_arrange, name="step_arrange"),
    path("runbooks/steps/<int:pk>/<slug:verb>/", views.step_act, name="step_act"),
    path(_R, views.tab, name="tab"),
    path(f"{_R}deploy/<slug:environment>/", views.deploy, name="deploy"),
    path(f"{_R}plan/<slug:environment>/", views.plan, name="plan"),
    path(f"{_R}queue/<slug:environment>/", views.queue, name="queue"),
    path(f"{_R}keep-here/", views.prevent, name="prevent"),
    path(f"{_R}go-on/", views.allow, name="allow"),
    path("deployments/<int:pk>/queue/", views.join, name="join"),
    path("deployments/<int:pk>/hold/", views.hold, name="hold"),
    path("deployments/<int:pk>/let-go/", views.let_go, name="let_go"),
    path("products/<slug:product>/hooks/", views.hooks, name="hooks"),
    path("products/<slug:product>/hooks/<slug:environment>/new/", views.hook_choose, name="hook_choose"),
    path("products/<slug:product>/hooks/<slug:environment>/new/<slug:driver>/", views.hook_new, name="hook_new"),
    path("products/<slug:product>/hooks/<int:pk>/", views.hook, name="hook"),
    path("products/<slug:product>/hooks/<int:pk>/remove/", views.hook_remove, name="hook_remove"),
    path("products/<slug:product>/hooks/<int:pk>/move/<slug:way>/", views.hook_move, name="hook_move"),
    path("deployments/<int:pk>/state-check/", views.state_check, name="state_check"),
    path(f"{_V}", views.verification, name="verification"),
    path(f"{_V}try/", views.checks_try, name="checks_try"),
    path(f"{_V}new/<slug:kind>/", views.check_new, name="check_new"),
    path("products/<slug:product>/checks/<int:pk>/", views.check, name="check"),
    path("products/<slug:product>/checks/<int:pk>/remove/", views.check_remove, name="check_remove"),
    path("products/<slug:product>/checks/<int:pk>/move/<slug:way>/", views.check_move, name="check_move"),
    path("hooks/callback/<str:token>/", views.callback, name="callback"),
]
