"""Forms filled in from an enterprise's state.

A field of one name means the same on every form, so each name has one source. What is random comes from the firm's own
stream for papers, so that what a firm writes never changes what it does.
"""

import functools
from collections.abc import Callable
from math import ceil
from typing import NamedTuple

from contract.catalogue import Matter
from contract.catalogue.model import Entry
from sim.world.economy.calendar import DAY_MS, date_of, day_of
from sim.world.economy.enterprise import Enterprise, Need
from sim.world.economy.written import Figure, read

Value = str | int | float | bool


class Prices(Entry, frozen=True, kw_only=True):
    """What forms need beyond a firm's state; `paperwork.yaml` says what each figure means and where it comes from."""

    work_days_month: Figure
    work_days_year: Figure
    salary_cny_month: Figure
    machine_cny: Figure
    research_cny_staff: Figure
    tax_share: Figure
    loan_share: Figure
    peak_factor: Figure
    installed_factor: Figure
    growth_factor: Figure
    pallet_t: Figure
    area_m2_t: Figure
    changed_share: Figure
    collateral_share: Figure
    gas_tested_share: Figure
    hurt_share: Figure
    pretreated_share: Figure
    remote_share: Figure
    partner_park_share: Figure


@functools.cache
def prices() -> Prices:
    """The figures as they are written."""
    return read("paperwork.yaml", Prices)


class Paper(NamedTuple):
    """What a form is filled in from.

    Attributes:
        firm: who asks, settled up to now.
        matter: what for.
        code: why, as the request carries it.
        need: the need behind it, if there is one.
        time_ms: now.
        parks: ids of the parks of the catalogue, for destinations.
        form: what is filled in so far, so that later fields agree with it.
    """

    firm: Enterprise
    matter: Matter
    code: str
    need: Need | None
    time_ms: float
    parks: tuple[str, ...]
    form: dict[str, Value]

    def uniform(self) -> float:
        """A number from 0 to 1."""
        return self.firm.paper.uniform()

    def chance(self, share: Figure) -> bool:
        """True in a share of cases."""
        return self.firm.paper.uniform() < share.value

    def around(self, median: float, sigma: float = 0.3) -> float:
        """A number around a median."""
        return self.firm.paper.log_normal(median, sigma)

    def pick(self, field: str) -> str:
        """One of the choices of a field of this form."""
        for one in self.matter.form:
            if one.name == field:
                return one.choices[int(self.uniform() * len(one.choices))]
        raise KeyError(field)

    def hours(self) -> float:
        """Hours that the need is about; else the work in hand."""
        return self.need.hours if self.need is not None and self.need.hours else max(self.firm.book_h, 1.0)

    def day(self, days_ahead: float) -> str:
        """A date so many days from today, such as 2020-12-15."""
        return date_of(day_of(self.time_ms + days_ahead * DAY_MS)).isoformat()


def fill_in(paper: Paper) -> dict[str, Value]:
    """The form of a matter, its fields in the catalogue's order."""
    form = paper.form
    for field in paper.matter.form:
        form[field.name] = _FIELDS[field.name](paper)
    return form


def fields() -> frozenset[str]:
    """Names of all fields that firms know how to fill in."""
    return frozenset(_FIELDS)


def _money(value: float) -> float:
    return float(max(1, round(value)))


def _monthly_sales_cny(paper: Paper) -> float:
    firm = paper.firm
    return paper.around(firm.staff * firm.family.sales_cny_staff_year / 12, 0.2)


def _hourly_sales_cny(paper: Paper) -> float:
    firm = paper.firm
    return firm.staff * firm.family.sales_cny_staff_year / (prices().work_days_year.value * 8)


def _energy_kwh(paper: Paper) -> float:
    """Electricity in a month: mean power over the month's hours of work."""
    return paper.around(paper.firm.power_kw * prices().work_days_month.value * 8 * (paper.firm.shift + 1), 0.2)


