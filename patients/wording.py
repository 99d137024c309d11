"""Names of channels and languages, as people read them."""

from django.utils.translation import get_language_info, gettext
from django.utils.translation import gettext_lazy as _

CHANNELS = {
    "sms": _("Text message"),
    "voice": _("Phone call"),
    "email": _("E-mail"),
    "chat": _("Web chat"),
    "messenger": _("Messenger"),
    "whatsapp": _("WhatsApp"),
    "video": _("Video"),
}

# Those spoken at home by most people in the United States who speak little English (Census, ACS),
# as BCP 47 codes; and sign language.
LANGUAGES = {
    "en": _("English"),
    "es": _("Spanish"),
    "zh": _("Chinese"),
    "vi": _("Vietnamese"),
    "tl": _("Tagalog"),
    "ar": _("Arabic"),
    "ko": _("Korean"),
    "ru": _("Russian"),
    "ht": _("Haitian Creole"),
    "pt": _("Portuguese"),
    "fr": _("French"),
    "hi": _("Hindi"),
    "pl": _("Polish"),
    "fa": _("Persian"),
    "ur": _("Urdu"),
    "uk": _("Ukrainian"),
    "so": _("Somali"),
    "hmn": _("Hmong"),
    "ase": _("American Sign Language"),
}


def channel(code: str | None) -> str:
    """Return a channel's name; None is all of them."""
    if code is None:
        return gettext("All channels")
    return str(CHANNELS.get(code, code))


def language(code: str) -> str:
    """Return a language's name, or its code if nobody named it here."""
    if code in LANGUAGES:
        return str(LANGUAGES[code])
    try:
        return gettext(get_language_info(code)["name"])
    except KeyError:
        return code
