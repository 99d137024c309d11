"""Addresses that Twilio calls."""

from django.urls import path

from channels_app.messaging import views

urlpatterns = [
    path("inbound", views.inbound, name="messaging-inbound"),
    path("status", views.status, name="messaging-status"),
    path("media/<str:token>", views.media, name="messaging-media"),
]
