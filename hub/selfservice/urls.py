"""Addresses of the patients' own pages. No address carries a number, a code or a token."""

from django.urls import path

from hub.selfservice import views

app_name = "selfservice"
urlpatterns = [
    path("", views.start, name="callback"),
    path("number", views.number, name="callback_number"),
    path("code", views.code, name="callback_code"),
    path("time", views.time, name="callback_time"),
]
