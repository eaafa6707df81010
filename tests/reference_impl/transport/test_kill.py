"""SIGKILL in mid-stream: nothing acknowledged is lost, no alert comes twice, the city's history is complete."""

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import msgspec
import numpy as np
import pytest
from transport_nodes import POINTS, RULES, pack_body
from transport_processes import Served

from contract import arrow
from contract.codec import SENML_JSON
from contract.messages import AlertEvent
from reference_impl.serve import CitySettings, ParkHostSettings

pytestmark = pytest.mark.process
PARKS = ("p1", "p2")
GATEWAYS = (1, 2)
PACKS_BETWEEN_KILLS = 60
PACKS = 200
DEADLINE_S = 60.0


class Gateway(threading.Thread):
    """Sends its packs in order, each until it is acknowledged; every third pack crosses the limit and back."""

    def __init__(self, park: str, number: int, address: Callable[[], str], token: str) -> None:
        super().__init__(daemon=True)
        self._park = park
        self._number = number
        self._address = address
        self._client = httpx.Client(headers={"authorization": f"Bearer {token}"}, trust_env=False)
        self.acknowledged: list[int] = []
        self.refused: list[str] = []

    def values(self, sequence: int) -> list[float]:
        """What the pack holds."""
        return [float(sequence % 9), 12.0 if sequence % 3 == 0 else 1.0]

    def run(self) -> None:
        """Send everything."""
        for sequence in range(1, PACKS + 1):
            while not self._send(sequence):
                time.sleep(0.02)
            self.acknowledged.append(sequence)
        self._client.close()

    def _send(self, sequence: int) -> bool:
        try:
            answer = self._client.post(
                f"{self._address()}/v1/parks/{self._park}/gateways/gw-0{self._number}/telemetry",
                content=pack_body(self._park, self._number, sequence, *self.values(sequence)),
                headers={"content-type": SENML_JSON, "pack-sequence": str(sequence)},
            )
        except httpx.TransportError:
            return False
        if answer.status_code not in (200, 503):
            self.refused.append(answer.text)
        return answer.status_code == 200


class Platform:
    """A city and a park host; the park host is killed and started again at the same port."""

    def __init__(self, folder: Path) -> None:
        self.city = Served(CitySettings(data=folder / "city", parks=PARKS, port=0)).ready()
        self._settings = ParkHostSettings(
            data=folder / "park",
            parks=PARKS,
            port=0,
            city_url=self.city.url,
            city_credentials=folder / "city" / "credentials.json",
        )
        self.park = Served(self._settings).ready()
        port = int(self.park.url.rpartition(":")[2])
        self._settings = msgspec.structs.replace(self._settings, port=port)

    def kill_park(self) -> None:
        """SIGKILL, then start again."""
        self.park.kill()
        self.park = Served(self._settings).ready()

    def events(self, level: str, count: int) -> list[AlertEvent]:
        """The first `count` transitions of a level, from its stream."""
        node = self.park if level == "park" else self.city
        headers = {"authorization": f"Bearer {node.credentials().find(level, 'operator')}", "last-event-id": "0"}
        with (
            httpx.Client(base_url=node.url, headers=headers, trust_env=False, timeout=DEADLINE_S) as client,
            client.stream("GET", "/v1/alerts/stream") as answer,
        ):
            lines = (line.removeprefix("data: ") for line in answer.iter_lines() if line.startswith("data: "))
            return [msgspec.json.decode(line, type=AlertEvent) for line in itertools.islice(lines, count)]

    def alerts(self, level: str) -> int:
        """How many alerts a level lists."""
        node = self.park if level == "park" else self.city
        headers = {"authorization": f"Bearer {node.credentials().find(level, 'operator')}"}
        answer = httpx.get(f"{node.url}/v1/alerts?limit=10000", headers=headers, trust_env=False)
        return len(answer.json()["alerts"])


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[Platform]:
    """Both levels, with two configured parks."""
    running = Platform(tmp_path)
    try:
        token = running.park.credentials().find("park", "administrator")
        for park in PARKS:
            for what, message in (("points", POINTS), ("rules", RULES)):
                url = f"{running.park.url}/v1/parks/{park}/{what}"
                body = msgspec.json.encode(message)
                answer = httpx.put(url, content=body, headers={"authorization": f"Bearer {token}"}, trust_env=False)
                assert answer.status_code == 200, answer.text
        yield running
    finally:
        for node in (running.park, running.city):
            if node.process.poll() is None:
                node.kill()


def _until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline_s, "it did not happen in time"
        time.sleep(0.02)


