"""Addresses of the chat: the loader, the pages, and the app's API."""

from django.urls import path

from channels_app.chat import api, pages

app_name = "chat"
urlpatterns = [
    path("widget.js", pages.widget, name="widget"),
    path("frame/<slug:site>", pages.frame, name="frame"),
    path("page/<slug:site>", pages.page, name="page"),
    path("sessions", api.start, name="sessions"),
    path("messages", api.messages, name="messages"),
    path("seen", api.seen, name="seen"),
    path("said", api.said, name="said"),
    path("callback", api.callback, name="callback"),
    path("end", api.end, name="end"),
    path("files/<uuid:uuid>", api.file, name="file"),
]
