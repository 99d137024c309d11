"""Pages under /staff/whatsapp/."""

from django.urls import path

from hub.console.meta_channels import addresses, templates

app_name = "meta_channels"

urlpatterns = [
    path("", addresses.index, name="index"),
    path("add/", addresses.add, name="add"),
    path("<uuid:address>/switch/", addresses.switch, name="switch"),
    path("templates/add/", templates.add, name="add_template"),
    path("templates/<uuid:template>/", templates.change, name="template"),
    path("templates/<uuid:template>/switch/", templates.switch, name="switch_template"),
]
