"""Accept a provider's callback: let `probe` finish the sign-in, and redirect the browser."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from mailmirror.domain.limits import MAX_CALLBACK_CHARS
from mailmirror.domain.mailbox import AccountId
from mailmirror.domain.oauth import account_of
from mailmirror.domain.problems import Code, Refused
from mailmirror.domain.words.explanation import Language
from mailmirror.domain.words.problems import PROBLEMS
from mailmirror.runtime import Runtime
from mailmirror.usecases.mailboxes.probe_jobs import ProbeJob, Task, ask_probe
from mailmirror.usecases.operating.accounts import language_of

_PASSED_ON = ("state", "code", "error", "error_description")


@dataclass(frozen=True, slots=True)
class Back:
    url: str
    """Where the browser goes; empty where the sign-in was begun without a return URL."""
    mailbox: str | None


def complete_sign_in(
    provider: str, query: Mapping[str, str], language: Language | None, runtime: Runtime
) -> Back:
    """Finish a sign-in. The return URL gets `status` and `mailbox_id`, or `code` and why.

    Parameters:
        language: of what the return URL is given; None: the account's.

    Raises:
        Refused: the state is unknown, or there is no return URL for the refusal.
    """
    passed = {name: query[name][:MAX_CALLBACK_CHARS] for name in _PASSED_ON if query.get(name)}
    account = account_of(passed.get("state", ""))
    # Anyone can send a callback: `probe` is called, and anything written, only for one expected.
    if account is None or not runtime.sign_ins.is_begun(account, passed["state"]):
        raise Refused(Code.STATE_UNKNOWN)
    job = ProbeJob(Task.CALLBACK, AccountId(""), request={"provider": provider, "query": passed})
    answer = ask_probe(job, runtime)
    refused = answer["refused"]
    if refused is None:
        fields = {"status": "connected", "mailbox_id": answer["mailbox_id"]}
        return Back(_with(answer["return_url"], fields), answer["mailbox_id"])
    refusal = Refused(Code(refused["code"]), refused["detail"])
    if not answer["return_url"]:
        raise refusal
    explanation = PROBLEMS[refusal.code][language or language_of(account, runtime)]
    fields = {
        "status": "refused",
        "code": refusal.code.value,
        "reason": explanation.reason,
        "remedy": explanation.remedy,
        **({"detail": refusal.detail} if refusal.detail else {}),
    }
    return Back(_with(answer["return_url"], fields), None)


def _with(url: str, fields: Mapping[str, str]) -> str:
    """The URL with fields added to its query; empty where there is none."""
    if not url:
        return ""
    before, mark, fragment = url.partition("#")
    joint = "&" if "?" in before else "?"
    return f"{before}{joint}{urlencode(fields)}{mark}{fragment}"
