"""Every address of the hub. tests/ walks this list: a new one is covered by itself."""

from django.urls import include, path
from django.views.generic import RedirectView

from hub import health

urlpatterns = [
    path("", RedirectView.as_view(url="/console/")),
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("accounts/", include("hub.staff.account_urls")),
    path("staff/", include("hub.staff.urls")),
    path("staff/departments/", include("hub.routing.urls")),
    path("staff/phone/", include("hub.console.phone_lines.urls")),
    path("staff/whatsapp/", include("hub.console.meta_channels.urls")),
    path("twilio/messaging/", include("channels_app.messaging.urls")),
    path("twilio/voice/", include("channels_app.voice.urls")),
    path("chat/", include("channels_app.chat.urls")),
    path("c/", include("channels_app.chat.link_urls")),
    path("s/", include("channels_app.secure.urls")),
    path("callback/", include("hub.selfservice.urls")),
    path("console/", include("hub.console.urls")),
]
