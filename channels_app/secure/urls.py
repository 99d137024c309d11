"""Addresses of the secure page. None carries a token, an id of a conversation or a name."""

from django.urls import path

from channels_app.secure import views

app_name = "secure"
urlpatterns = [
    path("", views.start, name="page"),
    path("open", views.open_by_link, name="open"),
    path("thread", views.thread, name="thread"),
    path("answer", views.answer, name="answer"),
    path("leave", views.leave, name="leave"),
    path("files/<uuid:uuid>", views.file, name="file"),
]
