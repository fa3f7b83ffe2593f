"""HTML made to exhaust its reader costs little, and its text is still read."""

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mailmirror.domain import limits
from mailmirror.mail.mime.content import parse_message
from mailmirror.mail.mime.headers import UnreadableHeaders
from mailmirror.mail.mime.html import sanitise
from mailmirror.mail.mime.html_limits import HTML_TRUNCATED, Budget

BYTES = 25_000_000
"""The size of message that is mirrored whole by default."""
MEGABYTES = 300
CPU_SECONDS = 10
"""Twice what is promised, for machines that are slower or busy."""


def fill(unit: str) -> str:
    return unit * (BYTES // len(unit.encode()))


def each(template: str, size: int = BYTES) -> str:
    """A template filled with one number after another."""
    return "".join(template.replace("#", str(n)) for n in range(size // (len(template) + 6)))


def formatting_before_blocks() -> str:
    return "<p>" + "".join(f"<b id={n}>" for n in range(3_900)) + "<p>x" * 1_200


def formatting_behind(guard: str) -> str:
    """Open formatting elements, and end tags for them that end nothing."""
    return "<p>" + each("<b id=#>", 40_000) + guard + "</b>" * 4_000 + "<p>x" * 2_000


def unclosed(count: int) -> str:
    """Formatting elements that differ, so that each is opened again in the blocks that follow."""
    return "<p>" + "".join(f"<b id={n}>" for n in range(count))


HOSTILE: dict[str, Callable[[], str]] = {
    "formatting before blocks": formatting_before_blocks,
    "formatting before blocks, in full": lambda: (
        "<p>" + each("<b id=#>", BYTES // 2) + fill("<p>x")
    ),
    "end tags in a comment": lambda: formatting_behind("<!--"),
    "end tags in an attribute": lambda: formatting_behind("<p title='") + "'>",
    "end tags in a style": lambda: formatting_behind("<style>"),
    "end tags in a select": lambda: formatting_behind("<select>"),
    "end tags in an object": lambda: formatting_behind("<object>"),
    "end tags in a table": lambda: formatting_behind("<table>"),
    "end tags in an icon": lambda: formatting_behind("<svg><desc>"),
    "end tags of formatting that is not opened again": lambda: (
        unclosed(900) + ("<b>" * 4 + "</b>" * 4) * 900 + "<p>x" * 4_000
    ),
    "end tags that move formatting past blocks": lambda: (
        "<div>"
        + unclosed(900).removeprefix("<p>")
        + f"{'<div>' * 80}{'</b>' * 900}{'</div>' * 81}"
        + "<p>x</p>" * 4_000
    ),
    "end tags of rows in an object": lambda: (
        f"<table><tr><object>{unclosed(900)}</tr>" + "<p>x" * 4_000
    ),
    "end tags of table parts in a cell": lambda: (
        f"{unclosed(900)}</p><table><tr><td></tbody>" + "x<tr>" * 4_000
    ),
    "end tags of rows in a caption": lambda: (
        f"<table><caption>{unclosed(900)}</tr>" + "<p>x" * 4_000
    ),
    "a table in an object in a table": lambda: (
        f"{unclosed(900)}</p><table><object><table></table>" + "<p>x" * 4_000
    ),
    "end tags behind no style": lambda: (
        unclosed(900) + "<\N{LATIN SMALL LETTER LONG S}tyle>" + "<p>x" * 4_000
    ),
    "end tags of no blocks": lambda: (
        "<blockquote>" * 6_000 + "</bloc\N{KELVIN SIGN}quote>" * 6_000 + "<p>x</p>" * 40_000
    ),
    "end tags of spans around a paragraph": lambda: (
        "<span>" * 6_000 + "<p>" + "</span>" * 6_000 + "</p>" + "<div></div>" * 40_000
    ),
    "references before a table": lambda: "<br>" * 90_000 + "<table>" + "&amp;" * 49_000,
    "words before a table": lambda: "<br>" * 90_000 + "<table>" + "x " * 700_000,
    "formatting with attributes": lambda: (
        "<p><b " + each("a#=1 ", 3_000) + ">" + each("<i id=#>", 3_000) + "<p>x" * 90_000
    ),
    "fonts": lambda: each("<font color=#>x</p>"),
    "links in links": lambda: each("<a href=#>x<p>"),
    "paragraphs": lambda: fill("<p>x"),
    "blocks": lambda: fill("<div>x</div>"),
    "depth": lambda: fill("<div>"),
    "depth in comments": lambda: fill("<div><!--</div>-->"),
    "depth beside blocks": lambda: "<div>" * 3_900 + "<div></div>" * 45_000,
    "tables in tables": lambda: fill("<table><tr><td>"),
    "text before a table": lambda: "<table>" + fill("x<br>"),
    "text before a table, less of it": lambda: "<table>" + "x<br>" * 90_000,
    "text before a table, hidden": lambda: "<table><!--<tr><td>-->" + "x<br>" * 90_000,
    "attributes of one tag": lambda: "<p " + each("a# ", 8_000_000) + ">x",
    "attributes with values": lambda: "<p " + each('a#="1" ') + ">x",
    "attributes with quotes": lambda: "<p " + each("""a#='"' b#=">" """) + ">x",
    "attributes of many tags": lambda: ("<p " + each("a# ", 4_000) + ">") * 5_000,
    "a quote that nothing closes": lambda: fill('<a b="<a b='),
    "a tag that nothing closes": lambda: fill("<a "),
    "a value that nothing closes": lambda: fill("<a b=c"),
    "tag marks": lambda: fill("<"),
    "end tag marks": lambda: fill("</"),
    "comments": lambda: fill("<!---->"),
    "comments that nothing closes": lambda: fill("<!--"),
    "declarations": lambda: fill("<!x>"),
    "cdata": lambda: fill("<![CDATA["),
    "cdata in a drawing": lambda: "<svg>" + fill("<![CDATA[x]]>"),
    "drawings": lambda: fill("<svg><path>"),
    "formulas": lambda: fill("<math><mi>"),
    "selects": lambda: fill("<select><option>"),
    "templates": lambda: fill("<template>"),
    "plaintext": lambda: "<plaintext>" + fill("<b>"),
    "styles that nothing closes": lambda: fill("<style>"),
    "scripts in scripts": lambda: fill("<script><!--<script>"),
    "text areas": lambda: fill("<textarea>x</textarea>"),
    "references": lambda: fill("&amp"),
    "references to nothing": lambda: fill("&xyzabcd"),
    "long references": lambda: fill("&CounterClockwiseContourIntegra"),
    "references in an attribute": lambda: "<p title='" + fill("&amp") + "'>x",
    "NULs": lambda: fill("\0"),
    "blanks": lambda: fill("x "),
    "lines": lambda: "<pre>" + fill("\n"),
    "quoted lines": lambda: "<blockquote>" * 20 + "<pre>" + fill("x\n"),
    "attributes of a tag that is cut": lambda: "<p " + each("a# ", 1_900_000),
    "attributes with values of a tag that is cut": lambda: "<p " + each('a#="1" ', 1_900_000),
    "wide text": lambda: fill("語文 "),
    "no-break spaces": lambda: "<p>" + "\xa0" * 1_900_000,
    "no-break spaces in a value": lambda: f"<p title='{'\xa0' * 1_900_000}'>x",
    "as many no-break spaces as may be": lambda: "<p>" + "\xa0" * 99_000,
    "pictures asked for": lambda: fill("cid:a "),
    "pictures": lambda: fill("<img src='data:image/png;base64,AAAA'>"),
    "a picture": lambda: "<img src='data:image/png;base64," + "A" * BYTES + "'>",
}


def raw_message(markup: str) -> bytes:
    head = "From: a@x.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
    return (head + markup).encode()


def in_parts(markup: str, parts: int = 12) -> bytes:
    """A message with the same HTML in several parts."""
    head = b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    part = b"--b\r\nContent-Type: text/html\r\n\r\n" + markup.encode() + b"\r\n"
    return head + part * parts + b"--b--\r\n"


def read_as_sync_and_api_do(raw: bytes) -> None:
    """Parse a message and sanitise its HTML, with so much memory more than it takes itself."""
    with open("/proc/self/statm") as statm:
        own = int(statm.read().split()[0]) * resource.getpagesize()
    most = own + MEGABYTES * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    seconds = int(used) + CPU_SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    content = parse_message(raw)
    budget = Budget()
    sanitise(content.html or "", budget)
    print(int(HTML_TRUNCATED in content.warnings), int(budget.exceeded))


def read_apart(name: str) -> tuple[bool, bool]:
    """Return whether sync, and api, said that the HTML was beyond the limits."""
    program = f"from {__name__} import *; read_as_sync_and_api_do(MESSAGES[{name!r}]())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=".")
    assert done.returncode == 0, (done.returncode, done.stderr[-500:])
    sync, api = done.stdout.split()
    return sync == "1", api == "1"


MESSAGES: dict[str, Callable[[], bytes]] = {
    name: (lambda make=make: raw_message(make())) for name, make in HOSTILE.items()
} | {
    "parts with many blocks": lambda: in_parts("<div>x</div>" * 45_000),
    "parts with much text": lambda: in_parts("x " * 900_000),
    "parts with pictures": lambda: in_parts("cid:a " * 300_000),
    "short uuencoded lines": lambda: (
        b"From: a@x.example\r\nContent-Transfer-Encoding: uuencode\r\n\r\nbegin 644 x\n"
        + b"zz\n" * (BYTES // 3)
    ),
    "parameters of many parts": lambda: (
        b"From: a@x.example\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        + (b"--b\r\nContent-Type: text/plain" + b';a="\\\\' * 3_000 + b"\r\n\r\nx\r\n") * 900
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("name", MESSAGES)
def test_a_message_made_to_exhaust_its_reader_costs_little(name: str) -> None:
    """Few seconds, and less than 300 MB beside the message itself."""
    read_apart(name)


@pytest.mark.exceeds("MAX_HTML_ESCAPED_CHARS")
@pytest.mark.parametrize(
    "name",
    [
        "formatting before blocks",
        "paragraphs",
        "attributes of one tag",
        "attributes of a tag that is cut",
        "references",
        "no-break spaces",
    ],
)
def test_sync_and_api_say_that_html_was_beyond_the_limits(name: str) -> None:
    assert read_apart(name) == (True, True)


def test_of_html_beyond_the_limits_the_bare_text_is_read() -> None:
    markup = "<style>p{}</style><p>Dear Kim,</p>" + formatting_before_blocks() + "a &lt; b"
    content = parse_message(raw_message(markup))
    assert content.warnings == (HTML_TRUNCATED,)
    assert content.text.startswith("Dear Kim,")
    assert content.text.endswith("a < b")
    assert "p{}" not in content.text
    shown = sanitise("<script>alert(1)</script>" + markup, budget := Budget())
    assert budget.exceeded
    assert shown.startswith("<pre>Dear Kim,")
    assert "alert" not in shown
    assert shown.endswith("a &lt; b</pre>")


def test_the_limits_are_those_of_a_message_not_of_a_part() -> None:
    part = "<div>x</div>" * 20_000
    assert parse_message(in_parts(part, 2)).warnings == ()
    assert parse_message(in_parts(part, 3)).warnings == (HTML_TRUNCATED,)


OUTLOOK = (
    '<div><p class=MsoNormal style="margin:0"><b><span lang=EN-US style="font-size:#pt">'
    "<font face=Arial color=#><i><u>From: Kim<o:p></o:p></u></i></font></span></b></p>"
    "<!--[if mso]><b><table><tr><td><![endif]--><ul><li>one<li>two</ul><p><b>bold<i>both</b>x</i>"
    "<table border=0><tr><td><font size=#>unclosed<td><a href='x>#'>link</a></table>"
    '<img src="data:image/png;base64,AAAA"><br>&nbsp;</div>'
)
NEWSLETTER = (
    "<center><table width=600><tbody><tr><td><table><tr><td><a href=https://x.example/#>"
    "<img src=https://x.example/#.png></a><br><font color=red><b>Offer #</b></font></td></tr>"
    "</table></td></tr></tbody></table></center><p>text<p>text<br>"
    '<svg viewBox="0 0 1 1"><g><path d="M0"/></g></svg>'
)


@pytest.mark.parametrize(
    "markup",
    [
        each(OUTLOOK, 400_000),
        each(NEWSLETTER, 400_000),
        "<blockquote><div>" * 300 + "deep" + "</div></blockquote>" * 300,
        "<div>" * 300 + each(OUTLOOK, 200_000) + "</div>" * 300,
        "<p>" + "word &nbsp; " * 20_000,
        f"<p><img src='data:image/png;base64,{'A' * 6_000_000}'>a picture</p>",
        each("<a name=#>anchor<p>", 60_000),
        "<b><font size=2>" + each("<p>text #</p>", 100_000),
    ],
    ids=["outlook", "newsletter", "quotes", "deep", "blanks", "picture", "anchors", "formatting"],
)
def test_large_mail_as_programs_write_it_is_within_the_limits(markup: str) -> None:
    assert Budget().admits(markup)


def test_mail_of_the_corpus_is_within_the_limits() -> None:
    read = 0
    for path in Path("tests/data/corpus").rglob("*.eml"):
        try:
            content = parse_message(path.read_bytes())
        except UnreadableHeaders:
            continue
        read += content.html is not None
        assert HTML_TRUNCATED not in content.warnings, path
        assert content.html is None or Budget().admits(content.html), path
    assert read > 20


AT_THE_LIMIT: dict[str, tuple[str, str]] = {
    "MAX_HTML_CHARS": ("x" * limits.MAX_HTML_CHARS, "x"),
    "MAX_HTML_CHARS_WITH_PICTURES": (
        f"<img src='data:image/png;base64,{'A' * (limits.MAX_HTML_CHARS_WITH_PICTURES - 34)}'>",
        "x",
    ),
    "MAX_HTML_TAGS": ("<br>" * limits.MAX_HTML_TAGS, "<br>"),
    "MAX_HTML_ATTRIBUTES": (f"<br{' a' * 500}>" * (limits.MAX_HTML_ATTRIBUTES // 500), "<br a>"),
    "MAX_HTML_REFERENCES": ("&" * limits.MAX_HTML_REFERENCES, "&"),
    "MAX_HTML_REOPENED_ELEMENTS": ("".join(f"<b id={n}>" for n in range(707)), "<b>" * 2),
    "MAX_HTML_STEPS": ("<div>" * 10_900, "<div>" * 100),
    "MAX_HTML_FOSTERED_PIECES": (
        "<table>" + "x " * limits.MAX_HTML_FOSTERED_PIECES + "<tr>",
        "x<td>",
    ),
    "MAX_ATTRIBUTES_OF_A_TAG": (f"<br{' a' * limits.MAX_ATTRIBUTES_OF_A_TAG}", " a>"),
    "MAX_UNSURE_CHARS": ("<svg>" + "x" * (limits.MAX_UNSURE_CHARS - 5), "x"),
    "MAX_UNSURE_TAGS": ("<svg>" * limits.MAX_UNSURE_TAGS, "<svg>"),
}
"""Markup that just fits, and what exceeds the limit when it is added."""


@pytest.mark.exceeds(
    "MAX_HTML_CHARS",
    "MAX_HTML_CHARS_WITH_PICTURES",
    "MAX_HTML_TAGS",
    "MAX_HTML_ATTRIBUTES",
    "MAX_HTML_REFERENCES",
    "MAX_HTML_REOPENED_ELEMENTS",
    "MAX_HTML_STEPS",
    "MAX_HTML_FOSTERED_PIECES",
    "MAX_ATTRIBUTES_OF_A_TAG",
    "MAX_UNSURE_CHARS",
    "MAX_UNSURE_TAGS",
)
@pytest.mark.parametrize("name", AT_THE_LIMIT)
def test_markup_at_a_limit_is_parsed_and_beyond_it_read_as_bare_text(name: str) -> None:
    fits, more = AT_THE_LIMIT[name]
    assert Budget().admits(fits + ">" * (name == "MAX_ATTRIBUTES_OF_A_TAG"))
    budget = Budget()
    assert not budget.admits(fits + more)
    assert budget.exceeded
    assert parse_message(raw_message(f"Dear Kim,<p>{fits}{more}")).warnings == (HTML_TRUNCATED,)


@pytest.mark.exceeds("MAX_BARE_HTML_CHARS")
def test_of_markup_beyond_the_limits_so_much_bare_text_is_taken_and_no_more() -> None:
    budget = Budget()
    assert budget.take_bare("x" * 300_000) == "x" * 300_000
    rest = limits.MAX_BARE_HTML_CHARS - 300_000
    assert budget.take_bare("y" * 300_000) == "y" * rest
    assert budget.take_bare("z") == ""


@pytest.mark.exceeds("MAX_SANITISED_CHARS")
def test_html_that_grows_beyond_an_answer_is_shown_as_its_text() -> None:
    for links, exceeded in ((10_000, False), (22_000, True)):
        budget = Budget()
        shown = sanitise("<a href=http://x>y</a>" * links, budget)
        assert budget.exceeded is exceeded
        assert len(shown) <= limits.MAX_SANITISED_CHARS
        assert shown.count("y") >= links
