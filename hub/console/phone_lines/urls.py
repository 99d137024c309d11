"""Pages under /staff/phone/."""

from django.urls import path

from hub.console.phone_lines import choices, lines, recording

app_name = "phone_lines"

urlpatterns = [
    path("", lines.index, name="index"),
    path("add/", lines.add, name="add"),
    path("recording/", recording.index, name="recording"),
    path("recording/<uuid:department>/", recording.rule, name="rule"),
    path("<uuid:line>/", lines.line, name="line"),
    path("<uuid:line>/change/", lines.change, name="change"),
    path("<uuid:line>/choices/add/", choices.add, name="add_choice"),
    path("<uuid:line>/choices/<uuid:choice>/", choices.change, name="choice"),
    path("<uuid:line>/choices/<uuid:choice>/remove/", choices.remove, name="remove_choice"),
]
