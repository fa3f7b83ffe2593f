"""Two colleagues' mailboxes with the same conversation, synced in the same second."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from tests.integration.office import BOSS, KIM, MARCH, REP, Office, letter, subjects
from tests.servers.mailbox_server import MailboxServer


def conversation() -> list[bytes]:
    """Twelve messages of three threads; each third one is known only by the ones that name it."""
    return [
        letter(
            100 * thread + n,
            KIM if n % 2 else REP,
            [REP, BOSS] if n % 2 else [KIM, BOSS],
            replies_to=[100 * thread + earlier for earlier in range(max(0, n - 2), n)],
        )
        for thread in (1, 2, 3)
        for n in range(4)
    ]


def test_both_see_every_message_once_in_the_same_threads_on_the_same_deal(
    office: Office, imap_server: MailboxServer
) -> None:
    office.tell("deal.upserted", id="d1", name="Deal", status="open", contact_ids=["kim"])
    mail = conversation()
    for email, messages in ((REP, mail), (BOSS, mail[::-1])):
        imap_server.append_all(
            email, "INBOX", [(raw, MARCH + timedelta(days=1)) for raw in messages]
        )
    mailboxes = [
        office.connect(imap_server, user, at) for user, at in (("rep", REP), ("boss", BOSS))
    ]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(office.sync, mailboxes))
    cards = {user: office.card(user, "kim") for user in ("rep", "boss")}
    for user in ("rep", "boss"):
        assert len(cards[user]) == 12
        assert len({line.thread for line in cards[user]}) == 3
        assert subjects(office.deal(user, "d1")) == subjects(cards[user])
    assert [(line.summary.message, line.thread) for line in cards["rep"]] == [
        (line.summary.message, line.thread) for line in cards["boss"]
    ]


def test_a_message_that_joins_two_threads_joins_their_deals(
    office: Office, imap_server: MailboxServer
) -> None:
    office.tell("deal.upserted", id="k", name="Kim's", status="open", contact_ids=["kim"])
    office.tell("deal.upserted", id="l", name="Lee's", status="open", contact_ids=["lee"])
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    imap_server.append(REP, "INBOX", letter(2, "lee@customer.example"), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    assert subjects(office.deal("rep", "k")) == ["Letter 1"]
    assert subjects(office.deal("rep", "l")) == ["Letter 2"]
    imap_server.append(REP, "INBOX", letter(3, replies_to=[1, 2]), MARCH)
    office.sync(mailbox)
    for deal in ("k", "l"):
        lines = office.deal("rep", deal)
        assert subjects(lines) == ["Letter 3", "Letter 2", "Letter 1"]
        assert len({line.thread for line in lines}) == 1
