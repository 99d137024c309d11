"""The short codes of what people do. A new kind of reading or writing gets its own code here."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class AuditAction(models.TextChoices):
    """One code per thing that a person can do; the code is what is stored."""

    # Reading
    VIEW_CONVERSATION = "view_conversation", _("Opened a conversation")
    LEAVE_CONVERSATION = "leave_conversation", _("Left a conversation")
    VIEW_LIST = "view_list", _("Read a list")
    SEARCH = "search", _("Searched")
    VIEW_PATIENT = "view_patient", _("Opened a patient")
    DOWNLOAD_ATTACHMENT = "download_attachment", _("Downloaded an attachment")
    PLAY_RECORDING = "play_recording", _("Played a recording")
    EXPORT = "export", _("Exported")
    VIEW_AUDIT = "view_audit", _("Read the audit trail")
    BREAK_GLASS = "break_glass", _("Broke the glass")
    DENIED = "denied", _("Was refused")

    # Writing
    SEND_MESSAGE = "send_message", _("Sent a message")
    WRITE_NOTE = "write_note", _("Wrote a note")
    UPLOAD_ATTACHMENT = "upload_attachment", _("Uploaded an attachment")
    START_CONVERSATION = "start_conversation", _("Started a conversation")
    CLAIM = "claim", _("Took a conversation")
    ASSIGN = "assign", _("Assigned a conversation")
    SNOOZE = "snooze", _("Snoozed a conversation")
    RESOLVE = "resolve", _("Resolved a conversation")
    REOPEN = "reopen", _("Reopened a conversation")
    IDENTIFY = "identify", _("Said whom a conversation is about")
    CREATE_PATIENT = "create_patient", _("Created a patient")
    EDIT_PATIENT = "edit_patient", _("Changed a patient")
    CALL = "call", _("Called a patient")
    LISTEN_IN = "listen_in", _("Listened to a call as it ran")
    HAND_OVER = "hand_over", _("Handed a call over")
    CONSENT_CHANGED = "consent_changed", _("Changed a consent")
    ERASE = "erase", _("Erased an entry")

    # People and their access
    SIGN_IN = "sign_in", _("Signed in")
    SIGN_IN_FAILED = "sign_in_failed", _("Failed to sign in")
    SIGN_OUT = "sign_out", _("Signed out")
    SECOND_FACTOR_CHANGED = "second_factor_changed", _("Changed a second factor")
    PASSWORD_CHANGED = "password_changed", _("Changed a password")
    SESSIONS_ENDED = "sessions_ended", _("Ended a person's log-ins")
    INVITED = "invited", _("Invited a person")
    INVITATION_WITHDRAWN = "invitation_withdrawn", _("Withdrew an invitation")
    INVITATION_ACCEPTED = "invitation_accepted", _("Accepted an invitation")
    ROLE_CHANGED = "role_changed", _("Changed a role")
    MEMBERSHIP_CHANGED = "membership_changed", _("Changed departments")
    SWITCHED_OFF = "switched_off", _("Switched a person off")
    SWITCHED_ON = "switched_on", _("Switched a person on again")
    SETTINGS_CHANGED = "settings_changed", _("Changed settings")
