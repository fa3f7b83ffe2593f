"""How far a message is that the acting user has sent, and taking it back."""

import re
from dataclasses import replace

from mailmirror.aws.queues import SendJob
from mailmirror.domain.identity import MessageKey
from mailmirror.domain.outbound import Outbound
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.store.outbounds import Stored
from mailmirror.usecases.cards.acting_user import Viewer

_ID = re.compile(r"[0-9a-f]{32}\Z")


def read_outbound(viewer: Viewer, id: str, runtime: Runtime) -> Outbound:
    """Read an outbound of a mailbox that the acting user owns.

    Raises:
        Refused: it is not there, or another's.
    """
    return _find(viewer, id, runtime).outbound


def cancel_outbound(viewer: Viewer, id: str, runtime: Runtime) -> Outbound:
    """Cancel a message that was submitted to no server.

    Raises:
        Refused: it is not there, or `sent_already`.
    """

    def cancelled(one: Outbound) -> Outbound:
        if one.cancelled:
            return one
        being_sent = one.attempt is not None and runtime.now() < one.attempt.until
        if being_sent or not one.can_be_cancelled:
            raise Refused(Code.SENT_ALREADY)
        return replace(one, cancelled=True, next_attempt_at=None, attempt=None)

    stored = runtime.outbounds.change(_find(viewer, id, runtime), cancelled)
    runtime.send_queue.send([SendJob(stored.outbound.mailbox, stored.outbound.id)])
    return stored.outbound


def _find(viewer: Viewer, id: str, runtime: Runtime) -> Stored:
    if _ID.match(id):
        for key in viewer.keys:
            if (stored := runtime.outbounds.find(key, MessageKey(id))) is not None:
                return stored
    raise Refused(Code.NOT_FOUND)
