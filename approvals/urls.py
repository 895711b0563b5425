"""Addresses of approvals."""

from django.urls import path, re_path

from approvals.views import board, bulk, change, decision, delegation, exemption, meeting, release, signoff, stop
from approvals.views.policies import listing, required, rows, trying, version

app_name = "approvals"
RELEASE = "r/<slug:product>/<str:version>"

urlpatterns = [
    path(f"{RELEASE}/approvals/", release.tab, name="tab"),
    path(f"{RELEASE}/request-approval/", release.request_release, name="request_release"),
    path(f"{RELEASE}/signoffs/<slug:kind>/", signoff.signoff, name="signoff"),
    path(f"{RELEASE}/override/", exemption.override_new, name="override_new"),
    path(f"{RELEASE}/override/conflict/", exemption.override_conflict, name="override_conflict"),
    path("changes/<slug:product>/<str:key>/request-authorisation/", release.request_change, name="request_change"),
    path("changes/<slug:product>/<str:key>/approvals/", change.approvals, name="change"),
    path("products/<slug:slug>/unauthorised/", change.discovered, name="unauthorised"),
    path("catalogue/<int:pk>/propose/", release.request_template, name="request_template"),
    path("evidence/<int:pk>/", signoff.evidence, name="evidence"),
    path("inbox/bulk/", bulk.bulk, name="bulk"),
    path("inbox/<int:pk>/approve/", decision.decide, {"how": "approve"}, name="approve"),
    path("inbox/<int:pk>/reject/", decision.decide, {"how": "reject"}, name="reject"),
    path("inbox/<int:pk>/ask/", decision.decide, {"how": "ask"}, name="ask"),
    path("inbox/<int:pk>/ask-again/", change.ask_again, name="ask_again"),
    path("inbox/<int:pk>/withdraw/", decision.withdraw, name="withdraw"),
    path("questions/<int:pk>/answer/", decision.answer, name="answer"),
    path("votes/<int:pk>/revoke/", decision.revoke, name="revoke"),
    path("waivers/<int:pk>/", exemption.waiver, name="waiver"),
    path("overrides/<int:pk>/", exemption.override, name="override"),
    re_path(r"^stops/(?P<kind>release|product|environment)/(?P<pk>[0-9]{1,18})/lift/$", stop.lift, name="lift"),
    path("policies/", listing.policies, name="policies"),
    path("policies/draft/", listing.draft, name="policy_draft"),
    path("policies/tests/", required.required, name="required_signoffs"),
    path("policies/of/<slug:subject>/", listing.history, name="policy_history"),
    path("policies/<int:pk>/", version.policy, name="policy"),
    path("policies/<int:pk>/edit/", version.edit, name="policy_edit"),
    path("policies/<int:pk>/compare/", version.compare, name="policy_compare"),
    path("policies/<int:pk>/propose/", version.propose, name="policy_propose"),
    path("policies/<int:pk>/discard/", version.discard, name="policy_discard"),
    path("policies/<int:pk>/try/", trying.attempt, name="policy_try"),
    path("policies/<int:pk>/replay/", trying.over_the_past, name="policy_replay"),
    path("policies/<int:pk>/shadow/", trying.shadow, name="policy_shadow"),
    path("policies/<int:pk>/rows/new/", rows.row, name="policy_row_new"),
    path("policies/<int:pk>/rows/<int:row_pk>/", rows.row, name="policy_row"),
    re_path(
        r"^policies/(?P<pk>[0-9]{1,18})/rows/(?P<row_pk>[0-9]{1,18})/(?P<name>earlier|later|double|remove)/$",
        rows.step,
        name="policy_row_step",
    ),
    path("settings/delegations/", delegation.delegations, name="delegations"),
    path("settings/delegations/<int:pk>/end/", delegation.end, name="delegation_end"),
    path("boards/", board.boards, name="boards"),
    path("boards/new/", board.edit, name="board_new"),
    path("boards/preview/", board.preview, name="board_preview"),
    path("boards/<slug:slug>/", board.board, name="board"),
    path("boards/<slug:slug>/edit/", board.edit, name="board_edit"),
    path("boards/<slug:slug>/call/", board.meeting_new, name="meeting_new"),
    path("boards/<slug:slug>/feed/<str:token>.ics", board.feed, name="board_feed"),
    path("meetings/<int:pk>/", meeting.meeting, name="meeting"),
    path("meetings/<int:pk>/live/", meeting.live, name="meeting_live"),
    path("meetings/<int:pk>/move/", meeting.move, name="meeting_move"),
    path("meetings/<int:pk>/cancel/", meeting.cancel, name="meeting_cancel"),
    path("meetings/<int:pk>/add/", meeting.add, name="item_add"),
    path("meetings/<int:pk>/invitation.ics", meeting.invite, name="meeting_invitation"),
    path("meetings/<int:pk>/minutes.md", meeting.minutes_file, name="minutes"),
    re_path(
        r"^meetings/(?P<pk>[0-9]{1,18})/(?P<name>open|next|close|arrive|attendance)/$",
        meeting.step,
        name="meeting_step",
    ),
    re_path(r"^agenda/(?P<pk>[0-9]{1,18})/(?P<how>approve|reject|ask)/$", meeting.decide, name="item_decide"),
    re_path(
        r"^agenda/(?P<pk>[0-9]{1,18})/(?P<name>take-up|finish|defer|drop|note)/$", meeting.item_step, name="item_step"
    ),
]
