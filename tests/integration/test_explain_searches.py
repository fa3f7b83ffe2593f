"""What an explain asks of a server, what it makes of bad answers, and what it leaves behind."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from mailmirror.domain.limits import (
    MAX_EXPLAINED_COPIES,
    MAX_EXPLAINED_MESSAGES,
    MAX_EXPLAINED_SUBJECT_CHARS,
    MAX_PASTED_HEADER_CHARS,
    MAX_SOUGHT_ENTRIES,
    MAX_SOUGHT_HEADERS,
)
from mailmirror.domain.mailbox import Mailbox
from mailmirror.mail.imap.session import ImapSession
from mailmirror.runtime import Runtime
from tests.integration.api_calls import Api, Json
from tests.integration.explaining import cause, causes, explained, pasted, path
from tests.integration.office import KIM, LEE, MARCH, REP, STRANGER, Clock, Office, letter
from tests.integration.test_containment import before
from tests.integration.test_every_folder import moved
from tests.integration.test_polls import first_syncs, syncs
from tests.integration.test_preview import whole_table
from tests.servers.dovecot import Dovecot
from tests.servers.mailbox_server import MailboxServer
from tests.servers.meddling import End, Meddle, Said, unchanged


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    """REP's, with letter 1 of KIM's, mirrored."""
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    mailbox = office.connect(imap_server, "rep", REP)
    office.sync(mailbox)
    return mailbox


def with_subject(number: int, subject: str, sender: str = KIM, *, id: bool = True) -> bytes:
    raw = letter(number, sender).replace(b"Letter %d" % number, subject.encode())
    return raw if id else raw.replace(b"Message-ID", b"X-Other-ID")


def subjects_of(found: Json) -> list[str]:
    return [one["subject"] for one in found["messages"]]


# What is searched for


def test_sender_subject_and_day_are_compared_by_the_headers(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    for number, subject, sender in (
        (2, "Offer: 10 chairs", KIM),
        (3, "Re: offer: 10   chairs", LEE),
        (4, "Offer", "kim@customer.example.else.example"),
        (5, 'A "quoted" \\ subject', KIM),
    ):
        imap_server.append(REP, "INBOX", with_subject(number, subject, sender), MARCH)
    old = MARCH - timedelta(days=30)
    imap_server.append(REP, "INBOX", with_subject(6, "Offer: 10 chairs, again"), old)

    def asked(**query: str) -> list[str]:
        return sorted(subjects_of(api.get(path(mailbox), **query)))

    offers = ["Offer: 10 chairs", "Offer: 10 chairs, again"]
    assert asked(subject="offer: 10 CHAIRS") == [*offers, "Re: offer: 10   chairs"]
    assert asked(**{"from": KIM, "subject": "offer"}) == offers
    assert asked(**{"from": f"<{KIM}>".strip("<>").upper(), "subject": "offer"}) == offers
    assert asked(subject='"quoted" \\') == ['A "quoted" \\ subject']
    since = MARCH.date().isoformat()
    assert asked(**{"from": KIM, "subject": "offer", "since": since}) == offers[:1]


@dataclass(slots=True)
class RefusedSearch:
    """Answer NO to SEARCH: to every one, or to those whose text is a literal."""

    only_literals: bool = False
    _in_literal: bool = field(init=False, default=False)
    """The last line of such a SEARCH is its literal, and no command."""

    def __call__(self, said: Said) -> bytes:
        if said.command.startswith(b"UID SEARCH"):
            self._in_literal = said.answer.startswith(b"+")
            refused = not self.only_literals and not self._in_literal
        else:
            refused = self._in_literal and not said.command
        if refused and said.answer.startswith((b"* SEARCH", b"* ESEARCH")):
            return b""
        tagged = re.match(rb"([A-P]{4}\d+) OK", said.answer)
        if not refused or not tagged:
            return said.answer
        self._in_literal = False
        return tagged[1] + b" NO [BADCHARSET (US-ASCII)] no\r\n"


def missed_search(said: Said) -> bytes:
    """A SEARCH that finds nothing, as Exchange's may."""
    is_search = said.command.startswith(b"UID SEARCH") and said.answer.startswith(b"* ")
    return b"* SEARCH\r\n" if is_search else said.answer