def _peak_kw(paper: Paper) -> float:
    return paper.around(paper.firm.power_kw * prices().peak_factor.value, 0.1)


def _installed_kva(paper: Paper) -> float:
    return float(ceil(paper.firm.power_kw * prices().installed_factor.value / 50) * 50)


def _flow_m3_day(paper: Paper) -> float:
    firm = paper.firm
    return paper.around(firm.staff * firm.family.water_l_staff_day / 1000)


def _tons(paper: Paper) -> float:
    """Goods of the hours that the paper is about."""
    firm = paper.firm
    return paper.hours() * firm.staff * firm.family.t_per_staff_day / 8


def _period(paper: Paper) -> str:
    """The period that ended last before today: the year, the quarter or the month."""
    date = date_of(day_of(paper.time_ms))
    if paper.matter.code == "annual-report":
        return str(date.year - 1)
    quarterly = paper.matter.code in ("emission-report", "hazard-report") or paper.code == "deadline:tax-quarterly"
    if quarterly:
        quarter = (date.month - 1) // 3
        return f"{date.year}-Q{quarter}" if quarter else f"{date.year - 1}-Q4"
    return f"{date.year}-{date.month - 1:02d}" if date.month > 1 else f"{date.year - 1}-12"


def _sales(paper: Paper) -> float:
    months = {"annual-report": 12}.get(paper.matter.code, 3 if paper.code == "deadline:tax-quarterly" else 1)
    return _money(_monthly_sales_cny(paper) * months)


def _cause(paper: Paper) -> str:
    if paper.code.startswith("interrupted"):
        return "incident"
    return "late-input" if paper.code == "late-delivery" else "machine-stop"


def _partner(paper: Paper) -> str:
    return paper.need.partner if paper.need is not None and paper.need.partner else "open"


def _request(paper: Paper) -> str:
    if paper.need is not None and paper.need.request:
        return paper.need.request
    return paper.firm.posted_request or f"{paper.firm.name}-r00001"


def _weight_t(paper: Paper) -> float:
    return round(max(paper.firm.load_t, 0.1), 1)


def _destination(paper: Paper) -> str:
    """The park of a partner elsewhere, or any park."""
    partners = [link for link in paper.firm.suppliers if not link.name.startswith(paper.firm.park)]
    if partners and paper.chance(prices().partner_park_share):
        return partners[0].name.rpartition("-e")[0]
    return paper.parks[int(paper.uniform() * len(paper.parks))]


