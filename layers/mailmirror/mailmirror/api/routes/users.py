"""What belongs to a user: proven addresses, blocks, and candidates."""

from mailmirror.api.routes import addresses, blocks, candidates
from mailmirror.api.routing import AnyRoute

ROUTES: tuple[AnyRoute, ...] = (*addresses.ROUTES, *blocks.ROUTES, *candidates.ROUTES)
