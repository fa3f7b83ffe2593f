"""An emulated AWS for each module."""

from collections.abc import Iterator

import pytest

from tests.servers.bare_aws import BareAws, bare_aws


@pytest.fixture(scope="module")
def bare() -> Iterator[BareAws]:
    with bare_aws() as made:
        yield made
