"""What becomes of an entry of a register; each change takes the entry as it is and two numbers from 0 to 1."""

from collections.abc import Callable, Mapping

from contract.registers import Fields
from sim.world.office.entries import WORKED_USES, Premises
from sim.world.office.parameters import holdings

Change = Callable[[Premises, Fields, float, float], Fields]
_STAFF_SWING = 0.06  # a firm's staff changes by at most so much at a time (assumption)
_NEXT_STATUS = {"reserved": "under-construction", "under-construction": "in-use", "idle": "in-use"}


def staff(_: Premises, fields: Fields, first: float, __: float) -> Fields:
    """A firm takes people on or lets some go; its output follows."""
    before = int(fields["staff"])
    after = max(1, round(before * (1 + (2 * first - 1) * _STAFF_SWING)))
    return {
        **fields,
        "staff": after,
        "output_wan_yuan": round(float(fields["output_wan_yuan"]) * after / before, 1),
    }


def parcel(premises: Premises, fields: Fields, first: float, second: float) -> Fields:
    """A parcel in use falls idle or changes hands; any other takes its next step."""
    if fields["use"] not in WORKED_USES:
        return fields
    firm = premises.firms[int(second * len(premises.firms))].name
    if fields["status"] == "in-use":
        share = holdings().parcel_statuses["idle"]
        return {**fields, "status": "idle", "output_wan_yuan": 0.0} if first < share else {**fields, "holder": firm}
    return {**fields, "status": _NEXT_STATUS[str(fields["status"])], "holder": firm}


def let(_: Premises, fields: Fields, first: float, second: float) -> Fields:
    """A tenant comes, or leaves; the mean share that is let stays near what it was."""
    known = holdings()
    area_m2, before_m2 = float(fields["area_m2"]), float(fields["let_m2"])
    units = 1 + int(second * 3)
    grows = first < (1 - before_m2 / area_m2) / (1 - known.let_share.value) / 2
    after_m2 = before_m2 + (units if grows else -units) * known.unit_m2.value
    return {**fields, "let_m2": min(max(after_m2, 0.0), area_m2)}


def milestone(_: Premises, fields: Fields, first: float, second: float) -> Fields:
    """A project reaches its next milestone, or falls further behind its plan; a completed one stays as it is."""
    known = holdings()
    stages = list(known.milestone_paid)
    place = stages.index(str(fields["milestone"]))
    if place == len(stages) - 1:
        return fields
    if first < known.delayed_share.value:
        return {**fields, "delay_days": int(fields["delay_days"]) + 1 + int(second * known.delay_days.value)}
    after = stages[place + 1]
    paid = round(float(fields["investment_wan_yuan"]) * known.milestone_paid[after], 1)
    return {**fields, "milestone": after, "paid_wan_yuan": paid}


CHANGES: Mapping[str, Change] = {
    "enterprise": staff,
    "land-parcel": parcel,
    "factory-building": let,
    "project": milestone,
}
"""What changes the entries of a register, by register; the others stay as they are."""
