"""What outlives a stack, the table, the bucket and the key, is taken into a new one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from commands.adopt import LeftResources, NotAdopted, adopt
from local import deployment, emulator
from local.deployed import runtime_of_stack
from local.resources import Resources
from local.stack import Home, Run, Stack
from mailmirror.usecases.operating.accounts import NewAccount, create_account
from tests.crm import Crm, contact, user
from tests.servers.dovecot import Dovecot
from tests.stack.feed import told
from tests.stack.mailing import Login, form, letter
from tests.stack.team import SYNC_SECONDS, wait_until_healthy
from tests.stack.waiting import wait_for

pytestmark = pytest.mark.long

ANN, KIM = "ann@kept.example", "kim@customer-of-kept.example"
FIRST, SECOND = "kept-first", "kept-second"


@pytest.fixture(scope="module")
def run(stack: Stack, stack_home: Home) -> Run:
    found = stack_home.run()
    assert found
    return found


@pytest.fixture(scope="module")
def cloudformation(aws: Any, run: Run) -> Iterator[Any]:
    client = aws("cloudformation")
    yield client
    delete(client, FIRST)
    delete(client, SECOND)


def delete(cloudformation: Any, stack_name: str) -> None:
    cloudformation.delete_stack(StackName=stack_name)
    cloudformation.get_waiter("stack_delete_complete").wait(
        StackName=stack_name, WaiterConfig={"Delay": 1, "MaxAttempts": 120}
    )


def names(cloudformation: Any) -> set[str]:
    gone = ("DELETE_COMPLETE", "DELETE_IN_PROGRESS")
    found = cloudformation.list_stacks()["StackSummaries"]
    return {one["StackName"] for one in found if one["StackStatus"] not in gone}


def kept(resources: Resources) -> LeftResources:
    return LeftResources(resources.table, resources.bucket, resources.key)


def crm_of(run: Run, resources: Resources, account: NewAccount) -> Crm:
    return Crm(deployment.endpoint(run.emulator, resources), account)


def test_a_new_stack_serves_and_goes_on_with_what_a_deleted_one_has_left(
    run: Run,
    stack_home: Home,
    cloudformation: Any,
    mail_server: Dovecot,
    new_login: Callable[[], Login],
) -> None:
    first = deployment.deploy_built(stack_home, run.emulator, run.options, FIRST)
    account = create_account("kept", runtime_of_stack(emulator.session(), FIRST, run.emulator.url))
    crm = crm_of(run, first, account)
    told(crm, user("ann", ANN), contact("kim", KIM))
    login = new_login()
    before = letter(KIM, ANN, subject="Before").as_bytes()
    mail_server.deliver(login.username, before)
    mailbox = crm.connect(form(mail_server, login, "ann", ANN))
    crm.sync(mailbox)
    wait_until_healthy(crm, mailbox)
    card = crm.card("contacts/kim", "ann")
    assert [one["subject"] for one in card] == ["Before"]

    delete(cloudformation, FIRST)
    assert FIRST not in names(cloudformation)
    adopt(cloudformation, SECOND, kept(first))
    second = deployment.deploy_built(stack_home, run.emulator, run.options, SECOND)

    assert kept(second) == kept(first)
    crm = crm_of(run, second, account)
    assert crm.card("contacts/kim", "ann") == card
    told(crm, contact("lena", "lena@customer-of-kept.example"))  # the key opens the secret
    mail_server.deliver(login.username, letter(KIM, ANN, subject="After").as_bytes())
    crm.sync(mailbox)  # and the password
    wait_for(
        "mail that came after",
        lambda: [one["subject"] for one in crm.card("contacts/kim", "ann")],
        lambda subjects: subjects == ["After", "Before"],
        SYNC_SECONDS,
    )

    with pytest.raises(NotAdopted, match="there is a stack of this name"):
        adopt(cloudformation, SECOND, kept(first))


@pytest.mark.parametrize("wrong", ["table", "bucket", "key"])
def test_what_is_not_there_is_reported_and_leaves_no_stack(
    run: Run, cloudformation: Any, resources: Resources, wrong: str
) -> None:
    there = kept(resources)
    names_of = {"table": there.table, "bucket": there.bucket, "key": there.key}
    asked = LeftResources(**(names_of | {wrong: "nothing-of-this-name"}))

    with pytest.raises(NotAdopted, match=r"nothing-of-this-name.* must be there"):
        adopt(cloudformation, "kept-wrong", asked)

    assert "kept-wrong" not in names(cloudformation)


def test_what_another_stack_has_is_not_taken_from_it(
    cloudformation: Any, resources: Resources
) -> None:
    with pytest.raises(NotAdopted, match="of no stack any more"):
        adopt(cloudformation, "kept-wrong", kept(resources))

    assert "kept-wrong" not in names(cloudformation)
