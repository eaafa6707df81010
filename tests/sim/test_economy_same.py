"""The same scenario, the same economy: on any number of shards, in any process; and what changes nothing elsewhere."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from economies import PARKS, at, economy, lived, story, told

from sim.emission import Request
from sim.world.economy.enterprise import Enterprise

BEGIN, HOURS = "2020-12-14T13:00", 3.0
STORY = story(rate=60.0, firms=6, parks=PARKS[:7])


def _bytes(request: Request) -> bytes:
    return msgspec.msgpack.encode(tuple(request))


@pytest.fixture(scope="module")
def whole() -> list[bytes]:
    """All requests of seven parks."""
    return [_bytes(one) for one in told(STORY, BEGIN, HOURS)]


@pytest.mark.parametrize("shards", [1, 2, 7])
def test_any_number_of_shards_sends_the_same(shards: int, whole: list[bytes]) -> None:
    """Shards together send byte for byte what one sends, though delay crosses from park to park."""
    found: list[bytes] = []
    for shard in range(shards):
        parks = STORY.parks[shard::shards]
        one = economy(STORY, BEGIN, HOURS, parks=parks)
        one.interrupt(PARKS[0], None, at("2020-12-14T13:30"), at("2020-12-14T14:30"))
        found += map(_bytes, lived(one, parks, BEGIN, HOURS))
    joined = economy(STORY, BEGIN, HOURS)
    joined.interrupt(PARKS[0], None, at("2020-12-14T13:30"), at("2020-12-14T14:30"))
    assert sorted(found) == sorted(map(_bytes, lived(joined, STORY.parks, BEGIN, HOURS)))
    assert sorted(found) != sorted(whole)  # the interruption was felt


@pytest.mark.parametrize("step_s", [1, 7, 3600, 10_800])
def test_the_step_does_not_matter(step_s: int, whole: list[bytes]) -> None:
    """Asked for every second or once at the end, the requests are the same, in order and numbered for each park."""
    found = lived(economy(STORY, BEGIN, HOURS), STORY.parks, BEGIN, HOURS, step_ms=step_s * 1000)
    assert sorted(map(_bytes, found)) == sorted(whole)
    for park in STORY.parks:
        mine = [one for one in found if one.park == park]
        assert [one.sequence for one in mine] == list(range(1, len(mine) + 1))
        assert [one.due_ms for one in mine] == sorted(one.due_ms for one in mine)
        assert at(BEGIN) <= mine[0].due_ms <= mine[-1].due_ms < at(BEGIN) + HOURS * 3_600_000


_TELL = """
import hashlib, sys, msgspec
sys.path.insert(0, sys.argv[1])
from economies import told
from test_economy_same import BEGIN, HOURS, STORY
print(hashlib.sha256(msgspec.msgpack.encode([tuple(one) for one in told(STORY, BEGIN, HOURS)])).hexdigest())
"""


@pytest.mark.process
def test_hashing_does_not_matter() -> None:
    """Two processes with other hash seeds, and this one twice, tell the same."""
    digests = set()
    for seed in ("1", "4242"):
        command = [sys.executable, "-c", _TELL, str(Path(__file__).parent)]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
        digests.add(done.stdout.strip())
    for _ in range(2):
        content = msgspec.msgpack.encode([tuple(one) for one in told(STORY, BEGIN, HOURS)])
        digests.add(hashlib.sha256(content).hexdigest())
    assert len(digests) == 1


def test_replications_and_seeds_differ() -> None:
    """Another replication, or another seed, is another story."""
    first = told(STORY, BEGIN, 1.0)
    again = lived(economy(STORY, BEGIN, 1.0, replication=1), STORY.parks, BEGIN, 1.0)
    other = told(msgspec.structs.replace(STORY, seed=STORY.seed + 1), BEGIN, 1.0)
    times = [{one.due_ms for one in found} for found in (first, again, other)]
    assert len(times[0] & times[1]) < len(times[0]) / 100
    assert len(times[0] & times[2]) < len(times[0]) / 100


def _is(firm: Enterprise) -> tuple[object, ...]:
    """What a firm is, apart from who buys from it."""
    links = [(link.name, link.dependence, link.transit_h) for link in firm.suppliers]
    return firm.family.code, firm.shift, firm.staff, firm.machines, firm.zone, firm.loads_t_h, links


def test_one_more_firm_in_each_park_leaves_the_others_alone() -> None:
    """The others are what they were and ask when they did; only firms linked to new ones may ask for other things."""
    more = msgspec.structs.replace(STORY, enterprises_per_park=7)
    before, after = economy(STORY, BEGIN, HOURS), economy(more, BEGIN, HOURS)
    known = {firm.name: _is(firm) for firm in before.firms}
    assert {firm.name: _is(firm) for firm in after.firms if firm.number < 7} == known

    def sent(one: list[Request]) -> dict[str, list[tuple[int, str]]]:
        found: dict[str, list[tuple[int, str]]] = {}
        for request in one:
            found.setdefault(request.application.enterprise, []).append((request.due_ms, request.reason))
        return found

    old = sent(lived(before, STORY.parks, BEGIN, 1.0))
    new = sent(lived(after, STORY.parks, BEGIN, 1.0))
    reached = _reached(after.firms)
    changed = [name for name in known if old[name] != new[name]]
    assert set(changed) <= reached
    assert 0 < len(changed) < len(known) / 2
    for name in known:
        assert [due for due, _ in old[name]] == [due for due, _ in new[name]]


def _reached(firms: list[Enterprise]) -> set[str]:
    """Firms that a link, of goods or of shared capacity, joins to a firm of number 7, over any others."""
    reached = {firm.index for firm in firms if firm.number == 7}
    waiting = sorted(reached)
    while waiting:
        firm = firms[waiting.pop()]
        near = [index for index, _ in firm.customers] + [link.supplier for link in firm.suppliers if link.supplier >= 0]
        near += [other.index for other in firms if other.park == firm.park and other.family is firm.family]
        for index in near:
            if index not in reached:
                reached.add(index)
                waiting.append(index)
    return {firms[index].name for firm in firms for index in [firm.index] if index in reached}


def test_leaving_out_a_park_changes_no_firm_elsewhere() -> None:
    """Firms of other parks are what they were, with as many suppliers, and turn to their parks when they did."""
    fewer = msgspec.structs.replace(STORY, parks=STORY.parks[1:])
    before, after = economy(STORY, BEGIN, HOURS), economy(fewer, BEGIN, HOURS)
    left = STORY.parks[0]
    assert {f.name: _times(f) for f in after.firms} == {f.name: _times(f) for f in before.firms if f.park != left}
    old = [(it.due_ms, it.application.enterprise) for it in lived(before, fewer.parks, BEGIN, HOURS)]
    assert [(it.due_ms, it.application.enterprise) for it in lived(after, fewer.parks, BEGIN, HOURS)] == old


def _times(firm: Enterprise) -> tuple[object, ...]:
    return (*_is(firm)[:-1], len(firm.suppliers))
