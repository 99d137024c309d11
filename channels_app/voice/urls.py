"""Addresses that Twilio calls about the phone: questions first, then events."""

from django.urls import path

from channels_app.voice import views, webhooks

app_name = "voice"

urlpatterns = [
    path("incoming", views.incoming, name="incoming"),
    path("language", views.language, name="language"),
    path("menu", views.menu, name="menu"),
    path("birth-date", views.birth_date, name="birth-date"),
    path("wait", views.wait, name="wait"),
    path("wait-choice", views.wait_choice, name="wait-choice"),
    path("left", views.left, name="left"),
    path("way-out", views.way_out, name="way-out"),
    path("place", views.place, name="place"),
    path("room-left", views.room_left, name="room-left"),
    path("reached", views.reached, name="reached"),
    path("hold", views.hold, name="hold"),
    path("notice", views.notice, name="notice"),
    path("message-left", views.message_left, name="message-left"),
    path("fallback", views.fallback, name="fallback"),
    path("music.wav", views.music, name="music"),
    path("status", webhooks.status, name="status"),
    path("party", webhooks.party, name="party"),
    path("conference", webhooks.conference, name="conference"),
    path("recording", webhooks.recording, name="recording"),
    path("machine", webhooks.machine, name="machine"),
]
