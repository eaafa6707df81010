"""Derived views: figures over events, readings, cases and alerts, by group, as `contract/catalogue/views.yaml` says."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from contract.catalogue.views import Measure, ViewPlan, answers, views
from contract.errors import PeerError
from contract.views import View, ViewList, ViewMeasure, ViewRow, ViewTable
from reference_impl.park.view_groups import HOUR_MS, Clock, Fields, Item, Period, clock, label_of
from reference_impl.park.view_readings import PointReadings, reading_figures

Figures = dict[str, float]


class Material(NamedTuple):
    """What the figures of a view are made of, within the period unless said otherwise.

    Attributes:
        events: of the kinds that the view names, in order of time.
        before: of each device and kind whose state is wanted the newest event before the period.
        cases, alerts: by opening and by onset.
        readings: by the measure's glob.
    """

    events: Sequence[Item] = ()
    before: Sequence[Item] = ()
    cases: Sequence[Item] = ()
    alerts: Sequence[Item] = ()
    readings: Mapping[str, PointReadings] = {}


def view_list() -> ViewList:
    """All views, as they are told."""
    return ViewList(
        views=[
            View(
                view=plan.view,
                subsystem=plan.subsystem,
                name_en=plan.name_en,
                name_zh=plan.name_zh,
                groups=list(plan.groups),
                measures=[
                    ViewMeasure(measure=each.measure, name_en=each.name_en, name_zh=each.name_zh, unit=each.unit)
                    for each in plan.measures
                ],
            )
            for plan in views().plans.values()
        ]
    )


def view_of(name: str, by: str | None) -> tuple[ViewPlan, str]:
    """The view of a name and the group asked for, its first by default.

    Raises:
        PeerError: 404 there is no such view, 400 it is not grouped so.
    """
    plans = views().plans
    if name not in plans:
        raise PeerError("unknown view", status=404, where="view", found=repr(name), wanted=" or ".join(sorted(plans)))
    plan = plans[name]
    if by is not None and by not in plan.groups:
        wanted = " or ".join(plan.groups)
        raise PeerError("invalid parameter", status=400, where="query.by", found=repr(by), wanted=wanted)
    return plan, by or plan.groups[0]


def over_by(asked: Period, now_ms: int) -> Period:
    """The part of a period that is over, since 1970: what is to come is no time in a state and no missing reading."""
    begin_ms = max(asked.begin_ms, 0)
    return Period(begin_ms, max(begin_ms, min(asked.end_ms, now_ms)))


def table(plan: ViewPlan, asked: Period, by: str, found: Mapping[str, Figures], rows: int) -> ViewTable:
    """The answer of a view, `rows` rows at most."""
    told = [ViewRow(group=group, measures=found[group]) for group in sorted(found)]
    return ViewTable(
        view=plan.view,
        by=by,
        from_ms=asked.begin_ms,
        to_ms=asked.end_ms,
        rows=told[:rows],
        truncated=len(told) > rows,
    )


def grouped(plan: ViewPlan, by: str, park: str, period: Period, material: Material) -> dict[str, Figures]:
    """The figures by group and measure; a group without any figure is absent.

    Args:
        plan: the view.
        by: one of its groups.
        park: id of the park.
        period: as far as it is over (`over_by`).
        material: of the period.
    """
    if period.begin_ms >= period.end_ms:
        return {}
    spans = clock(by, period, views().shifts)
    found: dict[str, Figures] = {}
    for measure in plan.measures:
        if not answers(measure, by):
            continue
        for group, figure in _figures(measure, by, park, spans, material).items():
            found.setdefault(group, {})[measure.measure] = figure
    return found


def _figures(measure: Measure, by: str, park: str, spans: Clock, material: Material) -> Figures:
    if measure.source == "readings":
        return reading_figures(measure, by, park, spans, material.readings[measure.readings])
    if measure.how in {"time", "time_share"}:
        return _times(measure, by, park, spans, material)
    groups: dict[str, list[Item]] = {}
    for item in _items(measure, material):
        label = label_of(by, item, park, spans)
        if label is not None:
            groups.setdefault(label, []).append(item)
    worked_out = {label: _figure(measure, members) for label, members in groups.items()}
    return {label: figure for label, figure in worked_out.items() if figure is not None}


def _items(measure: Measure, material: Material) -> Iterable[Item]:
    if measure.source == "cases":
        return (each for each in material.cases if each.kind in measure.cases and fits(each, measure.where))
    if measure.source == "alerts":
        return (each for each in material.alerts if fits(each, measure.where))
    kinds = {*measure.events, *measure.other}
    return (each for each in material.events if each.kind in kinds and fits(each, measure.where))


def fits(item: Item, where: Mapping[str, Sequence[object]]) -> bool:
    """Has the item one of these values in each of these fields?"""
    return all(item.fields.get(name) in values for name, values in where.items())


def _figure(measure: Measure, members: list[Item]) -> float | None:
    if measure.newest:
        members = list({(each.zone, each.device): each for each in members}.values())
    if measure.field:
        return _of_field(measure, [each.fields for each in members])
    others = sum(each.kind in measure.other for each in members)
    own = len(members) - others
    if measure.how == "balance":
        return float(own - others)
    if measure.how == "ratio":
        return own / others if others else None
    if measure.how == "share":
        return sum(_is_fitting(measure, each) for each in members) / own
    return float(own)


def _is_fitting(measure: Measure, item: Item) -> bool:
    wanted = measure.fits
    return wanted is not None and (not wanted.kinds or item.kind in wanted.kinds) and fits(item, wanted.where)


def _of_field(measure: Measure, members: list[Fields]) -> float | None:
    values = [fields[measure.field] for fields in members if measure.field in fields]
    if measure.how == "distinct":
        return float(len({(type(value), value) for value in values}))
    numbers = [float(value) for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    return _OVER_NUMBERS[measure.how](numbers) if numbers else None


def _mean(numbers: list[float]) -> float:
    return sum(numbers) / len(numbers)


_OVER_NUMBERS: dict[str, Callable[[list[float]], float]] = {
    "sum": sum,
    "mean": _mean,
    "min": min,
    "max": max,
    "last": lambda numbers: numbers[-1],
}


def _times(measure: Measure, by: str, park: str, spans: Clock, material: Material) -> Figures:
    """Hours in the states that fit, or their part of the time for which the state is known."""
    fitting: dict[str, int] = {}
    known: dict[str, int] = {}
    for begin, end, item in _stays(measure, material, spans.period):
        is_fitting = _is_fitting(measure, item)
        for place in range(spans.place(begin), spans.place(end - 1) + 1):
            here = spans.begins_ms[place]
            following = spans.begins_ms[place + 1] if place + 1 < len(spans.begins_ms) else end
            label = label_of(by, item._replace(at_ms=here), park, spans)
            if label is not None:
                stayed = min(end, following) - max(begin, here)
                known[label] = known.get(label, 0) + stayed
                fitting[label] = fitting.get(label, 0) + (stayed if is_fitting else 0)
    if measure.how == "time":
        return {label: stayed / HOUR_MS for label, stayed in fitting.items()}
    return {label: stayed / known[label] for label, stayed in fitting.items()}


def _stays(measure: Measure, material: Material, period: Period) -> Iterable[tuple[int, int, Item]]:
    """Begin, end and the item that told it, for each state of each device within the period, none of them empty."""
    told: dict[tuple[str, str], list[Item]] = {}
    for source in (material.before, material.events):
        for item in source:
            if item.kind in measure.events and fits(item, measure.where):
                told.setdefault((item.zone, item.device), []).append(item)
    for items in told.values():
        ends = [*(item.at_ms for item in items[1:]), period.end_ms]
        for item, end in zip(items, ends, strict=True):
            begin = max(item.at_ms, period.begin_ms)
            if begin < min(end, period.end_ms):
                yield begin, min(end, period.end_ms), item