_FIELDS: dict[str, Callable[[Paper], Value]] = {
    "amount_cny": lambda paper: _money(paper.hours() * _hourly_sales_cny(paper)),
    "area_m2": lambda paper: float(ceil(max(1.0, _tons(paper) * prices().area_m2_t.value))),
    "budget_cny": lambda paper: _money(paper.around(paper.firm.staff * prices().research_cny_staff.value, 0.8)),
    "capacity_h": lambda paper: round(paper.hours() * paper.firm.machines, 1),
    "cause": _cause,
    "changed": lambda paper: paper.chance(prices().changed_share),
    "cod_kg": lambda paper: round(float(paper.form["flow_m3"]) * paper.firm.family.cod_mg_l / 1000, 1),
    "cod_mg_l": lambda paper: round(paper.around(paper.firm.family.cod_mg_l), 1),
    "collateral": lambda paper: paper.chance(prices().collateral_share),
    "dangerous": lambda paper: paper.uniform() < paper.firm.family.dangerous_goods_share,
    "date": lambda paper: paper.day(1 + paper.uniform() * 10),
    "days": lambda paper: 1 + ceil(paper.hours() / 8),
    "destination": _destination,
    "documents": lambda paper: 1 + int(paper.uniform() * 4),
    "energy_kwh": lambda paper: round(_energy_kwh(paper), 1),
    "expires": lambda paper: paper.day(60 + paper.uniform() * 30),
    "field": lambda paper: paper.firm.family.goods,
    "flow_m3": lambda paper: round(_flow_m3_day(paper) * prices().work_days_month.value * 3, 1),
    "flow_m3_day": lambda paper: round(_flow_m3_day(paper), 1),
    "free_from": lambda paper: paper.day(paper.uniform() * 3),
    "gas_tested": lambda paper: paper.chance(prices().gas_tested_share),
    "goods": lambda paper: paper.firm.family.goods,
    "grade": lambda paper: paper.pick("grade"),
    "hazards_fixed": lambda paper: int(paper.form["hazards_found"]) - int(paper.uniform() * 4),
    "hazards_found": lambda paper: 5 + int(paper.around(2.0 + paper.firm.machines / 20, 0.6)),
    "hours": lambda paper: 1 + int(paper.uniform() * 7),
    "installed_kva": _installed_kva,
    "insured": lambda paper: max(1, round(paper.firm.staff * (0.9 + 0.1 * paper.uniform()))),
    "investment_cny": lambda paper: _money(paper.around(paper.firm.machines * prices().machine_cny.value, 0.6)),
    "late_h": lambda paper: round(max(paper.hours() if paper.need else paper.firm.behind_h, 0.0), 1),
    "machines": lambda paper: paper.firm.machines,
    "maturity": lambda paper: 4 + int(paper.uniform() * 6),
    "months": lambda paper: (3, 6, 12, 24)[int(paper.uniform() * 4)],
    "needed_by": lambda paper: paper.day(2 + paper.uniform() * 14),
    "order_cny": lambda paper: _money(float(paper.form["amount_cny"]) / prices().loan_share.value),
    "outlet": lambda paper: f"outlet-{1 + int(paper.uniform() * 3)}",
    "output_cny": lambda paper: _money(_monthly_sales_cny(paper)),
    "pallets": lambda paper: ceil(float(paper.form["weight_t"]) / prices().pallet_t.value),
    "partner": _partner,
    "payroll_cny": lambda paper: _money(paper.around(paper.firm.staff * prices().salary_cny_month.value, 0.1)),
    "peak_kw": lambda paper: round(_peak_kw(paper), 1),
    "people_hurt": lambda paper: paper.chance(prices().hurt_share),
    "period": _period,
    "permit": lambda paper: "discharge" if paper.firm.family.emitter else paper.pick("permit"),
    "persons": lambda paper: 2 + int(paper.around(8.0, 0.6)),
    "place": lambda paper: f"zone-{paper.firm.zone:02d}",
    "pretreated": lambda paper: paper.chance(prices().pretreated_share),
    "project": lambda paper: f"{paper.firm.name}-{paper.matter.code}-{paper.firm.requests_made}",
    "quantity_t": lambda paper: round(_tons(paper), 1),
    "ready": lambda paper: paper.day(paper.uniform() * 2),
    "remote": lambda paper: paper.chance(prices().remote_share),
    "request": _request,
    "sales_cny": _sales,
    "samples": lambda paper: 1 + int(paper.around(3.0, 0.6)),
    "seats": lambda paper: 1 + int(paper.firm.staff * paper.uniform() * 0.5),
    "skill": lambda paper: paper.pick("skill"),
    "software": lambda paper: paper.pick("software"),
    "staff": lambda paper: paper.firm.staff,
    "stopped_h": lambda paper: round(paper.hours(), 1),
    "stops": lambda paper: paper.firm.stops_total,
    "tax_cny": lambda paper: _money(float(paper.form["sales_cny"]) * prices().tax_share.value),
    "test": lambda paper: paper.pick("test"),
    "vacancies": lambda paper: 1 + int(paper.uniform() * (1 + paper.firm.staff / 50)),
    "wanted_kva": lambda paper: round(float(paper.form["installed_kva"]) * prices().growth_factor.value, 1),
    "weight_t": _weight_t,
    "why": lambda paper: "sold-out" if paper.firm.book_h else "no-longer-needed",
    "workers": lambda paper: 1 + int(paper.uniform() * 4),
}
