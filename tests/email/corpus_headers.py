"""Awkward charsets and headers."""

import base64

from tests.email.corpus_building import (
    HEADERS,
    add,
    contains,
    has,
    with_body,
)

for _charset, _words in {
    "iso-8859-1": "Mañana",
    "windows-1252": "“Mañana” €5",
    "utf-7": "Mañana",
    "utf-16": "Mañana",
    "iso-2022-jp": "明日の予約",
    "gb18030": "明天预约",
    "big5": "明天預約",
    "euc-kr": "내일 예약",
    "shift_jis": "明日の予約",
    "koi8-r": "Завтра",
    "iso-8859-15": "5 €",
    "windows-1251": "Завтра",
}.items():
    add(
        f"charset {_charset}",
        with_body(
            f"text/plain; charset={_charset}",
            base64.encodebytes(_words.encode(_charset)),
            encoding="base64",
        ),
        text=_words,
        problems=(),
    )
add(
    "windows-1252 called iso-8859-1",
    with_body("text/plain; charset=iso-8859-1", "“It’s 5 €”".encode("cp1252")),
    text="“It’s 5 €”",
)
add(
    "utf-8 called iso-8859-1",
    with_body("text/plain; charset=iso-8859-1", "Mañana".encode()),
    text="Mañana",
    problems=has("broken_charset"),
)
add(
    "latin-1 called utf-8",
    with_body("text/plain; charset=utf-8", "Mañana a las 8".encode("latin-1")),
    text="Mañana a las 8",
    problems=has("broken_charset"),
)
add(
    "one broken byte in utf-8",
    with_body("text/plain; charset=utf-8", "Mañana, señor, ¿sí? ".encode() + b"\xff."),
    text="Mañana, señor, ¿sí? \ufffd.",
)
add("unknown charset", with_body("text/plain; charset=x-klingon", "Señor".encode()), text="Señor")
add("a codec that is no charset", with_body("text/plain; charset=zip", b"Hello"), text="Hello")
add(
    "gb18030 called gb2312",
    with_body("text/plain; charset=gb2312", "朱镕基".encode("gb18030")),
    text="朱镕基",
)
add("no charset, eight bits", with_body("text/plain", "Señor".encode()), text="Señor")
add("japanese undeclared", with_body("text/plain", "明日".encode("iso-2022-jp")), text="明日")
add("null bytes", with_body("text/plain", b"a\0b\0c"), text="abc")
add("a lone surrogate", with_body("text/plain; charset=utf-7", b"a+2AA-b"), text="a\ufffdb")
add("control signs", with_body("text/plain", b"a\x07\x1b[31mb"), text="a[31mb")

