"""The same scenario, the same acts and entries: on any number of shards, in any process, at any step."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from economies import story
from offices import Handed, handed_in

from sim.emission import Request

BEGIN, HOURS = "2020-12-14T14:00", 0.4
STORY = story(rate=60.0, firms=6, parks=story().parks[:4])


def _bytes(told: dict[str, list[Handed]]) -> bytes:
    """All that is handed in, park by park, each kind in its order."""
    return msgspec.msgpack.encode(
        [
            (park, [(type(one).__name__, tuple(one)) for one in sorted(mine, key=lambda it: type(it).__name__)])
            for park, mine in sorted(told.items())
        ]
    )


def _office(told: dict[str, list[Handed]]) -> dict[str, list[Handed]]:
    return {park: [one for one in mine if not isinstance(one, Request)] for park, mine in told.items()}


@pytest.fixture(scope="module")
def whole() -> dict[str, list[Handed]]:
    """What four parks hand in."""
    return handed_in(BEGIN, HOURS, scenario=STORY)


@pytest.mark.parametrize("shards", [2, 4])
def test_any_number_of_shards_hands_in_the_same(shards: int, whole: dict[str, list[Handed]]) -> None:
    """Shards together hand in byte for byte what one does."""
    joined: dict[str, list[Handed]] = {}
    for shard in range(shards):
        joined |= handed_in(BEGIN, HOURS, scenario=STORY, parks=STORY.parks[shard::shards])
    assert _bytes(joined) == _bytes(whole)


@pytest.mark.parametrize("step_ms", [1_000, 7_000, 1_440_000])
def test_the_step_does_not_matter(step_ms: int, whole: dict[str, list[Handed]]) -> None:
    """Asked for every second or once at the end, people do the same at the same time."""
    assert _bytes(handed_in(BEGIN, HOURS, scenario=STORY, step_ms=step_ms)) == _bytes(whole)


_TELL = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from offices import handed_in
from test_office_same import BEGIN, HOURS, STORY, _bytes
print(hashlib.sha256(_bytes(handed_in(BEGIN, HOURS, scenario=STORY))).hexdigest())
"""


@pytest.mark.process
def test_hashing_does_not_matter(whole: dict[str, list[Handed]]) -> None:
    """Two processes with other hash seeds, and this one, tell the same."""
    digests = {hashlib.sha256(_bytes(whole)).hexdigest()}
    for seed in ("1", "4242"):
        command = [sys.executable, "-c", _TELL, str(Path(__file__).parent)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_seeds_differ(whole: dict[str, list[Handed]]) -> None:
    """Another seed, other acts and other registers."""
    other = handed_in(BEGIN, HOURS, scenario=msgspec.structs.replace(STORY, seed=STORY.seed + 1))
    assert _bytes(_office(other)) != _bytes(_office(whole))
    for park in STORY.parks:
        assert [it.due_ms for it in _office(other)[park]] != [it.due_ms for it in _office(whole)[park]]


def test_the_office_leaves_the_economy_alone(whole: dict[str, list[Handed]]) -> None:
    """Another park more or less changes neither requests of a park left alone nor which of its entries stand."""
    alone = handed_in(BEGIN, HOURS, scenario=msgspec.structs.replace(STORY, parks=STORY.parks[:1]))
    park = STORY.parks[0]
    times = [[it.due_ms for it in told[park] if isinstance(it, Request)] for told in (alone, whole)]
    assert times[0] == times[1]
    assert _office(alone)[park][0] == _office(whole)[park][0]