def _read_back(platform: Platform, park: str, gateway: int) -> dict[int, list[float]]:
    token = platform.park.credentials().find("park", "auditor")
    url = f"{platform.park.url}/v1/parks/{park}/gateways/gw-0{gateway}/readings"
    answer = httpx.get(url, headers={"authorization": f"Bearer {token}"}, trust_env=False)
    sequence, columns = arrow.decode_sequenced(answer.content)
    assert np.all(np.diff(sequence) >= 0)
    return {int(number): columns.value[sequence == number].tolist() for number in np.unique(sequence)}


def _history(events: list[AlertEvent], park: str) -> list[tuple[str, str, int]]:
    return [(event.alert.alert_id, event.transition, event.at_ms) for event in events if event.alert.park == park]


def test_killing_the_park_host_loses_and_repeats_nothing(platform: Platform) -> None:
    """Two kills under way: read-back equals what was acknowledged, and both levels tell the same complete history."""
    tokens = platform.park.credentials()
    gateways = [
        Gateway(park, number, lambda: platform.park.url, tokens.find("park", "gateway", park))
        for park in PARKS
        for number in GATEWAYS
    ]
    for gateway in gateways:
        gateway.start()
    for kill in (1, 2):
        _until(lambda kill=kill: min(len(each.acknowledged) for each in gateways) >= kill * PACKS_BETWEEN_KILLS)  # type: ignore[misc]  # a default argument
        platform.kill_park()
    for gateway in gateways:
        gateway.join(DEADLINE_S)
        assert not gateway.is_alive()
        assert gateway.refused == []

    for park, number, gateway in (
        (park, number, gateways[2 * place + number - 1]) for place, park in enumerate(PARKS) for number in GATEWAYS
    ):
        assert _read_back(platform, park, number) == {
            sequence: gateway.values(sequence) for sequence in range(1, PACKS + 1)
        }

    alerts = len(gateways) * (PACKS // 3)
    transitions = 2 * alerts  # the last pack of every gateway is below the limit
    told, at_city = platform.events("park", transitions), platform.events("city", transitions)
    assert platform.alerts("park") == platform.alerts("city") == alerts
    for events in (told, at_city):
        assert [event.number for event in events] == list(range(1, transitions + 1))
        raised = [event.alert.alert_id for event in events if event.transition == "raise"]
        assert len(raised) == len(set(raised)) == alerts
    for park in PARKS:
        assert _history(at_city, park) == _history(told, park)


def test_killing_the_park_host_keeps_what_operators_set_aside(platform: Platform) -> None:
    """Alarms set aside before the kill are so after it, can be taken back, and both levels tell the same of it."""
    token = platform.park.credentials().find("park", "operator")
    alarm = {"point": POINTS.points[0].name, "rule": RULES.rules[0].id, "operator": "li", "reason": "repair"}

    def act(what: str, **fields: object) -> str:
        answer = httpx.post(
            f"{platform.park.url}/v1/parks/p1/alarms/{what}",
            json=alarm | fields,
            headers={"authorization": f"Bearer {token}"},
            trust_env=False,
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["state"])

    def aside(node: Served, level: str) -> list[str]:
        headers = {"authorization": f"Bearer {node.credentials().find(level, 'auditor')}"}
        answer = httpx.get(f"{node.url}/v1/alarms", headers=headers, trust_env=False)
        return [f"{each['point']} {each['state']}" for each in answer.json()["alarms"]]

    taken = httpx.post(
        f"{platform.park.url}/v1/parks/p1/gateways/gw-01/telemetry",
        content=pack_body("p1", 1, 1, 12.0),
        headers={
            "authorization": f"Bearer {platform.park.credentials().find('park', 'gateway', 'p1')}",
            "content-type": SENML_JSON,
            "pack-sequence": "1",
        },
        trust_env=False,
    )
    assert taken.status_code == 200
    other = POINTS.points[1].name
    assert act("shelve", duration_s=3600) == "SHLVD"
    assert act("remove-from-service", point=other) == "OOSRV"
    platform.kill_park()
    expected = [f"{alarm['point']} SHLVD", f"{other} OOSRV"]
    assert aside(platform.park, "park") == expected
    _until(lambda: aside(platform.city, "city") == expected)
    assert act("unshelve") == "UNACK"
    platform.kill_park()
    told, at_city = platform.events("park", 4), platform.events("city", 4)
    assert [(event.transition, event.operator) for event in told] == [
        ("raise", ""),
        ("shelve", "li"),
        ("remove_from_service", "li"),
        ("unshelve", "li"),
    ]
    assert [(event.alert, event.alarm) for event in at_city] == [(event.alert, event.alarm) for event in told]
