"""Addresses of the console. They carry uuids, never ids, names or what was said."""

from django.urls import path

from hub.console.views import (
    assign,
    attachments,
    canned,
    composer,
    conversation,
    inbox,
    merged,
    patient,
    presence,
    search,
    sounds,
    status,
    who,
)

app_name = "console"

_ONE = "c/<uuid:uuid>/"

urlpatterns = [
    path("", inbox.inbox, name="inbox"),
    path("rows", inbox.rows, name="rows"),
    path("counts", inbox.counts, name="counts"),
    path("search", search.search, name="search"),
    path("presence", presence.presence, name="presence"),
    path("reassign", assign.reassign, name="reassign"),
    path("files/<uuid:uuid>", attachments.attachment, name="attachment"),
    path("files/<uuid:uuid>/sound", sounds.sound, name="sound"),
    path("files/<uuid:uuid>/listen", sounds.listen, name="listen"),
    path(_ONE, conversation.conversation, name="conversation"),
    path(_ONE + "entries", conversation.entries, name="entries"),
    path(_ONE + "head", conversation.head, name="head"),
    path(_ONE + "changes", conversation.changes, name="changes"),
    path(_ONE + "send", composer.send, name="send"),
    path(_ONE + "note", composer.note, name="note"),
    path(_ONE + "draft", composer.draft, name="draft"),
    path(_ONE + "chat-link", composer.chat_link, name="chat_link"),
    path(_ONE + "routes", composer.routes, name="routes"),
    path(_ONE + "canned", canned.canned, name="canned"),
    path(_ONE + "claim", status.claim, name="claim"),
    path(_ONE + "resolve", status.resolve, name="resolve"),
    path(_ONE + "undo-resolve", status.undo_resolve, name="undo_resolve"),
    path(_ONE + "snooze", status.snooze, name="snooze"),
    path(_ONE + "wake", status.wake, name="wake"),
    path(_ONE + "reopen", status.reopen, name="reopen"),
    path(_ONE + "assign", assign.assign, name="assign"),
    path(_ONE + "undo-assign", assign.undo_assign, name="undo_assign"),
    path(_ONE + "identify", who.identify, name="identify"),
    path(_ONE + "banner", who.banner, name="banner"),
    path(_ONE + "patients", who.patients, name="patients"),
    path(_ONE + "create-patient", who.create, name="create_patient"),
    path(_ONE + "forget", who.forget, name="forget"),
    path(_ONE + "panel", patient.panel, name="panel"),
    path(_ONE + "merged", merged.merged, name="merged"),
    path(_ONE + "profile", patient.profile, name="profile"),
    path(_ONE + "birth-date", patient.birth_date, name="birth_date"),
    path(_ONE + "consent", patient.consent, name="consent"),
    path(_ONE + "contact-point", patient.contact_point, name="contact_point"),
    path(_ONE + "related", patient.related, name="related"),
    path(_ONE + "end-related", patient.end_related, name="end_related"),
]
