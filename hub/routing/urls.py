"""The administrators' pages about departments, under /staff/departments/."""

from django.urls import path

from hub.routing import views

app_name = "routing"

urlpatterns = [
    path("", views.departments, name="departments"),
    path("<uuid:uuid>/", views.department, name="department"),
]
