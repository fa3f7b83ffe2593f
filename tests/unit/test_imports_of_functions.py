"""What a function imports before it is called: no library, and no store, that it may not need."""

import json
import os
import subprocess
import sys
from functools import cache

import pytest

from local.environments import ROOT

_LIBRARIES = {
    *("backports", "cryptography", "defusedxml", "dns", "imapclient", "imaplib", "nh3"),
    *("oauthlib",),
    *("requests", "requests_oauthlib", "smtplib", "ssl"),
}
_IMPORT = """
import json, sys
import boto3, botocore.config, aws_lambda_powertools, aws_lambda_powertools.event_handler
import aws_lambda_powertools.utilities.batch
import concurrent.futures, urllib.request
before = set(sys.modules)
sys.path.insert(0, f"functions/{sys.argv[1]}")
import app
json.dump(sorted(set(sys.modules) - before), sys.stdout)
"""


@cache
def imported(function: str) -> frozenset[str]:
    """The modules that a function's import brings beside boto3 and Powertools."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "layers" / "mailmirror")}
    command = [sys.executable, "-c", _IMPORT, function]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    return frozenset(json.loads(done.stdout))


@pytest.mark.parametrize("function", ["apply", "dispatch", "webhook"])
def test_functions_that_touch_no_mail_import_neither_mail_nor_its_libraries(function: str) -> None:
    modules = imported(function)
    assert {name for name in modules if name.partition(".")[0] in _LIBRARIES} == set()
    assert {name for name in modules if name.startswith("mailmirror.mail")} == set()


@pytest.mark.parametrize("function", ["dispatch", "webhook"])
def test_the_busiest_functions_import_a_store_when_they_first_use_it(function: str) -> None:
    stores = {name for name in imported(function) if name.startswith("mailmirror.store.")}
    assert stores <= {"mailmirror.store.keys"}


@pytest.mark.parametrize("function", ["api", "feedback", "poll", "probe", "send", "sync"])
def test_html_and_credentials_are_worked_on_by_libraries_imported_then(function: str) -> None:
    assert imported(function) & {"nh3", "cryptography.hazmat.primitives.ciphers.aead"} == set()


@pytest.mark.parametrize("function", ["api", "feedback", "poll", "probe", "send", "sync"])
def test_what_finds_settings_is_imported_when_they_are_looked_for(function: str) -> None:
    looking = {"defusedxml", "dns", "mailmirror.domain.known_providers"}
    assert imported(function) & looking == set()
