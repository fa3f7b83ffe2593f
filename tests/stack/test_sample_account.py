"""The account that `make sam-local` and `make sam_env` make, in the deployed stack."""

from local.sample_account import ANN, open_account
from mailmirror.runtime import Runtime


def test_it_has_the_people_of_the_samples_and_the_mailbox(office: Runtime) -> None:
    samples = open_account(office)
    account = samples.account.account_id

    mailbox = office.mailboxes.find(account, samples.mailbox)
    assert mailbox is not None
    assert mailbox.email == ANN
    assert office.people.user_exists(account, mailbox.owner)
    samples.close(office)