@pytest.mark.dovecot_only("its proxy knows how Dovecot answers")
@pytest.mark.parametrize("meddle", [unchanged, RefusedSearch(only_literals=True), RefusedSearch()])
def test_a_subject_beyond_ascii_is_searched_in_utf_8_and_without_it_where_that_is_refused(
    api: Api, office: Office, imap_server: MailboxServer, runtime: Runtime, meddle: Meddle
) -> None:
    imap_server.append(REP, "INBOX", with_subject(2, "見積もりのお願い"), MARCH)
    imap_server.append(REP, "INBOX", with_subject(3, "注文"), MARCH)
    with before(imap_server, runtime, unchanged) as server:
        mailbox = office.connect(server, "rep", REP)
        server.meddle = meddle
        server.commands.clear()
        found = api.get(path(mailbox), **{"from": KIM, "subject": "見積もり"})
        asked = [line for line in server.commands if line.startswith(b"UID SEARCH")]
    assert subjects_of(found) == ["見積もりのお願い"], found
    assert found["complete"]
    ways = [b"UID SEARCH CHARSET UTF-8 FROM", b"UID SEARCH FROM"]
    assert [line[: len(way)] for line, way in zip(asked, ways, strict=False)] == (
        ways[:1] if meddle is unchanged else ways
    )


