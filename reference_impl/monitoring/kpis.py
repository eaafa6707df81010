"""Key figures of alarm management (ISA-18.2, EEMUA 191) and what is recommended (see SEMANTICS.md, O)."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import ceil
from typing import Final, Literal, NamedTuple, get_args

import msgspec

from contract.alarms import AlarmFlood, AlarmKpiReport, AlarmKpis, BadActor, KpiVerdict
from contract.messages import Alert, Priority
from reference_impl.monitoring.flood import FLOOD_BEGINS_ABOVE, FLOOD_WINDOW_MS, floods

HOUR_MS: Final = 3_600_000
STALE_MS: Final = 24 * HOUR_MS
BAD_ACTORS: Final = 10
EVERY_PARK: Final = "*"
_PRIORITIES: Final[tuple[Priority, ...]] = get_args(Priority)


class Recommended(NamedTuple):
    """What a figure should be at most, who says so, and how sure that is (see `KpiVerdict.mark`)."""

    figure: str
    max: float
    source: str
    mark: Literal["S", "M", "A"]


# None of the standards' texts was at hand: S stands in articles about them, M is as remembered.
RECOMMENDED: Final = (
    Recommended("per_10_min_mean", 1.0, "EEMUA 191, acceptable steady rate", "S"),
    Recommended("per_hour_mean", 6.0, "ISA-18.2-2016, very likely to be acceptable", "M"),
    Recommended("per_10_min_max", 10.0, "EEMUA 191, manageable in the first 10 minutes after an upset", "M"),
    Recommended("share_10_min_above_10", 0.01, "ISA-18.2-2016", "M"),
    Recommended("share_in_flood", 0.01, "ISA-18.2-2016", "M"),
    Recommended("top_10_share", 0.05, "ISA-18.2-2016", "M"),
    Recommended("high_share", 0.05, "EEMUA 191 and ISA-18.2, about 5 %", "S"),
    Recommended("medium_share", 0.15, "EEMUA 191 and ISA-18.2, about 15 %", "S"),
    Recommended("chattering", 0.0, "ISA-18.2-2016", "M"),
    Recommended("stale", 5.0, "ISA-18.2-2016, fewer than 5 on any day", "M"),
)


class _Counts(NamedTuple):
    """Alarms of a period by equal spans of it; the last span may be cut short."""

    counts: list[int]
    mean: float
    max: int


def report(alerts: Iterable[Alert], begin_ms: int, end_ms: int, parks: Collection[str]) -> AlarmKpiReport:
    """Key figures of [begin_ms, end_ms) of each of `parks`, and of them all as one desk.

    Args:
        alerts: every alert of these parks that was raised in the period or stood at its end; others are passed over.
        begin_ms: begin of the period in event time, Unix milliseconds.
        end_ms: its end, not included.
        parks: their ids.
    """
    of_park: dict[str, list[Alert]] = {park: [] for park in sorted(parks)}
    for alert in alerts:
        if alert.park in of_park:
            of_park[alert.park].append(alert)
    everything = [alert for each in of_park.values() for alert in each]
    return AlarmKpiReport(
        from_ms=begin_ms,
        to_ms=end_ms,
        together=kpis(everything, begin_ms, end_ms, EVERY_PARK),
        parks=[kpis(each, begin_ms, end_ms, park) for park, each in of_park.items()],
    )


def kpis(alerts: Sequence[Alert], begin_ms: int, end_ms: int, park: str) -> AlarmKpis:
    """Key figures of one desk.

    Args:
        alerts: its alerts that were raised in the period or stood at its end.
        begin_ms: begin of the period.
        end_ms: its end, not included.
        park: its name.
    """
    raised = [alert for alert in alerts if begin_ms <= alert.raised_ms < end_ms]
    shown = [alert for alert in raised if alert.annunciated_ms is not None]
    times = [alert.raised_ms for alert in shown]
    hours, tens = (_counts(times, begin_ms, end_ms, span_ms) for span_ms in (HOUR_MS, FLOOD_WINDOW_MS))
    found = floods(times, end_ms)
    states = Counter(alert.state for alert in raised)
    stood = [
        each for each in alerts if each.raised_ms < end_ms and (each.cleared_ms is None or each.cleared_ms >= end_ms)
    ]
    waits_s = sorted(_waits_s(shown))
    actors = _bad_actors(shown)
    figures = AlarmKpis(
        park=park,
        alarms=len(shown),
        per_hour_mean=hours.mean,
        per_hour_max=hours.max,
        per_10_min_mean=tens.mean,
        per_10_min_max=tens.max,
        share_10_min_above_10=sum(count > FLOOD_BEGINS_ABOVE for count in tens.counts) / len(tens.counts),
        share_in_flood=_time_in(found, end_ms) / (end_ms - begin_ms),
        floods=found,
        priorities={each: sum(alert.priority == each for alert in shown) for each in _PRIORITIES},
        top_10=actors,
        top_10_share=sum(actor.alarms for actor in actors) / len(shown) if shown else 0.0,
        chattering=len({(alert.park, alert.point, alert.rule) for alert in raised if alert.chattering}),
        standing=len(stood),
        stale=sum(end_ms - alert.raised_ms > STALE_MS for alert in stood),
        unacknowledged=states["UNACK"] + states["RTNUN"],
        shelved=states["SHLVD"],
        suppressed=states["DSUPR"],
        out_of_service=states["OOSRV"],
        acknowledged=len(waits_s),
        acknowledge_s_p50=_percentile(waits_s, 0.5),
        acknowledge_s_p95=_percentile(waits_s, 0.95),
        escalated=sum(alert.escalated_ms is not None for alert in raised),
        verdicts=[],
    )
    return _judged(figures)


def _counts(times: Iterable[int], begin_ms: int, end_ms: int, span_ms: int) -> _Counts:
    counts = [0] * -(-(end_ms - begin_ms) // span_ms)
    for at_ms in times:
        counts[(at_ms - begin_ms) // span_ms] += 1
    return _Counts(counts, sum(counts) * span_ms / (end_ms - begin_ms), max(counts))


def _time_in(found: Iterable[AlarmFlood], end_ms: int) -> int:
    return sum((end_ms if flood.end_ms is None else flood.end_ms) - flood.begin_ms for flood in found)


def _bad_actors(shown: Sequence[Alert]) -> list[BadActor]:
    counts = Counter((alert.park, alert.point, alert.rule) for alert in shown)
    worst = sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:BAD_ACTORS]
    return [
        BadActor(park=park, point=point, rule=rule, alarms=count, share=count / len(shown))
        for (park, point, rule), count in worst
    ]


def _waits_s(shown: Iterable[Alert]) -> Iterable[float]:
    for alert in shown:
        if alert.acknowledged_ms is not None and alert.annunciated_ms is not None:
            yield (alert.acknowledged_ms - alert.annunciated_ms) / 1000


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    """The smallest value that at least `share` of all do not exceed; None of none."""
    return ordered[ceil(share * len(ordered)) - 1] if ordered else None


def _judged(figures: AlarmKpis) -> AlarmKpis:
    """The figures with a verdict on each that a value is recommended for."""
    found = {**msgspec.structs.asdict(figures), **_priority_shares(figures)}
    if (
        figures.top_10_share == 1.0 or not figures.alarms
    ):  # no more than ten alarms ever came: there is nothing to compare
        found["top_10_share"] = None
    verdicts = [
        KpiVerdict(
            figure=each.figure,
            found=found[each.figure],
            wanted_max=each.max,
            met=found[each.figure] is None or found[each.figure] <= each.max,
            source=each.source,
            mark=each.mark,
        )
        for each in RECOMMENDED
    ]
    return msgspec.structs.replace(figures, verdicts=verdicts)


def _priority_shares(figures: AlarmKpis) -> dict[str, float | None]:
    return {
        f"{priority}_share": count / figures.alarms if figures.alarms else None
        for priority, count in figures.priorities.items()
    }
