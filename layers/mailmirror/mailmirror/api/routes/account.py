"""The settings of an account."""

from http import HTTPStatus

from mailmirror.api.account import Account, SettingsBody
from mailmirror.api.answers import Answer
from mailmirror.api.routing import AnyRoute, Call, Route
from mailmirror.domain.problems import Code
from mailmirror.usecases.operating.change_settings import change_settings, read_settings


def settings(call: Call) -> Answer:
    """Read the account's settings."""
    account = read_settings(call.account, call.runtime)
    return Answer(HTTPStatus.OK, Account.of(account, call.language))


def change(call: Call[SettingsBody]) -> Answer:
    """Change settings; old mail follows those that it depends on."""
    account, changed = change_settings(call.account, call.body.asked(), call.runtime)
    language = call.request.language or account.language  # the new one, where it was changed
    return Answer(HTTPStatus.OK, Account.of(account, language, changed))


ROUTES: tuple[AnyRoute, ...] = (
    Route(method="GET", path="/v1/account", handler=settings, answers={HTTPStatus.OK: Account}),
    Route(
        method="PATCH",
        path="/v1/account",
        handler=change,
        body=SettingsBody,
        answers={HTTPStatus.OK: Account},
        problems=(Code.TOO_MANY_REQUESTS,),
    ),
)
