"""What a file that came by mail may be called here."""

from channels_app.email.reading.headers import one_line
from channels_app.email.reading.limits import MAX_FILE_NAME

_FORBIDDEN = str.maketrans(dict.fromkeys('<>:"|?*', "_"))
_LONGEST_ENDING = 12
#: Endings for files that came without a name. The system's own table differs by machine.
_ENDINGS = {
    "image/jpeg": ".jpg",
    "image/jpg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/heic": ".heic",
    "application/pdf": ".pdf",
    "text/plain": ".txt",
    "text/html": ".html",
    "text/calendar": ".ics",
    "text/csv": ".csv",
    "message/rfc822": ".eml",
    "application/ms-tnef": ".dat",
    "application/pkcs7-mime": ".p7m",
    "audio/mpeg": ".mp3",
    "audio/ogg": ".ogg",
    "audio/amr": ".amr",
    "video/mp4": ".mp4",
}


def harmless(name: str, content_type: str, number: int) -> str:
    """`name` without its path and odd signs, its ending kept; `file-3.pdf` if nothing is left."""
    name = one_line(name, 4 * MAX_FILE_NAME).replace("\\", "/").rstrip("/ ").rsplit("/", 1)[-1]
    name = name.translate(_FORBIDDEN).strip(". ")
    if not name:
        return f"file-{number}{_ENDINGS.get(content_type, '')}"
    if len(name) > MAX_FILE_NAME:
        stem, dot, ending = name.rpartition(".")
        if not stem or len(ending) > _LONGEST_ENDING:
            return name[:MAX_FILE_NAME].strip(". ")
        return stem[: MAX_FILE_NAME - len(ending) - 1].rstrip(". ") + dot + ending
    return name
