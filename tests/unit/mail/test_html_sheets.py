"""What the style sheets of a message hide is not read; what may be seen is."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailmirror.mail.mime.html import sanitise, text_of


def letter(sheet: str, markup: str, attributes: str = "") -> str:
    return f"<html><head><style{attributes}>{sheet}</style></head><body>{markup}</body></html>"


HIDDEN = {
    ".x{display:none}": "<p class='y x'>no</p>",
    ".x { DISPLAY : None !important ; }": "<p CLASS=x>no</p>",
    "#x{display:none}": "<p id=x>no</p>",
    "section{display:none}": "<SECTION>no<p>no</p></SECTION>",
    "p.x{display:none}": "<p class=x>no</p>",
    ".a.b{display:none}": "<p class='b c a'>no</p>",
    "p.a#i.b{display:none}": "<p class='a b' id=i>no</p>",
    ".y, .x ,\n.z{color:red;display:none}": "<p class=x>no</p>",
    ".w .v, .x{display:none}": "<p class=x>no</p>",
    "<!-- .x{display:none} -->": "<p class=x>no</p>",
    "/* } */ .x{display:none/*;*/}": "<p class=x>no</p>",
    ".y{content:'}{';} .x{display:none}": "<p class=x>no</p>",
    "@charset 'utf-8';@import url(a.css);.x{display:none}": "<p class=x>no</p>",
    "@font-face{font-family:a;src:url(b)}.x{display:none}": "<p class=x>no</p>",
    "@keyframes k{from{top:0}to{top:1px}}.x{display:none}": "<p class=x>no</p>",
    "@media screen{.x{display:none}}": "<p class=x>no</p>",
    "@media print, only screen{.y{color:red}.x{display:none}}": "<p class=x>no</p>",
    "@media all{@media screen{.x{display:none}}}": "<p class=x>no</p>",
    ".x{display:block}.x{display:none}": "<p class=x>no</p>",
    ".x{display:none!important}.x{display:block}": "<p class=x>no</p>",
    "p.x{display:none}.x{display:block}": "<p class=x>no</p>",
    "#x{display:none}.a.b.c{display:block}": "<p class='a b c' id=x>no</p>",
    "b{display:none!important}": "<b style='display:inline'>no</b>",
    ".x{max-height:0}": "<p class=x style='overflow:hidden'>no</p>",
    ".x{position:absolute}.y{left:-999px}": "<p class='x y'>no</p>",
    ".x{font:0/0 a}": "<p class=x>no<b>no</b></p>",
    ".x{font-size:0}.y{font-size:inherit}": "<p class=x>no<b class=y>no</b></p>",
    ".x{visibility:hidden}": "<p class=x>no</p>",
    ".x{opacity:0": "<p class=x>no</p>",
    "@media (max-width:600px){.x{display:block!important}}.x{display:none}": "<p class=x>no</p>",
    "@media print{.x{display:block!important}}.x{display:none}": "<p class=x>no</p>",
}


@pytest.mark.parametrize("sheet", HIDDEN)
def test_what_a_sheet_hides_is_neither_shown_nor_read(sheet: str) -> None:
    whole = letter(sheet, f"<div>yes</div>{HIDDEN[sheet]}<div>yes</div>")
    assert text_of(whole).split() == ["yes", "yes"]
    assert sanitise(sanitise(whole)) == sanitise(whole)


@pytest.mark.parametrize("sheet", [one for one in HIDDEN if "font" not in one])
def test_a_card_does_not_show_what_a_sheet_hides(sheet: str) -> None:
    shown = sanitise(letter(sheet, f"<div>yes</div>{HIDDEN[sheet]}<div>yes</div>"))
    assert "no" not in shown or "visibility:hidden" in shown


SEEN = {
    ".x{display:none}": "<p class=X>yes</p><p title=' class=x'>yes</p>",
    ".x{display:none} ": "<p class=x style='display:block'>yes</p>",
    ".x{display:none!important}": "<p class=x style='display:block!important'>yes</p>",
    ".x{display:none}.x{display:block}": "<p class=x>yes</p>",
    ".x{display:none}.x{display:block!important;display:none}": "<p class=x>yes</p>",
    ".x{display:none}p.x{display:block}": "<p class=x>yes</p>",
    ".x{display:block!important}": "<p class=x style='display:none'>yes</p>",
    ".x.y{display:none}": "<p class=x>yes</p>",
    "div.x{display:none}": "<p class=x>yes</p>",
    ".x p{display:none}": "<p class=x>yes</p>",
    "p:hover{display:none}": "<p>yes</p>",
    ".y:hover,.x{display:none}": "<p class=x>yes</p>",
    "p[title]{display:none}": "<p title=a>yes</p>",
    ".y>,.x{display:none}": "<p class=x>yes</p>",
    "} .x{display:none}": "<p class=x>yes</p>",
    "y; .x{display:none}": "<p class=x>yes</p>",
    ".y{color:red .x{display:none}": "<p class=x>yes</p>",
    ".y{.x{display:none}}": "<p class=x>yes</p>",
    "@media print{.x{display:none}}": "<p class=x>yes</p>",
    "@media (max-width:600px){.x{display:none}}": "<p class=x>yes</p>",
    "@media screen and (min-width:600px){.x{display:none}}": "<p class=x>yes</p>",
    "@media not screen{.x{display:none}}": "<p class=x>yes</p>",
    "@media not print{.x{display:none}}": "<p class=x>yes</p>",
    "@supports (a:b){.x{display:none}}": "<p class=x>yes</p>",
    "@font-face{.x{display:none}}": "<p class=x>yes</p>",
    ".x{display:none}@media (min-width:600px){.x{display:block}}": "<p class=x>yes</p>",
    ".x{display:none!important}.w .x{display:block}": "<p class=x>yes</p>",
    ".x{display:none}[title]{display:block}": "<p class=x>yes</p>",
    ".x{font-size:0}.x td{font-size:14px}": "<table class=x><td>yes</table>",
    ".x{font-size:0}.y{font-size:14px}": "<p class=x><b class=y>yes</b></p>",
    ".y{font-size:14px}": "<p style='font-size:0'><b class=y>yes</b></p>",
    ".x{height:0;overflow:hidden}.w .x{min-height:1px}": "<p class=x>yes</p>",
    ".x{display:n\\6fne}": "<p class=x>yes</p>",
}


@pytest.mark.parametrize("sheet", SEEN)
def test_what_may_be_seen_is_shown_and_read(sheet: str) -> None:
    whole = letter(sheet, SEEN[sheet])
    assert "yes" in text_of(whole)
    assert "yes" in sanitise(whole)


@pytest.mark.parametrize(
    "attributes", [" media=print", " type='text/less'", " media='(width:1px)'"]
)
def test_a_sheet_for_another_reader_hides_nothing(attributes: str) -> None:
    assert text_of(letter("p{display:none}", "<p>yes</p>", attributes)) == "yes"


@pytest.mark.parametrize(
    "markup",
    [
        "<!--<style>p{display:none}</style>--><p>yes</p>",
        "<title><style>p{display:none}</style></title><p>yes</p>",
        "<p title='<style>p{display:none}</style>'>yes</p>",
    ],
)
def test_what_is_no_sheet_hides_nothing(markup: str) -> None:
    assert text_of(markup) == "yes"


def test_a_sheet_changes_nothing_else_of_what_is_shown() -> None:
    markup = "<p style='color:red;font-size:12.0pt' class=y>a</p><table class=y width=5><tr><td>b"
    sheet = ".x{display:none}.y{height:5px;width:600px;font-size:14px}"
    assert sanitise(letter(sheet, markup)) == sanitise(markup)


@pytest.mark.parametrize("own", ['a"b', "a&quot;><script>", "<b>", "url(https://evil.example)"])
def test_a_style_that_is_joined_with_a_sheets_runs_and_loads_nothing(own: str) -> None:
    value = own.replace('"', "&quot;")
    sheet = f".x{{display:block!important;font-size:{own}}}.y{{display:none}}"
    shown = sanitise(letter(sheet, f'<p class=x style="display:none;color:{value}">yes</p>'))
    assert "yes" in shown
    assert "<script" not in shown
    assert "evil" not in shown


LONG = {
    "MAX_SHEET_CHARS": lambda n: letter(".x{display:none}" + " " * (n - 16), "<p class=x>a</p>"),
    "MAX_SHEET_RULES": lambda n: letter(".x{display:none}" * n, "<p class=x>a</p>"),
    "MAX_SHEET_STEPS": lambda n: letter(
        ".x{display:none}", "<p class=x>a</p>" + "".join(f"<p id=a{i}></p>" for i in range(n // 3))
    ),
}


@pytest.mark.exceeds("MAX_SHEET_CHARS", "MAX_SHEET_RULES", "MAX_SHEET_STEPS")
@pytest.mark.parametrize("limit", LONG)
def test_sheets_beyond_the_limits_hide_nothing(limit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    most = 1_000
    for module in ("css_rules", "html_sheets"):
        path = f"mailmirror.mail.mime.{module}.{limit}"
        monkeypatch.setattr(path, most, raising=False)
    assert text_of(LONG[limit](most // 2)) == ""
    assert text_of(LONG[limit](most + 1 if limit != "MAX_SHEET_STEPS" else 2 * most)) == "a"


HOSTILE = {
    "rules that select alike": letter(
        "".join(f".a.b{n}{{display:none}}" for n in range(4_900)),
        "".join(f"<p class=a id=i{n}>x" for n in range(50_000)),
    ),
    "classes of a tag": letter(".x{display:none}", f"<p class='{'y ' * 900_000}'>x</p>"),
    "selectors of a rule": letter(",".join([".x"] * 60_000) + "{display:none}", "<p class=x>x</p>"),
    "a selector of many classes": letter(
        "".join(f".c{n}" for n in range(25_000)) + "{display:none}",
        f"<p class='{' '.join(f'c{n}' for n in range(24_999))}'>x</p>",
    ),
    "combinators": letter(f".x{' >' * 90_000}{{display:none}}", "<p class=x>x</p>"),
    "media": letter("@media " + "a," * 90_000 + "{.x{display:none}}", "<p class=x>x</p>"),
    "nested media": letter("@media all{" * 18_000, "<p class=x>x</p>"),
    "at-rules": letter("@a;" * 60_000 + ".x{display:none}", "x"),
    "semicolons": letter(";" * 190_000 + ".x{display:none}", "x"),
    "braces": letter("}" * 190_000 + ".x{display:none}", "x"),
    "comments": letter("/*" * 90_000 + ".x{display:none}", "x"),
    "quotes": letter("'\n" * 90_000 + ".x{display:none}", "x"),
    "long styles": letter(
        ".x{display:block!important}.y{display:none}",
        f"<p class=x style='display:none;{'color:red;' * 9_000}'>x</p>" * 20,
    ),
    "sheets": "<style>.x{display:none}</style>" * 50_000 + "x",
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_sheets_cost_little(kind: str) -> None:
    begun = time.process_time()
    assert "x" in text_of(HOSTILE[kind])
    assert time.process_time() - begun < 4


@given(st.text(alphabet=".#x{}:;@ media,()'\"/*!-\\\n<", max_size=200))
def test_no_sheet_takes_visible_text_with_it(sheet: str) -> None:
    text = sheet.replace("<", "")
    assert text_of(letter(text, "<p class=seen>yes</p>")) == "yes"
