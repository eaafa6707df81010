"""The example files: good ones are taken, bad ones answered exactly as written beside them."""

from typing import get_args

import msgspec
import pytest

from contract import (
    alarms,
    cases,
    codec,
    device_events,
    devices_registry,
    identity,
    linkage,
    messages,
    operations,
    registers,
    rules,
    views,
)
from contract.errors import PeerError
from contract.examples import Example, all_examples
from contract.names import NameIndex

NOW_MS = 1_767_225_600_000
PARK = "changshou-etdz"
POINTS = codec.decode_message(
    messages.PointList,
    next(one.body for one in all_examples() if (one.kind, one.case) == ("PointList", "three-points")),
)
INDEX = NameIndex([f"{PARK}/{point.name}" for point in POINTS.points])
HOMES = (
    messages,
    rules,
    alarms,
    cases,
    device_events,
    devices_registry,
    identity,
    linkage,
    registers,
    views,
)
GOOD = [example for example in all_examples() if not example.is_bad]
BAD = [example for example in all_examples() if example.is_bad]


def decode(example: Example) -> object:
    """As a platform does it."""
    if example.kind == "SenMLPack":
        media_type = codec.SENML_CBOR if example.encoding == "cbor" else codec.SENML_JSON
        return codec.decode(media_type, example.body, INDEX, NOW_MS)
    home = next(module for module in HOMES if hasattr(module, example.kind))
    kind: type[object] = getattr(home, example.kind)
    return codec.decode_message(kind, example.body)


def name_of(example: Example) -> str:
    """For the test's id."""
    return f"{example.kind}.{example.case}.{example.encoding}"


@pytest.mark.parametrize("example", GOOD, ids=name_of)
def test_good_examples(example: Example) -> None:
    """A good example decodes, and encodes to what it said."""
    decoded = decode(example)
    if example.kind != "SenMLPack":
        again = msgspec.json.decode(msgspec.json.encode(decoded))
        written = msgspec.json.decode(example.body)
        assert again == written


@pytest.mark.parametrize("example", BAD, ids=name_of)
def test_bad_examples(example: Example) -> None:
    """A bad example is refused with exactly the status and sentence beside it."""
    with pytest.raises(PeerError) as refusal:
        decode(example)
    assert (refusal.value.status, refusal.value.detail) == (example.status, example.message)
    problem = messages.Problem.of(refusal.value, "/v1/x")
    assert (problem.status, problem.detail, problem.instance) == (example.status, example.message, "/v1/x")


def test_every_message_has_a_good_example() -> None:
    """Whoever implements the contract finds an example of each body it names."""
    kinds = {kind for one in operations.OPERATIONS for kind in (one.request, one.response)} - {None, str, bytes}
    assert {kind.__name__ for kind in kinds} <= {example.kind for example in GOOD}


def test_uplink_entries_keep_their_kind() -> None:
    """Tagged messages decode to the type that their `kind` names."""
    batch = next(decode(example) for example in GOOD if example.kind == "UplinkBatch")
    assert isinstance(batch, messages.UplinkBatch)
    assert [type(entry) for entry in batch.entries] == list(get_args(messages.UplinkEntry))


def test_malformed_and_deep_json() -> None:
    """What is not JSON at all is 400, whatever the message."""
    for body, found in (
        (b"", "Input data was truncated"),
        (b'{"\xff":1}', "'utf-8' codec"),
        (b"{" * 3, "object keys must be strings"),
    ):
        with pytest.raises(PeerError) as refusal:
            codec.decode_message(messages.PointList, body)
        assert refusal.value.status == 400, body
        assert found in refusal.value.detail


def test_finding_a_credential() -> None:
    """A token is found for its park or for every park; a missing one is said in full."""
    one = messages.Credential(token="t1", role="gateway", park="baitao", level="park")  # noqa: S106 - no secret
    every = messages.Credential(token="t2", role="operator", park="*", level="park")  # noqa: S106 - no secret
    file = messages.CredentialFile(credentials=[one, every])
    assert file.find("park", "gateway", "baitao") == "t1"
    assert file.find("park", "operator", "baitao") == file.find("park", "operator") == "t2"
    with pytest.raises(LookupError, match="no credential for role 'gateway' at the park level for park 'fuling'"):
        file.find("park", "gateway", "fuling")
