"""The doctor by the API: of settings, and of a connected mailbox to its owner."""

from datetime import UTC, datetime, timedelta

import pytest

from mailmirror.domain.mailbox import Mailbox
from mailmirror.domain.problems import Code, Refused
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.change_mailbox import disconnect
from tests.integration.api_calls import Api, Json, connect_body
from tests.integration.office import BOSS, MARCH, REP, Clock, Office, letter
from tests.integration.test_polls import poll
from tests.integration.test_preview import whole_table
from tests.servers.mailbox_server import MailboxServer
from tests.servers.memory_imap import MemoryImap

MINUTE = timedelta(minutes=1)
DOCTOR = "/v1/mailboxes/doctor"


@pytest.fixture
def mailbox(office: Office, imap_server: MailboxServer) -> Mailbox:
    imap_server.append(REP, "INBOX", letter(1), MARCH)
    return office.connect(imap_server, "rep", REP)


def path(mailbox: Mailbox) -> str:
    return f"/v1/mailboxes/{mailbox.key.mailbox}/doctor"


def own_stage(api: Api, mailbox: Mailbox) -> Json:
    """What is said of the mailbox itself; the texts of both languages differ."""
    said = []
    for language in ("en", "ja"):
        status, answer = api.ask("GET", path(mailbox), language=language)
        assert status == 200, answer
        said.append(answer["mailbox"])
    english, japanese = said
    assert english["code"] == japanese["code"]
    assert (english["reason"] is None) or english["reason"] != japanese["reason"]
    return dict(english)


def codes(answer: Json) -> dict[str, str | None]:
    (imap,) = answer["servers"]
    return {one["stage"]: one["code"] for one in imap["stages"]}


