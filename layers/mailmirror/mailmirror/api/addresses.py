"""Proving that an address is a user's."""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from mailmirror.api.decoding import Strict
from mailmirror.api.fields import Email, Line, ProofCode
from mailmirror.api.times import utc
from mailmirror.domain.address import Address
from mailmirror.domain.mailbox import UserId
from mailmirror.domain.ownership import Proof

if TYPE_CHECKING:  # what sends codes is loaded by `probe` alone
    from mailmirror.usecases.mailboxes.prove_address import AddressRequest, Proving


class AddressBody(Strict):
    """The body of `POST /v1/users/{user_id}/addresses`."""

    address: Email


class ConfirmBody(Strict):
    """The body of `POST /v1/users/{user_id}/addresses/confirm`."""

    address: Email
    code: ProofCode


class AddressJob(AddressBody):
    """An AddressBody with the user that the path names, as `probe` is asked."""

    user_id: Line

    def request(self) -> "AddressRequest":
        from mailmirror.usecases.mailboxes.prove_address import AddressRequest

        return AddressRequest(UserId(self.user_id), Address(self.address), code="")


class ConfirmJob(ConfirmBody):
    """A ConfirmBody with the user that the path names, as `probe` is asked."""

    user_id: Line

    def request(self) -> "AddressRequest":
        from mailmirror.usecases.mailboxes.prove_address import AddressRequest

        return AddressRequest(UserId(self.user_id), Address(self.address), self.code)


class ProvenAddress(Struct, frozen=True):
    """How far an address is proven."""

    address: str
    proof: Proof | None
    """None where a code was sent that is waited for."""
    code_expires_at: datetime | None

    @classmethod
    def of(cls, found: "Proving") -> "ProvenAddress":
        return cls(found.address, found.proof, utc(found.expires_at))
