"""The running stack answers as docs/openapi.json says, whatever it is asked."""

import json
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest
import requests
import schemathesis
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from local.environments import ROOT
from tests.crm import Crm, contact, deal, lead, user
from tests.stack.feed import told
from tests.stack.team import Team

_EXAMPLES = 15
"""For each of the operations; a seed that stays makes them the same ones in every run."""

schema = schemathesis.openapi.from_dict(
    json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8")),
)
CHECKS: list[Any] = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


@pytest.fixture(scope="module")
def crm(new_crm: Callable[[], Crm]) -> Crm:
    made = new_crm()
    kim, lena = contact("kim", "kim@customer.example"), lead("lena", "lena@prospect.example")
    told(made, user("ann", "ann@us.example"), kim, lena, deal("rollout", "kim"))
    return made


@schema.parametrize()
@hypothesis.seed(20260301)
@hypothesis.settings(
    max_examples=_EXAMPLES,
    database=None,
    deadline=None,
    suppress_health_check=list(hypothesis.HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
def test_whatever_is_asked_is_answered_as_described(case: Any, crm: Crm) -> None:
    key = {"Authorization": f"Bearer {crm.account.api_key}"}
    by = {"X-Mailmirror-User": "ann"} if "X-Mailmirror-User" in (case.headers or {}) else {}
    response = case.call(base_url=crm.endpoint, headers=key | by, allow_redirects=False)
    case.validate_response(response, checks=CHECKS)


def test_what_a_team_reads_is_of_the_described_form(team: Team) -> None:
    mailbox = f"/mailboxes/{team.ann.mailbox}"
    message = team.crm.card("contacts/kim", "ann")[0]
    for template, path in {
        "/v1/mailboxes": "/mailboxes",
        "/v1/mailboxes/{mailbox_id}": mailbox,
        "/v1/mailboxes/{mailbox_id}/ledger": f"{mailbox}/ledger",
        "/v1/mailboxes/{mailbox_id}/audit": f"{mailbox}/audit",
        "/v1/mailboxes/{mailbox_id}/preview": f"{mailbox}/preview",
        "/v1/mailboxes/{mailbox_id}/doctor": f"{mailbox}/doctor",
        "/v1/leads/{lead_id}/messages": "/leads/lena/messages",
        "/v1/contacts/{contact_id}/messages": "/contacts/kim/messages?limit=2",
        "/v1/deals/{deal_id}/messages": "/deals/rollout/messages",
        "/v1/messages/{message_id}": f"/messages/{message['id']}",
        "/v1/events/refused": "/events/refused",
    }.items():
        answer: requests.Response = team.crm.ask("GET", path, "ann")
        assert answer.status_code == 200, path
        schema[template]["GET"].validate_response(answer)
