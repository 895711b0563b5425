"""Addresses of approvals."""

from django.urls import path

from approvals.views import decision, exemption, policy, release, signoff

app_name = "approvals"
RELEASE = "r/<slug:product>/<str:version>"

urlpatterns = [
    path(f"{RELEASE}/approvals/", release.tab, name="tab"),
    path(f"{RELEASE}/request-approval/", release.request_release, name="request_release"),
    path(f"{RELEASE}/signoffs/<slug:kind>/", signoff.signoff, name="signoff"),
    path(f"{RELEASE}/override/", exemption.override_new, name="override_new"),
    path("changes/<slug:product>/<str:key>/request-authorisation/", release.request_change, name="request_change"),
    path("evidence/<int:pk>/", signoff.evidence, name="evidence"),
    path("inbox/<int:pk>/approve/", decision.decide, {"how": "approve"}, name="approve"),
    path("inbox/<int:pk>/reject/", decision.decide, {"how": "reject"}, name="reject"),
    path("inbox/<int:pk>/ask/", decision.decide, {"how": "ask"}, name="ask"),
    path("inbox/<int:pk>/withdraw/", decision.withdraw, name="withdraw"),
    path("questions/<int:pk>/answer/", decision.answer, name="answer"),
    path("votes/<int:pk>/revoke/", decision.revoke, name="revoke"),
    path("waivers/<int:pk>/", exemption.waiver, name="waiver"),
    path("overrides/<int:pk>/", exemption.override, name="override"),
    path("policies/", policy.policies, name="policies"),
    path("policies/tests/", policy.required, name="required_signoffs"),
    path("policies/<int:pk>/", policy.policy, name="policy"),
]
