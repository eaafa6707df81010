"""Views over HTTP: for operators and auditors of the park, by group and period, refused with their place."""

from pathlib import Path
from typing import Any

import pytest
from transport_nodes import START_MS, ParkTestNode, running_park

from contract.catalogue.views import views
from contract.codec import SENML_JSON
from reference_impl.transport.bindings import PERIOD_MS_MAX

pytestmark = pytest.mark.anyio
HOUR_MS = 3_600_000
PERIOD = f"from_ms={START_MS}&to_ms={START_MS + HOUR_MS}"
TURNOVER = f"/v1/parks/p1/views/parking-turnover?{PERIOD}"


def _event(number: int, kind: str, at_ms: int, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - a field of any type
    place = {"subsystem": "parking", "zone": "z01", "device": f"barrier-{number % 2:04d}"}
    return {"event_id": f"v-{number}", "at_ms": at_ms, **place, "kind": kind, "traffic": "event", "fields": fields}


async def _send(node: ParkTestNode, park: str = "p1") -> None:
    events = [
        _event(1, "car-entered", START_MS, **{"class": "staff"}),
        _event(2, "car-entered", START_MS + 1, **{"class": "visitor"}),
        _event(3, "car-left", START_MS + 2, lasted_s=60, **{"class": "staff"}),
        _event(4, "car-left", START_MS + HOUR_MS, lasted_s=600, **{"class": "staff"}),
    ]
    headers = node.bearer("gateway", park)
    answer = await node.client.post(f"/v1/parks/{park}/events", json={"events": events}, headers=headers)
    assert answer.status_code == 200, answer.text


async def test_figures_of_a_period_by_group(tmp_path: Path) -> None:
    """The first group unless told, the end of the period excluded, a figure over nothing absent."""
    async with running_park(tmp_path) as node:
        await _send(node)
        headers = node.bearer("operator")
        told = (await node.client.get(TURNOVER, headers=headers)).json()
        figures = {"entered": 2.0, "left": 1.0, "inside_change": 1.0, "stay_s_mean": 60.0}
        assert told == {
            "view": "parking-turnover",
            "by": "hour",
            "from_ms": START_MS,
            "to_ms": START_MS + HOUR_MS,
            "rows": [{"group": "2023-11-15T06", "measures": figures}],
            "truncated": False,
        }
        by_class = (await node.client.get(f"{TURNOVER}&by=fields.class", headers=headers)).json()
        assert [(row["group"], row["measures"].get("left")) for row in by_class["rows"]] == [
            ("staff", 1.0),
            ("visitor", None),
        ]
        cut = (await node.client.get(f"{TURNOVER}&by=device&limit=1", headers=headers)).json()
        assert ([row["group"] for row in cut["rows"]], cut["truncated"]) == (["z01/barrier-0000"], True)


async def test_readings_make_figures(tmp_path: Path) -> None:
    """A pack that was just acknowledged is in the answer: half an hour at 60 kW are 30 kWh, then nobody knows."""
    point = {"name": "energy/z01/supply-0001/power", "gateway": "gw-01", "zone": "z01", "subsystem": "energy"}
    async with running_park(tmp_path) as node:
        points = {"points": [{**point, "unit": "kW"}]}
        headers = node.bearer("administrator")
        assert (await node.client.put("/v1/parks/p1/points", json=points, headers=headers)).status_code == 200
        times_s = [START_MS / 1000, START_MS / 1000 + 900]
        pack = [{"n": f"p1/{point['name']}", "t": at_s, "v": 60.0} for at_s in times_s]
        headers = node.bearer("gateway", "p1") | {"content-type": SENML_JSON, "pack-sequence": "1"}
        sent = await node.client.post("/v1/parks/p1/gateways/gw-01/telemetry", json=pack, headers=headers)
        assert sent.status_code == 200, sent.text
        path = f"/v1/parks/p1/views/energy-by-hour?{PERIOD}&by=zone"
        rows = (await node.client.get(path, headers=node.bearer("auditor"))).json()["rows"]
        figures = {"energy_kwh": 30.0, "demand_peak_kw": 60.0, "power_mean_kw": 60.0}
        assert rows == [{"group": "z01", "measures": figures}]


async def test_the_list_has_every_view(tmp_path: Path) -> None:
    """Names in both languages, units and groups, as the catalogue has them."""
    async with running_park(tmp_path) as node:
        told = (await node.client.get("/v1/views", headers=node.bearer("auditor"))).json()["views"]
        assert [view["view"] for view in told] == list(views().plans)
        turnover = next(view for view in told if view["view"] == "parking-turnover")
        assert (turnover["name_zh"], turnover["groups"][0]) == ("车辆进出", "hour")
        assert turnover["measures"][3] == {
            "measure": "stay_s_mean",
            "name_en": "Mean stay",
            "name_zh": "平均停车时长",
            "unit": "s",
        }


async def test_only_the_park_itself_sees_its_views(tmp_path: Path) -> None:
    """Neither a gateway nor nobody may ask; what another park did is not in the answer; an unknown park is told so."""
    async with running_park(tmp_path) as node:
        await _send(node, "p2")
        assert (await node.client.get(TURNOVER)).status_code == 401
        for headers in (node.bearer("gateway", "p1"), node.bearer("enterprise", "p1"), node.bearer("gateway", "p2")):
            assert (await node.client.get(TURNOVER, headers=headers)).status_code == 403
            assert (await node.client.get("/v1/views", headers=headers)).status_code == 403
        assert (await node.client.get(TURNOVER, headers=node.bearer("auditor"))).json()["rows"] == []
        unknown = TURNOVER.replace("/p1/", "/p9/")
        assert (await node.client.get(unknown, headers=node.bearer("auditor"))).status_code == 404


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        (f"magic?{PERIOD}", 404, "view: expected access-doors or access-passes or attendance-by-shift or"),
        (f"fire-hydrants?{PERIOD}&by=hour", 400, "query.by: expected zone or park or device, found 'hour'"),
        (
            "fire-hydrants?from_ms=5&to_ms=5",
            400,
            f"query.to_ms: expected above 5, at most {5 + PERIOD_MS_MAX}, found 5",
        ),
        (f"fire-hydrants?from_ms=0&to_ms={PERIOD_MS_MAX + 1}", 400, "query.to_ms: expected above 0, at most"),
        ("fire-hydrants?from_ms=soon&to_ms=5", 400, "query.from_ms: expected an integer of at most 64 bits"),
        ("fire-hydrants?to_ms=5", 400, "query.from_ms: expected an integer of at most 64 bits, found none"),
        (f"fire-hydrants?{PERIOD}&limit=0", 400, "query.limit: expected 1 to 10000, found 0"),
    ],
)
async def test_what_cannot_be_answered_is_refused(tmp_path: Path, path: str, status: int, message: str) -> None:
    """The fault is named with what was wanted."""
    async with running_park(tmp_path) as node:
        answer = await node.client.get(f"/v1/parks/p1/views/{path}", headers=node.bearer("operator"))
        assert (answer.status_code, message in answer.json()["detail"]) == (status, True), answer.text


@pytest.mark.parametrize("begin_ms", [-(2**63) + 1, -1, 2**63 - 1 - HOUR_MS])
async def test_periods_at_the_ends_of_time_are_empty(tmp_path: Path, begin_ms: int) -> None:
    """However far off, a period has an answer for every view."""
    async with running_park(tmp_path) as node:
        await node.configure("p1")
        for view in views().plans:
            path = f"/v1/parks/p1/views/{view}?from_ms={begin_ms}&to_ms={begin_ms + HOUR_MS}"
            answer = await node.client.get(path, headers=node.bearer("operator"))
            assert (answer.status_code, answer.json().get("rows")) == (200, []), (view, answer.text)
