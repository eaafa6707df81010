"""A park's people over HTTP: all that they hand in during a simulated morning is taken."""

from pathlib import Path

import httpx
import msgspec
import pytest
from transport_nodes import ParkTestNode, running_park

from contract.cases import case_id
from scenarios.model import find
from sim.trace import CaseActing, RegisterWriting, Request, Trace

pytestmark = pytest.mark.anyio
MORNING = msgspec.structs.replace(
    find("pilot-2019"), parks=find("pilot-2019").parks[:1], incidents=(), requests_per_enterprise_hour=60.0
)


async def _hand_in(node: ParkTestNode, one: Request | CaseActing | RegisterWriting) -> httpx.Response:
    if isinstance(one, Request):
        path, role, body = "cases", "enterprise", msgspec.to_builtins(one.application)
    elif isinstance(one, CaseActing):
        path, role = f"cases/{case_id('p1', *one.case_request)}/acts", one.actor
        body = msgspec.to_builtins(one.act)
    else:
        path, role, body = f"registers/{one.register}/{one.entry}", "operator", msgspec.to_builtins(one.fields)
        return await node.client.put(f"/v1/parks/p1/{path}", json=body, headers=node.bearer(role, "p1"))
    return await node.client.post(f"/v1/parks/p1/{path}", json=body, headers=node.bearer(role, "p1"))


async def test_a_morning_of_a_park_is_taken(tmp_path: Path) -> None:
    """Each request, act and entry is answered with success, and each case stands where the acts have led it."""
    last: dict[str, str] = {}
    kinds = set()
    async with running_park(tmp_path) as node:
        for one in Trace(MORNING).emissions():
            if isinstance(one, (Request, CaseActing, RegisterWriting)):
                answer = await _hand_in(node, one)
                assert answer.is_success, answer.text
                kinds.add(type(one))
                if isinstance(one, CaseActing):
                    last[answer.json()["case_id"]] = one.act.act
        for identity, act in last.items():
            told = await node.client.get(f"/v1/parks/p1/cases/{identity}", headers=node.bearer("operator"))
            assert told.json()["steps"][-1]["act"] == act
    assert len(last) > 5
    assert kinds == {Request, CaseActing, RegisterWriting}