@pytest.mark.dovecot_only("its proxy knows how Dovecot answers")
@pytest.mark.exceeds("MAX_SOUGHT_HEADERS")
def test_where_search_is_refused_the_newest_headers_are_compared_and_the_rest_is_not_reached(
    api: Api,
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_SOUGHT_HEADERS == 200
    monkeypatch.setattr("mailmirror.usecases.mailboxes.find_copies.MAX_SOUGHT_HEADERS", 3)
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    with before(imap_server, runtime, RefusedSearch()) as server:
        mailbox = office.connect(server, "rep", REP)
        assert causes(explained(api, mailbox, 4)) == ["first_sync"]
        found = explained(api, mailbox, 1)
        assert (causes(found), found["not_reached"]) == (["search_incomplete"], ["INBOX"])
        assert not found["complete"]
        server.meddle = unchanged
        assert causes(explained(api, mailbox, 1)) == ["first_sync"]


@pytest.mark.dovecot_only("its proxy knows how Dovecot answers")
def test_what_search_misses_is_found_among_the_newest_headers(
    api: Api, office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    imap_server.append_all(REP, "INBOX", [(letter(n), MARCH) for n in range(1, 6)])
    imap_server.create(REP, "Trash")
    imap_server.append(REP, "Trash", letter(2), MARCH)
    with before(imap_server, runtime, missed_search) as server:
        mailbox = office.connect(server, "rep", REP)
        (one,) = explained(api, mailbox, 2)["messages"]
    assert [copy["folder"] for copy in one["copies"]] == ["INBOX"]


def test_a_server_that_names_billions_of_hits_is_asked_for_the_newest(
    api: Api,
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def billions(said: Said) -> bytes:
        is_search = said.command.startswith(b"UID SEARCH") and said.answer.startswith(b"* ")
        return b"* ESEARCH UID ALL 1:4294967295\r\n" if is_search else said.answer

    imap_server.append(REP, "INBOX", letter(1), MARCH)
    with before(imap_server, runtime, billions) as server:
        mailbox = office.connect(server, "rep", REP)
        found = api.get(path(mailbox), **{"from": LEE})
        monkeypatch.setattr("mailmirror.usecases.mailboxes.find_copies.MAX_SOUGHT_HEADERS", 1)
        imap_server.append(REP, "INBOX", letter(2), MARCH)
        more = api.get(path(mailbox), **{"from": LEE})
    assert (causes(found), found["further"]) == (["not_in_mailbox"], False)
    assert (causes(more), more["further"]) == (["search_incomplete"], True)


# What is found


def test_every_folder_with_a_copy_is_told_and_the_best_decides(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    for folder in ("Trash", "Customers", "Drafts"):
        imap_server.create(REP, folder)
        imap_server.append(REP, folder, letter(2), MARCH)
    found = explained(api, mailbox, 2)
    assert causes(found) == ["not_synced"]
    (one,) = found["messages"]
    assert [copy["folder"] for copy in one["copies"] if copy["read"]] == [
        imap_server.named("Customers")
    ]
    assert {copy["left_out"]["code"] for copy in one["copies"] if not copy["read"]} == {
        "trash",
        "drafts",
    }
    assert one["copies"][one["causes"][0]["copy"]]["folder"] == imap_server.named("Customers")


@pytest.mark.dovecot_only("its proxy changes Dovecot's LIST")
def test_collection_what_is_only_where_messages_are_shown_once_more_can_be_moved(
    api: Api, office: Office, imap_server: MailboxServer, runtime: Runtime
) -> None:
    def flagged(said: Said) -> bytes:
        if said.answer.startswith(b"* LIST") and said.answer.rstrip().endswith(b"Starred"):
            return said.answer.replace(b"(", b"(\\Flagged ", 1)
        return said.answer

    imap_server.create(REP, "Starred")
    uid = imap_server.append(REP, "Starred", letter(2), MARCH)
    with before(imap_server, runtime, flagged) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        assert causes(explained(api, mailbox, 2)) == ["collection"]
        moved(imap_server, uid, "Starred", "INBOX")
        office.sync(mailbox)
        assert causes(explained(api, mailbox, 2)) == ["shown"]


@pytest.mark.exceeds("MAX_EXPLAINED_MESSAGES", "MAX_EXPLAINED_COPIES")
def test_the_newest_twenty_messages_are_answered_and_more_is_said(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [(letter(n), MARCH + timedelta(hours=n)) for n in range(2, MAX_EXPLAINED_MESSAGES + 4)]
    imap_server.append_all(REP, "INBOX", many)
    found = api.get(path(mailbox), **{"from": KIM})
    newest = range(MAX_EXPLAINED_MESSAGES + 3, 3, -1)
    assert subjects_of(found) == [f"Letter {n}" for n in newest]
    assert found["further"]
    assert MAX_EXPLAINED_COPIES == 100
    monkeypatch.setattr("mailmirror.usecases.mailboxes.find_copies.MAX_EXPLAINED_COPIES", 2)
    few = api.get(path(mailbox), **{"from": KIM})
    assert (subjects_of(few), few["further"]) == (subjects_of(found)[:2], True)


@pytest.mark.exceeds("MAX_SOUGHT_ENTRIES")
def test_of_a_long_thread_only_so_many_entries_are_looked_at(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert MAX_SOUGHT_ENTRIES == 500
    uids = [imap_server.append(REP, "INBOX", letter(n, replies_to=[1]), MARCH) for n in (2, 3)]
    office.sync(mailbox)
    imap_server.expunge(REP, "INBOX", [1, *uids])
    told = [causes(explained(api, mailbox, n)) for n in (1, 2, 3)]
    assert told == [["shown"]] * 3
    monkeypatch.setattr("mailmirror.usecases.mailboxes.stored_messages.MAX_SOUGHT_ENTRIES", 1)
    told = [causes(explained(api, mailbox, n)) for n in (1, 2, 3)]
    assert sorted(told) == [["not_in_mailbox"], ["not_in_mailbox"], ["shown"]]


# What fails, and what there is no time for


@pytest.mark.dovecot_only("it takes a folder's files away")
def test_a_folder_that_fails_is_named_and_never_read_as_not_there(
    api: Api, mailbox: Mailbox, dovecot: Dovecot
) -> None:
    for folder in ("Customers", "Projects"):
        dovecot.create(REP, folder)
        dovecot.append(REP, folder, letter(2 if folder == "Projects" else 3), MARCH)
    (dovecot.mail / REP / "Maildir" / ".Customers" / "cur").chmod(0)
    assert causes(explained(api, mailbox, 2)) == ["not_synced"]
    found = explained(api, mailbox, 3)
    assert causes(found) == ["search_incomplete"]
    assert [one["name"] for one in found["failed"]] == ["Customers"]
    assert not found["complete"]


@pytest.mark.dovecot_only("its proxy knows how Dovecot answers")
def test_a_server_that_hangs_up_in_one_folder_is_asked_about_the_others_again(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, runtime: Runtime
) -> None:
    for folder in ("Customers", "Projects"):
        imap_server.create(REP, folder)
        imap_server.append(REP, folder, letter(2), MARCH)

    def hang_up(said: Said) -> bytes | End:
        return (
            End.HANG_UP
            if b"Customers" in said.command and b"EXAMINE" in said.command
            else (said.answer)
        )

    with before(imap_server, runtime, unchanged) as server:
        mailbox = office.connect(server, "rep", REP)
        server.meddle = hang_up
        found = explained(api, mailbox, 2)
    (one,) = found["messages"]
    assert [copy["folder"] for copy in one["copies"]] == ["Projects"]
    assert [one["name"] for one in found["failed"]] == ["Customers"]


def test_search_incomplete_what_was_not_reached_is_named_and_asked_again_it_is_found(
    api: Api,
    office: Office,
    mailbox: Mailbox,
    imap_server: MailboxServer,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imap_server.create(REP, "Projects")
    imap_server.append(REP, "Projects", letter(2), MARCH)
    with monkeypatch.context() as patched:
        matching = ImapSession.matching

        def slowly(session: ImapSession, *args: Any) -> Any:
            clock.advance(timedelta(seconds=20))
            return matching(session, *args)

        patched.setattr(ImapSession, "matching", slowly)
        found = explained(api, mailbox, 2)
    assert causes(found) == ["search_incomplete"]
    assert found["not_reached"] == [imap_server.named("Projects")]
    assert causes(explained(api, mailbox, 2)) == ["not_synced"]


# Pasted headers


def test_pasted_headers_are_found_by_message_id_or_by_sender_subject_and_date(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    for number, id in ((2, True), (3, False), (4, False)):
        raw = with_subject(number, "Again", id=id)
        imap_server.append(REP, "INBOX", raw, MARCH)
        headers = "\r\n" + raw.decode().partition("\n\n")[0]
        found = pasted(api, mailbox, headers)
        assert causes(found) == ["not_synced"]
        (one,) = found["messages"]
        assert one["copies"][0]["uid"] == number
        assert (one["internet_message_id"] is not None) == id
    folded = "Subject: =?utf-8?b?QWdhaW4=?=\nFrom: Kim\n <kim@customer.example>"
    assert len(pasted(api, mailbox, folded)["messages"]) == 3


@pytest.mark.exceeds("MAX_PASTED_HEADER_CHARS", "MAX_EXPLAINED_SUBJECT_CHARS")
@pytest.mark.parametrize(
    ("query", "headers", "detail"),
    [
        ({}, None, "query: message_id, or from or subject"),
        ({"since": "2026-03-01"}, None, "query: message_id, or from or subject"),
        ({"subject": " \u3000"}, None, "query: message_id, or from or subject"),
        ({"message_id": "none"}, None, "message_id: not a Message-ID"),
        ({"message_id": "a@b", "from": KIM}, None, "message_id: without from, subject and since"),
        ({"subject": "x", "since": "1969-12-31"}, None, "since: a day from 1970-01-01 to today"),
        ({"subject": "x", "since": "2999-01-01"}, None, "since: a day from 1970-01-01 to today"),
        ({"subject": "s" * (1 << 20)}, None, "subject: more than 1000 characters"),
        ({"subject": "a\nb"}, None, "subject: not printable text on one line"),
        ({"message_id": f"{'i' * 5_000}@b"}, None, "message_id: more than 1000 characters"),
        (None, "X-A: " + "h" * (5 << 20), "headers: more than 262144 characters"),
        (None, "Hello Kim,\nshall we talk?", "headers: no header of a message"),
        (None, "From: @", "headers: no header of a message"),
        (None, "To: rep@us.example", "headers: neither Message-ID nor From nor Subject"),
    ],
)
def test_what_no_message_can_be_found_by_is_refused_by_its_field(
    api: Api, mailbox: Mailbox, query: dict[str, str] | None, headers: str | None, detail: str
) -> None:
    if headers is None:
        status, refused = api.ask("GET", path(mailbox), params=query)
    else:
        status, refused = api.ask("POST", path(mailbox), body={"headers": headers})
    assert (status, refused["code"], refused["detail"]) == (422, "invalid_field", detail)
    assert MAX_PASTED_HEADER_CHARS == 262_144


def test_headers_of_the_greatest_size_and_a_subject_of_a_megabyte_are_bounded(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    long = letter(2).replace(b"Letter 2", b"Letter 2 " + b"word " * 200_000)
    imap_server.append(REP, "INBOX", long, MARCH)
    (one,) = explained(api, mailbox, 2)["messages"]
    assert len(one["subject"]) == MAX_EXPLAINED_SUBJECT_CHARS
    crowd = ", ".join(f"{n}@else.example" for n in range(9_000))
    found = pasted(api, mailbox, f"From: {KIM}\nTo: {crowd}\nSubject: {'x' * 5_000}")
    assert causes(found) == ["not_in_mailbox"]


# What is left behind


@pytest.mark.dovecot_only("its proxy knows how Dovecot answers")
@pytest.mark.parametrize("meddle", [unchanged, RefusedSearch()])
def test_an_explain_changes_nothing_at_the_server_or_here_and_logs_no_mail(
    api: Api,
    office: Office,
    imap_server: MailboxServer,
    runtime: Runtime,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    meddle: Meddle,
) -> None:
    imap_server.create(REP, "Trash")
    for number, sender in ((1, KIM), (2, STRANGER)):
        imap_server.append(REP, "INBOX", letter(number, sender), MARCH)
        imap_server.append(REP, "Trash", letter(number, sender), MARCH)
    with before(imap_server, runtime, meddle) as server:
        mailbox = office.connect(server, "rep", REP)
        office.sync(mailbox)
        imap_server.open_once(REP, "Sent")
        first_syncs(runtime), syncs(runtime)
        kept, there = whole_table(runtime), imap_server.snapshot(REP)
        capsys.readouterr()
        for number in (1, 2, 3):
            explained(api, mailbox, number)
            pasted(api, mailbox, letter(number, STRANGER).decode())
        api.get(path(mailbox), **{"from": STRANGER, "subject": "Letter"})
        api.ask("GET", path(mailbox), params={"subject": "Letter " * 1_000})
        said = caplog.text + "".join(capsys.readouterr())
    assert whole_table(runtime) == kept
    assert imap_server.snapshot(REP) == there
    assert (first_syncs(runtime), syncs(runtime)) == ([], [])
    assert not any(word in said for word in (KIM, STRANGER, "Letter", "mail.example"))


def test_an_answer_explains_in_the_readers_language(
    api: Api, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.create(REP, "Trash")
    imap_server.append(REP, "Trash", letter(2, STRANGER), MARCH)
    for language in ("en", "ja"):
        answered = api.answered(
            "GET", path(mailbox), language=language, params={"message_id": "2@mail.example"}
        )
        assert causes(answered.body) == ["trash", "no_person"]
        copy = answered.body["messages"][0]["copies"][0]
        texts = [copy["left_out"], copy["verdict"], cause(answered.body, "trash")]
        for one in texts:
            assert one["reason"].isascii() == one["remedy"].isascii() == (language == "en")
