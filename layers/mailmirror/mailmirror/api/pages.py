"""Pages for browsers that come to an endpoint of the API."""

from html import escape
from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.domain.words.explanation import Explanation, Language

_PAGE = """\
<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Mailmirror</title>
<style>
body {{ max-width: 36em; margin: 4em auto; padding: 0 1em; font: 1.1em/1.6 sans-serif }}
</style>
<h1>{reason}</h1>
<p>{remedy}</p>
<p><small>{detail}</small></p>
</html>
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
    "Referrer-Policy": "no-referrer",  # the address has the code of the sign-in
    "X-Content-Type-Options": "nosniff",
}


def wants_page(accept: str | None) -> bool:
    """Tell by the header Accept whether a browser shows the answer (RFC 9110 12.5.1)."""
    return "text/html" in (accept or "").lower()


def page(
    status: HTTPStatus, explanation: Explanation, language: Language, detail: str = ""
) -> Answer:
    """Return a page that says what happened and what its reader can do."""
    text = _PAGE.format(
        language=language,
        reason=escape(explanation.reason),
        remedy=escape(explanation.remedy),
        detail=escape(detail),
    )
    return Answer(status, text, "text/html; charset=utf-8", _HEADERS)
