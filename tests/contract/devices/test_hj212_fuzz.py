"""Damaged frames of both protocols, many of them; `long_fuzz.py` does the same for millions."""

import long_fuzz
import pytest

DAMAGED = 50_000


@pytest.mark.parametrize("protocol", long_fuzz.PROTOCOLS)
def test_no_intact_frame_is_lost_behind_damage(protocol: str) -> None:
    """Nothing but the typed error comes out, and the frame behind each damaged one comes out as it was sent."""
    counts = long_fuzz.run(protocol, DAMAGED, seed=26)
    assert counts["lost"] == 0
    assert counts["found at once"] + counts["found later"] == DAMAGED
    assert counts["fault checksum"] > DAMAGED // 10  # the damage was real
    assert counts["bytes passed over"] <= counts["bytes of damaged frames"]