# Headers -----------------------------------------------------------------------------------------
add(
    "nothing but a subject",
    b"Subject: Hi\r\n\r\nHello",
    subject="Hi",
    text="Hello",
    from_address="",
)
add("no body", HEADERS, text="", subject="Visit")
add("no message id", b"From: a@b.example\r\n\r\nHello", message_id="", text="Hello")
add(
    "two message ids",
    b"Message-ID: <one@b.example>\r\nMessage-ID: <two@b.example>\r\n\r\nHello",
    message_id="<one@b.example>",
    problems=has("duplicate_message_id"),
)
add(
    "message id without brackets",
    b"Message-ID: one@b.example\r\n\r\nx",
    message_id="<one@b.example>",
)
add(
    "folded message id",
    b"Message-ID:\r\n <very-long-\r\n  one@b.example>\r\n\r\nx",
    message_id="<very-long-one@b.example>",
)
add("message id is prose", b"Message-ID: I have none\r\n\r\nx", message_id="")
add(
    "in-reply-to with prose",
    b'In-Reply-To: Your message of "Mon" <one@b.example>\r\n\r\nx',
    in_reply_to=("<one@b.example>",),
)
add("raw eight bits in the subject", "Subject: Mañana\r\n\r\nx".encode(), subject="Mañana")
add("raw latin-1 in the subject", "Subject: Mañana\r\n\r\nx".encode("latin-1"), subject="Mañana")
add(
    "a character cut between two words",
    b"Subject: =?utf-8?B?"
    + base64.b64encode("ñ".encode()[:1])
    + b"?=\r\n =?utf-8?B?"
    + base64.b64encode("ñ".encode()[1:])
    + b"?=\r\n\r\nx",
    subject="ñ",
)
add(
    "encoded word with spaces",
    b"Subject: =?utf-8?Q?Ma=C3=B1ana a las 8?=\r\n\r\nx",
    subject="Mañana a las 8",
)
add("encoded word without end", b"Subject: =?utf-8?Q?Ma=C3=B1ana\r\n\r\nx", subject="Mañana")
add(
    "encoded word with a wrong charset",
    b"Subject: =?nonsense?Q?Ma=C3=B1ana?=\r\n\r\nx",
    subject="Mañana",
)
add(
    "line feeds encoded in the subject",
    b"Subject: =?utf-8?Q?a=0D=0ABcc:_b@c.example?=\r\n\r\nx",
    subject="a Bcc: b@c.example",
)
add(
    "a folded line without its indentation",
    b"Subject: a very\r\nlong subject\r\nFrom: a@b.example\r\n\r\nHello",
    subject="a very long subject",
    from_address="a@b.example",
    text="Hello",
)
add(
    "no blank line before the body",
    b"From: a@b.example\r\nSubject: Hi\r\nHello there\r\n",
    text="Hello there",
    subject="Hi",
)
add(
    "spaces before the colon",
    b"From : a@b.example\r\nSubject : Hi\r\n\r\nx",
    from_address="a@b.example",
    subject="Hi",
)
add(
    "mailbox separator on top",
    b"From ana@example.org Wed Mar  4 10:00:00 2026\n"
    + HEADERS.replace(b"\r\n", b"\n")
    + b"\nHello",
    text="Hello",
    from_address="ana@example.org",
)
add("blank lines on top", b"\r\n\r\n" + HEADERS + b"\r\nHello", text="Hello")
add(
    "doubled carriage returns",
    (HEADERS + b"\r\nHello").replace(b"\r\n", b"\r\r\n"),
    text="Hello",
    subject="Visit",
)
add(
    "bare line feeds",
    (HEADERS + b"\r\nHello").replace(b"\r\n", b"\n"),
    text="Hello",
    subject="Visit",
)
add(
    "bare carriage returns",
    (HEADERS + b"\r\nHello").replace(b"\r\n", b"\r"),
    text="Hello",
    subject="Visit",
)
add(
    "two senders",
    b"From: a@b.example, c@d.example\r\n\r\nx",
    from_address="a@b.example",
    problems=has("several_senders"),
)
add(
    "two from headers",
    b"From: a@b.example\r\nFrom: c@d.example\r\n\r\nx",
    from_address="a@b.example",
    problems=has("duplicate_from"),
)
add(
    "an address inside the name",
    b'From: "boss@clinic.example" <Evil@x.example>\r\n\r\nx',
    from_address="evil@x.example",
    from_name="boss@clinic.example",
)
add(
    "an address inside an encoded name",
    b"From: =?utf-8?Q?a_=3Cboss=40clinic.example=3E?= <evil@x.example>\r\n\r\nx",
    from_address="evil@x.example",
    from_name="a <boss@clinic.example>",
)
add(
    "comments and a comma in the name",
    b'From: "Mu\\"oz, Ana" (home (really)) <a@b.example>\r\n\r\nx',
    from_address="a@b.example",
    from_name="Muoz, Ana",
)
add("undisclosed recipients", b"From: a@b.example\r\nTo: undisclosed-recipients:;\r\n\r\nx", to=())
add(
    "a group",
    b"From: a@b.example\r\nTo: Team: c@d.example, e@f.example;\r\n\r\nx",
    to=("c@d.example", "e@f.example"),
)
add("unreadable sender", b"From: <<<>>>\r\n\r\nx", from_address="")
add(
    "a date in the far future",
    b"Date: Wed, 4 Mar 2199 10:00:00 +0100\r\n\r\nx",
    date=None,
    problems=has("absurd_date"),
)
add("a date that is none", b"Date: yesterday-ish 99:99\r\n\r\nx", date=None)
add("a date with a huge zone", b"Date: Wed, 4 Mar 2026 10:00:00 +9999999999\r\n\r\nx", subject="")
add(
    "a line of ten thousand characters",
    with_body("text/plain", b"word " * 2000),
    text=contains("word word"),
)
add(
    "a subject of ten thousand characters",
    b"Subject: " + b"word " * 2000 + b"\r\n\r\nx",
    subject=lambda s: len(s) <= 998,
)