def test_settings_are_examined_and_nothing_is_stored_or_logged(
    api: Api,
    imap_server: MailboxServer,
    runtime: Runtime,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    imap_server.append(REP, "INBOX", letter(1), datetime.now(UTC))
    before = whole_table(runtime)
    secret = "a wrong password"
    good, bad = connect_body(imap_server), connect_body(imap_server, password=secret)
    for language in ("en", "ja"):
        status, answer = api.ask("POST", DOCTOR, language=language, body=good)
        assert (status, answer["result"], answer["mailbox"]) == (200, "ok", None)
        status, answer = api.ask("POST", DOCTOR, language=language, body=bad)
        assert (status, answer["result"], codes(answer)["sign_in"]) == (
            200,
            "failed",
            "sign_in_failed",
        )
        assert secret not in str(answer)
        assert answer["folders"] is None
    assert whole_table(runtime) == before
    said = caplog.text + "".join(capsys.readouterr())
    assert not any(word in said for word in (secret, imap_server.users[REP], REP, "Letter"))


def test_what_is_no_settings_is_refused_before_any_server_is_asked(
    api: Api, imap_server: MailboxServer
) -> None:
    for others, code in (
        ({"provider": "pop3"}, "pop3_unsupported"),
        ({"provider": "google"}, "provider_signs_in"),
        ({"email": "nobody"}, "invalid_email"),
    ):
        answered = api.answered("POST", DOCTOR, body=connect_body(imap_server, **others))
        assert (answered.status, answered.code) == (422, code)


def test_a_healthy_mailbox_passes_and_only_its_owner_may_ask(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    office.sync(mailbox)
    answer = api.get(path(mailbox))
    assert (answer["result"], answer["mailbox"]["result"]) == ("ok", "ok")
    assert set(codes(answer).values()) == {None}
    assert api.ask("GET", path(mailbox), user="boss")[0] == 404
    disconnect(office.account, mailbox.key.mailbox, office.runtime)
    assert api.answered("GET", path(mailbox)).code == "mailbox_disconnected"


@pytest.mark.diagnoses("first_sync")
def test_a_first_sync_that_is_running_is_a_warning(
    api: Api, office: Office, mailbox: Mailbox
) -> None:
    own = own_stage(api, mailbox)
    assert (own["code"], own["result"], own["reader"]) == ("first_sync", "warning", "user")
    assert own["seen"] == "0 %"  # how many messages there are is not known yet
    assert own["remedy"].startswith("Wait until it is done")
    office.sync(mailbox)
    assert own_stage(api, mailbox)["result"] == "ok"


@pytest.mark.diagnoses("mailbox_paused")
def test_a_mailbox_that_is_paused_is_a_warning(api: Api, office: Office, mailbox: Mailbox) -> None:
    office.sync(mailbox)
    asked = f"/v1/mailboxes/{mailbox.key.mailbox}"
    assert api.ask("PATCH", asked, body={"paused": True})[0] == 200
    assert own_stage(api, mailbox)["code"] == "mailbox_paused"


@pytest.mark.diagnoses("poll_overdue")
def test_a_mailbox_that_is_not_polled_is_named(
    api: Api, office: Office, mailbox: Mailbox, clock: Clock
) -> None:
    office.sync(mailbox)
    clock.advance(30 * MINUTE)
    own = own_stage(api, mailbox)
    assert (own["code"], own["result"], own["reader"]) == ("poll_overdue", "failed", "operator")


@pytest.mark.diagnoses("news_waiting")
def test_news_that_waits_is_named(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer, clock: Clock
) -> None:
    office.sync(mailbox)
    imap_server.append(REP, "INBOX", letter(2), MARCH)
    for _ in range(2):
        clock.advance(16 * MINUTE)
        poll(office.runtime, mailbox)
    assert own_stage(api, mailbox)["code"] == "news_waiting"


@pytest.mark.diagnoses("folder_failing")
def test_a_folder_that_no_sync_can_open_is_named(
    api: Api, office: Office, runtime: Runtime
) -> None:
    with MemoryImap({BOSS: "secret"}) as server:
        for name in ("Sent", "Locked"):
            server.create(name)
        server.append("Locked", letter(1))
        refused = b"<tag> NO [NOPERM] not yours\r\n"
        server.answers["STATUS", "Locked"] = server.answers["EXAMINE", "Locked"] = refused
        trusted = server.authority.read_text()
        runtime.network_policy.trust.load_verify_locations(cadata=trusted)
        mailbox = office.connect(server, "boss", BOSS)
        office.sync(mailbox)
        answer = api.get(path(mailbox), user="boss")
    assert answer["mailbox"]["code"] == "folder_failing"
    assert codes(answer)["folders"] == "folder_refused"


@pytest.mark.diagnoses("folder_unknown")
def test_a_folder_that_the_setting_names_and_that_is_gone_is_named(
    api: Api, office: Office, mailbox: Mailbox, imap_server: MailboxServer
) -> None:
    imap_server.create(REP, "Customers")
    name = imap_server.named("Customers")
    asked = f"/v1/mailboxes/{mailbox.key.mailbox}"
    status, answer = api.ask("PATCH", asked, body={"folders": ["INBOX", name]})
    assert status == 200, answer
    with imap_server.session(REP) as client:
        client.delete_folder(name)
    answer = api.get(path(mailbox))
    assert codes(answer)["folders"] == "folder_unknown"
    shown = {one["folder"]["name"]: one["error"] for one in answer["folders"]["folders"]}
    assert shown[name]["code"] == "folder_unknown"


def test_a_refused_password_is_kept_and_not_sent_again_within_the_hour(
    api: Api, office: Office, mailbox: Mailbox, runtime: Runtime, clock: Clock
) -> None:
    office.sync(mailbox)
    account = runtime.accounts.find(office.account)
    assert account is not None
    kept = runtime.credentials.get(account, mailbox.key, clock())
    assert kept is not None
    refusal = Refused(Code.APP_PASSWORD_REQUIRED, "as the server has said")
    runtime.credentials.refuse(mailbox.key, kept.version, "imap", refusal, clock())
    answer = api.get(path(mailbox))
    assert codes(answer)["sign_in"] == "app_password_required"
    assert codes(answer)["capabilities"] is None
    clock.advance(60 * MINUTE)
    assert codes(api.get(path(mailbox)))["sign_in"] is None
