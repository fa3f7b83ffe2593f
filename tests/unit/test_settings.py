"""A function whose environment is wrong: its log names the setting, and not what is in it."""

from dataclasses import replace
from io import BytesIO
from typing import Any

import pytest

from mailmirror.observing import Failed, failures_logged, logger
from mailmirror.runtime import Runtime, Settings


class Bucket:
    """An S3 client that has one object."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def get_object(self, **asked: str) -> dict[str, BytesIO]:
        return {"Body": BytesIO(self._content)}


def runtime(networks: str = "", authority: bytes = b"") -> Runtime:
    settings = replace(
        Settings.from_environment(),
        bucket="bucket",
        allowed_networks=networks,
        extra_ca_object="config/authority.pem" if authority else "",
    )
    return Runtime(settings, lambda service: Bucket(authority))


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    monkeypatch.setattr(logger, "error", lambda message, **fields: lines.append(fields))
    return lines


@pytest.mark.parametrize(
    ("wrong", "setting", "content"),
    [
        (runtime("garbage"), "ALLOWED_NETWORKS", "garbage"),
        (runtime("10.9.8.7/8"), "ALLOWED_NETWORKS", "10.9.8.7"),
        (runtime(authority=b"garbage"), "EXTRA_CA_OBJECT", "garbage"),
        (runtime(authority=b"\xff"), "EXTRA_CA_OBJECT", "xff"),
        (runtime(authority="Länder".encode()), "EXTRA_CA_OBJECT", "Länder"),
    ],
)
def test_a_setting_that_is_wrong_is_named_in_the_log_without_what_it_holds(
    logged: list[dict[str, Any]], wrong: Runtime, setting: str, content: str
) -> None:
    with pytest.raises(Failed, match="Misconfigured"):
        failures_logged(lambda: wrong.network_policy)()
    (line,) = logged
    assert setting in line["setting"]
    assert content not in str(line)


def test_a_setting_that_is_missing_is_named_in_the_log(logged: list[dict[str, Any]]) -> None:
    nothing = Runtime(replace(Settings.from_environment(), table=""), lambda service: None)
    with pytest.raises(Failed):
        failures_logged(lambda: nothing.table)()
    assert "TABLE" in logged[0]["setting"]


def test_no_other_failure_tells_its_text(logged: list[dict[str, Any]]) -> None:
    def fail() -> None:
        raise ValueError("Dear Kim")

    with pytest.raises(Failed):
        failures_logged(fail)()
    assert "Dear Kim" not in str(logged)
