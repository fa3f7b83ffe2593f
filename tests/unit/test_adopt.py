"""What `make adopt` makes of what was entered, before CloudFormation is asked."""

import pytest

from commands.adopt import LeftResources, main


def test_variables_that_were_not_named_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    options = ["--stack", "new", "--table", "", "--bucket", "b", "--key", " "]
    monkeypatch.setattr("sys.argv", ["adopt", *options])
    with pytest.raises(SystemExit, match="TABLE, KEY not given: run make adopt STACK=…"):
        main()


@pytest.mark.parametrize("key", ["11aa-22bb", "arn:aws:kms:us-east-1:123456789012:key/11aa-22bb"])
def test_a_key_is_found_by_its_id_or_by_its_arn_which_the_output_has(key: str) -> None:
    assert LeftResources("t", "b", key).identifiers() == {
        "Table": {"TableName": "t"},
        "Bucket": {"BucketName": "b"},
        "Key": {"KeyId": "11aa-22bb"},
    }
