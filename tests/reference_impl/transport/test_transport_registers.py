"""Registers over HTTP: written in the park, told to the city as far as it may see, summed up at both levels."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from transport_nodes import PARKS, CityTestNode, ParkTestNode, running_city, running_park, until

from contract.catalogue.registers import registers
from reference_impl.transport.uplink import City

pytestmark = pytest.mark.anyio
PARCEL = {"area_mu": 120.0, "use": "industry", "status": "in-use", "holder": "e-1", "output_wan_yuan": 3000.0}


async def _put(node: ParkTestNode, entry: str, park: str = "p1", by: str = "li", **fields: Any) -> httpx.Response:  # noqa: ANN401 - a field of any type
    return await node.client.put(
        f"/v1/parks/{park}/registers/land-parcel/{entry}",
        json={"by": by, "fields": {**PARCEL, **fields}},
        headers=node.bearer("operator"),
    )


async def _get(node: ParkTestNode | CityTestNode, path: str) -> dict[str, Any]:
    answer = await node.client.get(f"/v1/registers/{path}", headers=node.bearer("auditor"))
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


async def test_an_entry_is_replaced_and_counted(tmp_path: Path) -> None:
    """Each change has the next version, the same again changes nothing, and a restart forgets neither."""
    async with running_park(tmp_path) as node:
        assert (await _put(node, "a-1")).json()["version"] == 1
        assert (await _put(node, "a-1")).json()["version"] == 1
        assert (await _put(node, "a-1", status="idle")).json()["version"] == 2
    async with running_park(tmp_path) as node:
        written = (await _put(node, "a-1", status="in-use")).json()
        assert (written["version"], written["by"]) == (3, "li")
        assert (await _get(node, "land-parcel"))["entries"] == [written]
        assert (await _get(node, "land-parcel?park=p2"))["entries"] == []


async def test_the_city_sees_what_it_may_and_sums_it_up(tmp_path: Path) -> None:
    """What stays in the park does not reach the city; figures are those of both parks, each entry once."""
    async with running_city(tmp_path / "city") as city:
        tokens = {park: city.credentials.find("city", "uplink", park) for park in PARKS}
        link = city.client._transport  # noqa: SLF001 - the city without a socket
        async with running_park(tmp_path / "park", city=City("http://city", tokens, link)) as node:
            await _put(node, "a-1", area_mu=100.0)
            await _put(node, "a-2", area_mu=300.0, status="idle", output_wan_yuan=0.0)
            await _put(node, "a-2", area_mu=100.0, status="idle", output_wan_yuan=0.0)
            await _put(node, "b-1", park="p2", area_mu=50.0)
            await until(lambda: [city.host.store.applied_through(park) for park in PARKS] == [3, 1])
            entries = (await _get(city, "land-parcel"))["entries"]
            assert [(each["park"], each["entry"], each["version"]) for each in entries] == [
                ("p1", "a-1", 1),
                ("p1", "a-2", 2),
                ("p2", "b-1", 1),
            ]
            assert not any("holder" in each["fields"] for each in entries)
            (p1, p2) = (await _get(city, "land-parcel/summary"))["groups"]
            assert (p1["group"], p1["measures"]) == (
                "p1",
                {"parcels": 2.0, "area_mu": 200.0, "idle_share": 0.5, "output_per_mu_wan_yuan": 15.0},
            )
            assert p2["measures"]["output_per_mu_wan_yuan"] == 60.0
            (idle, used) = (await _get(city, "land-parcel/summary?by=status&park=p1"))["groups"]
            assert (idle["group"], idle["entries"], used["group"]) == ("idle", 1, "in-use")


@pytest.mark.parametrize(
    ("fields", "by", "message"),
    [
        ({"area_mu": -1}, "li", "fields.area_mu: expected a number of at least 0, found -1"),
        ({"status": "sold"}, "li", "fields.status: expected reserved or under-construction or in-use or idle"),
        ({"colour": "red"}, "li", "fields.colour: expected"),
        ({}, "", "by: expected 1 to 200 characters, found ''"),
    ],
)
async def test_a_faulty_entry_is_refused(tmp_path: Path, fields: dict[str, Any], by: str, message: str) -> None:
    """The fault is named, and nothing is kept."""
    async with running_park(tmp_path) as node:
        answer = await _put(node, "a-1", by=by, **fields)
        assert (answer.status_code, message in answer.json()["detail"]) == (422, True)
        assert (await _get(node, "land-parcel"))["entries"] == []


async def test_unknown_registers_and_groups_are_refused(tmp_path: Path) -> None:
    """The answer lists what there is."""
    async with running_park(tmp_path) as node:
        headers = node.bearer("auditor")
        unknown = await node.client.get("/v1/registers/ships", headers=headers)
        assert (unknown.status_code, "expected economy-report or" in unknown.json()["detail"]) == (404, True)
        grouped = await node.client.get("/v1/registers/project/summary?by=title", headers=headers)
        assert (grouped.status_code, "park or industry or milestone" in grouped.json()["detail"]) == (400, True)


def test_the_registers_hold_together() -> None:
    """The file is free of contradictions, and every register is one of a function of the plan."""
    assert {register.function for register in registers().values()} >= {
        "economy", "land", "buildings", "projects", "industries", "map", "identifiers",
    }  # fmt: skip
