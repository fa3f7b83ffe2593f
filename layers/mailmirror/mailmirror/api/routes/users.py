"""What belongs to a user: proven addresses, and blocks."""

from mailmirror.api.routes import addresses, blocks
from mailmirror.api.routing import AnyRoute

ROUTES: tuple[AnyRoute, ...] = (*addresses.ROUTES, *blocks.ROUTES)
