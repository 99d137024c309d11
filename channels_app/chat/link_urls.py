"""Addresses behind the links that are texted to patients. The token never stands in them."""

from django.urls import path

from channels_app.chat import api, pages

app_name = "chat_link"
urlpatterns = [
    path("", pages.link, name="page"),
    path("start", api.start_by_link, name="start"),
    path("renew", api.renew_link, name="renew"),
]
