"""What a user has blocked: persons, addresses and domains."""

from http import HTTPStatus

from mailmirror.api.answers import Answer
from mailmirror.api.blocks import BlockBody, BlockList
from mailmirror.api.routing import ActingUser, AnyRoute, Call, Route
from mailmirror.domain.problems import Code
from mailmirror.usecases.mailboxes.block_persons import add_block, read_blocks, remove_block


def list_blocks(call: Call) -> Answer:
    """List what the acting user has blocked."""
    return Answer(HTTPStatus.OK, BlockList.of(read_blocks(call.own_viewer(), call.runtime)))


def block(call: Call[BlockBody]) -> Answer:
    """Block a lead, a contact, an address or a domain."""
    blocks = add_block(call.own_viewer(), call.body.block, call.runtime)
    return Answer(HTTPStatus.OK, BlockList.of(blocks))


def unblock(call: Call) -> Answer:
    """Remove a block."""
    blocks = remove_block(call.own_viewer(), call.ids["block_id"], call.runtime)
    return Answer(HTTPStatus.OK, BlockList.of(blocks))


_PATH = "/v1/users/{user_id}/blocks"

ROUTES: tuple[AnyRoute, ...] = (
    Route(
        method="GET",
        path=_PATH,
        handler=list_blocks,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: BlockList},
    ),
    Route(
        method="POST",
        path=_PATH,
        handler=block,
        body=BlockBody,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: BlockList},
        problems=(Code.INVALID_EMAIL, Code.TOO_MANY_BLOCKS, Code.TOO_MANY_REQUESTS),
    ),
    Route(
        method="DELETE",
        path=f"{_PATH}/{{block_id}}",
        handler=unblock,
        acting_user=ActingUser.REQUIRED,
        answers={HTTPStatus.OK: BlockList},
        problems=(Code.TOO_MANY_REQUESTS,),
    ),
)
