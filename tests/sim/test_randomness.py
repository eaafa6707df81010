"""Named random streams."""

from hypothesis import given
from hypothesis import strategies as st

from sim.randomness import stream, stream_number

_KEY = st.tuples(st.integers(0, 2**53), st.integers(0, 99), st.integers(0, 46), st.sampled_from(["noise", "build"]))


@given(_KEY, _KEY)
def test_a_stream_is_its_name_and_nothing_else(
    left: tuple[int, int, int, str], right: tuple[int, int, int, str]
) -> None:
    """The same seed, replication, park and name give the same draws; any other give others."""
    draws = [
        stream(seed, replication=replication, park=park, name=name).integers(0, 2**63, 4).tolist()
        for seed, replication, park, name in (left, right)
    ]
    assert (draws[0] == draws[1]) == (left == right)


def test_stream_numbers_stay_as_they_are() -> None:
    """Names map to the same numbers in every process and version: a seed tells its trace again years later."""
    assert stream_number("noise") == 0xE560888C29590337
    draws = stream(20201207, replication=0, park=3, name="noise").integers(0, 1000, 4).tolist()
    assert draws == [794, 616, 748, 906]
