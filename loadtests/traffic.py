"""Where a run's traffic comes from: a scenario's world, or a recording."""

from pathlib import Path

from contract import catalogue
from contract.cases import case_id
from contract.rules import RuleSet
from loadtests.targets import ActOnCase, Handed, WriteEntry
from scenarios.model import Scenario
from sim.recorded import RecordedTrace
from sim.trace import CaseActing, Event, RegisterWriting, Request, Trace

Traffic = Trace | RecordedTrace


def traffic(scenario: Scenario, recording: str, *, shard: tuple[int, int] = (0, 1), replication: int = 0) -> Traffic:
    """The trace of a run.

    Args:
        scenario: what to simulate; a recording has its own.
        recording: directory of a recorded trace; "" for none.
        shard: (i, n): of the parks only every n-th, from the i-th.
        replication: number of the repetition; a recording is of one.

    Raises:
        TraceFileError: the recording cannot be used.
        ScenarioError: the scenario cannot be lived.
    """
    if recording:
        return RecordedTrace(Path(recording), shard=shard)
    return Trace(scenario, shard=shard, replication=replication)


def rules_of(scenario: Scenario) -> RuleSet:
    """The rules that a platform is told for this scenario."""
    return catalogue.full_rules() if scenario.rules == "all" else catalogue.standard_rules()


def handed(emission: Event | Request | CaseActing | RegisterWriting) -> tuple[str, Handed]:
    """What is handed in to the platform for an emission, and the kind under which it is counted."""
    if isinstance(emission, Request):
        return f"case:{emission.application.matter}", emission.application
    if isinstance(emission, Event):
        return f"event:{emission.message.subsystem}", emission.message
    if isinstance(emission, CaseActing):
        identity = case_id(emission.park, *emission.case_request)
        return f"act:{emission.act.act}", ActOnCase(identity, emission.act, emission.actor)
    return f"register:{emission.register}", WriteEntry(emission.register, emission.entry, emission.fields)
