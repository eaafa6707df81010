"""Names and identities."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contract.addresses import alert_id, check_identifier, check_point_name, senml_name
from contract.errors import PeerError


@pytest.mark.parametrize("text", ["a", "gw-01", "changshou-etdz", "7", "a" * 63])
def test_identifiers(text: str) -> None:
    """An identifier is lower-case letters, digits and hyphens, at most 63."""
    assert check_identifier(text, "park") == text


@pytest.mark.parametrize("text", ["", "-a", "A", "a_b", "a/b", "a" * 64, "园区", "a\n"])
def test_bad_identifiers(text: str) -> None:
    """Anything else is refused with its place."""
    with pytest.raises(
        PeerError, match=r"^gateway: expected lower-case letters, digits and '-', at most 63, found '"
    ) as refusal:
        check_identifier(text, "gateway")
    assert refusal.value.status == 422


@pytest.mark.parametrize("text", ["env/z03/air-0007/so2", "a/b", "A1/b:c.d_e"])
def test_point_names(text: str) -> None:
    """A point name has at least two parts of the characters that RFC 8428 allows."""
    assert check_point_name(text, "points[0].name") == text
    assert senml_name("baitao", text) == f"baitao/{text}"


@pytest.mark.parametrize("text", ["", "a", "/a/b", "a//b", "a/b/", "a/ b", "a/b\n", "a/泵", "a/" + "b" * 199])
def test_bad_point_names(text: str) -> None:
    """Any other name is refused with its place."""
    with pytest.raises(PeerError, match=r"^points\[0\]\.name: expected a name such as 'env/z03/air-0007/so2', found '"):
        check_point_name(text, "points[0].name")


def test_alert_identity_is_fixed() -> None:
    """The identity of an alert never changes between versions: this one is written down."""
    assert (
        alert_id("baitao", "env/z03/water-0001/cod", "env-water-cod-high", 1_767_225_600_000)
        == "3c289203e9d2f9f16836e2c334acfb4c"
    )


@given(
    st.lists(
        st.tuples(st.text("ab", max_size=3), st.text("ab/", max_size=3), st.text("ab", max_size=3), st.integers()),
        unique=True,
    )
)
def test_different_alerts_have_different_identities(alerts: list[tuple[str, str, str, int]]) -> None:
    """Park, point, rule and onset together are the identity."""
    assert len({alert_id(*alert) for alert in alerts}) == len(alerts)
