"""Acts on cases and entries of registers on their way from the world to a platform."""

from typing import get_args

import msgspec
import pytest
from load_server import Server

from contract.cases import CaseAct, CaseApplication, case_id
from contract.messages import Credential, CredentialFile, Point, PointList, Role
from contract.registers import EntryFields, Fields
from contract.rules import RuleSet
from loadtests.simulation import Faults, simulate
from loadtests.targets import ActOnCase, Outcome, WriteEntry
from loadtests.targets.contract_http import ContractHttp
from loadtests.targets.in_process import InProcess
from loadtests.traffic import handed
from scenarios.model import find
from sim.trace import CaseActing, RegisterWriting, Trace

TOKENS = CredentialFile(
    credentials=[
        Credential(token=role, role=role, park="fuling", level="park")
        for role in get_args(Role)
        if role in {"enterprise", "operator"}
    ]
)
ACT = CaseAct(request_id="r-1-a01", act="accept", by="fuling-officer-01")
APPLICATION = CaseApplication(
    request_id="r-1",
    matter="drainage-permit",
    enterprise="e-1",
    form={"outlet": "outlet-1", "flow_m3_day": 9.5, "cod_mg_l": 120.0, "pretreated": True},
)
FIELDS: Fields = {
    "industry": "chemicals",
    "chain_link": "materials",
    "staff": 80,
    "output_wan_yuan": 9.5,
    "contact": "office",
}
ENTRY = EntryFields(by="fuling-administration", fields=FIELDS)


def test_each_kind_is_counted_by_what_it_does() -> None:
    """An act counts under its name and goes to the case of its request; an entry counts under its register."""
    kind, message = handed(CaseActing(1, "fuling", 1, ("e-1", "r-1"), ACT, "operator"))
    assert (kind, message) == ("act:accept", ActOnCase(case_id("fuling", "e-1", "r-1"), ACT, "operator"))
    kind, message = handed(RegisterWriting(1, "fuling", 1, "enterprise", "e-1", ENTRY))
    assert (kind, message) == ("register:enterprise", WriteEntry("enterprise", "e-1", ENTRY))


@pytest.mark.parametrize("actor", ["enterprise", "operator"])
def test_an_act_goes_as_the_contract_says(server: Server, actor: str) -> None:
    """It is posted to its case with the token of the side that acts."""
    target = ContractHttp(server.url, credentials=TOKENS)
    message = msgspec.convert(("c/1", msgspec.to_builtins(ACT), actor), ActOnCase)
    assert target.request("fuling", message) == Outcome(200, ok=True)
    target.close()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/v1/parks/fuling/cases/c%2F1/acts")
    assert asked.headers["authorization"] == f"Bearer {actor}"
    assert msgspec.json.decode(asked.body, type=CaseAct) == ACT


def test_an_entry_goes_as_the_contract_says(server: Server) -> None:
    """It is put to its register and id with an operator's token."""
    target = ContractHttp(server.url, credentials=TOKENS)
    assert target.request("fuling", WriteEntry("enterprise", "e 1", ENTRY)).ok
    target.close()
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("PUT", "/v1/parks/fuling/registers/enterprise/e%201")
    assert asked.headers["authorization"] == "Bearer operator"
    assert msgspec.json.decode(asked.body, type=EntryFields) == ENTRY


def test_the_nodes_in_this_process_take_them() -> None:
    """An act needs its case; what was taken before is a duplicate, also after the node was killed."""
    target = InProcess(lambda: 1_600_000_000_000)
    points = PointList(
        points=[Point(name="env/z01/air-0001/no2", gateway="gw-01", zone="z01", subsystem="env", unit="1")]
    )
    target.provision("fuling", points, RuleSet(version="none", rules=[]))
    act = ActOnCase(case_id("fuling", "e-1", "r-1"), ACT, "operator")
    assert target.request("fuling", act).status == 404
    assert target.request("fuling", APPLICATION).ok
    for message in (act, WriteEntry("enterprise", "e-1", ENTRY)):
        assert target.request("fuling", message) == Outcome(200, ok=True)
        target.kill_park("fuling")
        assert target.request("fuling", message) == Outcome(200, ok=True, duplicate=True)


def test_a_day_with_kills_refuses_nothing() -> None:
    """In virtual time, with nodes killed and messages delivered twice, every act and entry is taken."""
    trace = Trace(find("pilot-2019"), shard=(0, 4))
    done = simulate(trace, faults=Faults(seed=3, kill_chance=0.02, duplicate_chance=0.2))
    assert done.faults["kill_after_commit"] > 0
    assert done.faults["duplicate"] > 0
