"""How much of one mail is read. Whoever sends more is not believed to mean it."""

#: Bytes of the raw message; mail servers themselves stop at 25 or 50 MB.
MAX_RAW_BYTES = 25 * 1024 * 1024
#: Parts of a message, containers included.
MAX_PARTS = 200
#: Containers inside containers.
MAX_DEPTH = 20
MAX_FILES = 50
#: Characters of text that are looked at and kept, and of HTML before it is cleaned.
MAX_TEXT = 500_000
MAX_HTML = 500_000
#: Lines of the header section, and bytes of one header, that are looked at.
MAX_HEADERS = 1_000
MAX_HEADER_BYTES = 64 * 1024
#: Addresses of one header, and Message-IDs.
MAX_ADDRESSES = 200
MAX_MESSAGE_IDS = 100
#: Characters of a Message-ID: a line of a mail may not be longer (RFC 5322, 2.1.1).
MAX_MESSAGE_ID = 998
#: Characters of an address (RFC 5321, 4.5.3.1.3) and of a subject or name.
MAX_ADDRESS = 254
MAX_LINE = 998
MAX_FILE_NAME = 120
