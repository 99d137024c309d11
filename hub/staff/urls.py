"""Pages and endpoints under /staff/."""

from django.urls import path

from hub.staff.views import me, people, session, welcome

app_name = "staff"

urlpatterns = [
    path("me/", me.me, name="me"),
    path("people/", people.people, name="people"),
    path("people/invite/", people.invite, name="invite"),
    path("people/invitations/<uuid:uuid>/withdraw/", people.withdraw, name="withdraw"),
    path("people/<uuid:uuid>/", people.person, name="person"),
    *(
        path(f"people/<uuid:uuid>/{name}/", people.deed, {"name": name}, name=name)
        for name in people.DEEDS
    ),
    path("session/", session.session_state, name="session"),
    path("session/activity/", session.activity, name="activity"),
    path("session/lock/", session.lock_now, name="lock"),
    path("session/unlock/", session.unlock, name="unlock"),
    path("session/unlock/passkey/", session.unlock_by_passkey, name="unlock_by_passkey"),
    path("welcome/", welcome.welcome, name="welcome"),
    path("welcome/<str:token>/", welcome.welcome_link, name="welcome_link"),
]
