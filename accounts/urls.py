"""Addresses of accounts."""

from django.urls import path

from accounts.views import entry, hours, own, people, roles, teams

app_name = "accounts"
urlpatterns = [
    path("sign-in/", entry.SignIn.as_view(), name="sign_in"),
    path("sign-out/", entry.SignOut.as_view(), name="sign_out"),
    path("password/", own.password, name="password"),
    path("password/sign-out-everywhere/", own.sign_out_everywhere, name="sign_out_everywhere"),
    path("settings/profile/", own.profile, name="profile"),
    path("settings/hours/", hours.own, name="hours"),
    path("settings/hours/parts/", hours.parts, name="hours_parts"),
    path("settings/tokens/", own.tokens, name="tokens"),
    path("settings/tokens/<int:pk>/revoke/", own.revoke, name="token_revoke"),
    path("people/", people.people, name="people"),
    path("people/new/", people.person_new, name="person_new"),
    path("people/<int:pk>/", people.person, name="person"),
    path("people/<int:pk>/edit/", people.person_edit, name="person_edit"),
    path("people/<int:pk>/roles/", people.give_role, name="person_give"),
    path("people/<int:pk>/switch/", people.switch, name="person_switch"),
    path("people/<int:pk>/tokens/", people.make_token, name="person_token"),
    path("people/<int:pk>/hours/", hours.person, name="person_hours"),
    path("people/<int:pk>/absences/", hours.add, name="absence_add"),
    path("absences/<int:pk>/cancel/", hours.cancel, name="absence_cancel"),
    path("grants/<int:pk>/take/", people.take_role, name="take_role"),
    path("teams/", teams.teams, name="teams"),
    path("teams/new/", teams.team_new, name="team_new"),
    path("teams/<slug:slug>/", teams.team, name="team"),
    path("teams/<slug:slug>/edit/", teams.team_edit, name="team_edit"),
    path("teams/<slug:slug>/members/", teams.join, name="team_join"),
    path("teams/<slug:slug>/members/<int:pk>/remove/", teams.leave, name="team_leave"),
    path("teams/<slug:slug>/roles/", teams.give_role, name="team_give"),
    path("roles/", roles.roles, name="roles"),
]
