"""A first sync comes to its end while AWS fails again and again."""

from datetime import timedelta
from random import Random

import pytest

from local import emulator
from mailmirror.runtime import Runtime, client_config
from mailmirror.usecases.sync.audit_mailbox import audit_mailbox
from tests.hostile.bursts import Bursts
from tests.integration.office import KIM, MARCH, REP, STRANGER, Clock, Office, letter, loopback
from tests.servers.bare_aws import BUCKET, BareAws
from tests.servers.dovecot import Dovecot
from tests.servers.faulty_aws import FaultyAws
from tests.servers.tables import own_table

MESSAGES = 180


@pytest.mark.long
@pytest.mark.parametrize("seed", [1, 3])
def test_a_first_sync_ends_while_15_percent_of_the_calls_of_aws_fail(
    bare: BareAws, seed: int
) -> None:
    bursts = Bursts(Random(seed), on=False)
    senders = [KIM if n % 3 else STRANGER for n in range(MESSAGES)]
    # Every tenth is so large that its raw mail is an object of S3.
    mail = [
        letter(n, one, text=Random(n).randbytes(20_000 * (n % 10 == 0)).hex() + "\r\n")
        for n, one in enumerate(senders)
    ]
    with (
        Dovecot({REP: "secret"}) as dovecot,
        own_table(bare.client, BUCKET, bare.key) as honest,
        FaultyAws(bare.url, bursts) as aws,
    ):
        clock = Clock()
        honest.now = clock
        honest.network_policy = loopback(dovecot.authority)
        office = Office(honest)
        office.tell("deal.upserted", id="d", name="Deal", status="open", contact_ids=["kim"])
        dovecot.append_all(REP, "INBOX", [(raw, MARCH) for raw in mail])
        mailbox = office.connect(dovecot, "rep", REP)
        faulty = Runtime(
            honest.settings,
            client=lambda service: emulator.session().client(  # type: ignore[call-overload]
                service, endpoint_url=aws.url, config=client_config(service)
            ),
            clock=clock,
        )
        faulty.network_policy = honest.network_policy
        office.runtime = faulty
        bursts.on = True
        ends: list[str] = []
        while not honest.sync_states.read(mailbox.key).first_sync_done:
            try:
                office.sync(mailbox, timedelta(seconds=280))
                ends.append("returned")
            except Exception as error:
                ends.append(type(error).__name__)
            clock.advance(timedelta(seconds=91))
            assert len(ends) < 40
        bursts.on = False
        office.runtime = honest
        assert ends == ["returned"], (aws.calls, aws.made)
        assert len(office.card("rep", "kim")) == len(office.deal("rep", "d")) == 120
        assert all(one.audit.clean for one in audit_mailbox(mailbox, honest).folders)
        assert {w for line in office.card("rep", "kim") for w in line.summary.warnings} == set()
