"""The routes of the API, a module a resource, each with its table ROUTES."""

from collections.abc import Sequence
from importlib import import_module

from mailmirror.api.routing import AnyRoute

_MODULES = {
    "account": "account",
    "mailboxes": "mailboxes",
    "users": "users",
    "leads": "cards",
    "contacts": "cards",
    "deals": "deals",
    "messages": "messages",
    "outbound": "outbound",
    "uploads": "uploads",
    "events": "events",
}
"""By the path's second segment: a function that starts loads the code of one resource."""


def routes_of(path: str) -> Sequence[AnyRoute]:
    """The routes among which a path's are; none where there is no such resource."""
    version, _, rest = path.lstrip("/").partition("/")
    module = _MODULES.get(rest.partition("/")[0]) if version == "v1" else None
    return _routes(module) if module else ()


def all_routes() -> Sequence[AnyRoute]:
    """Every route of every function, in the order in which they are described."""
    modules = dict.fromkeys([*_MODULES.values(), "outside"])
    return [route for module in modules for route in _routes(module)]


def _routes(module: str) -> Sequence[AnyRoute]:
    routes: Sequence[AnyRoute] = import_module(f"{__name__}.{module}").ROUTES
    return routes
