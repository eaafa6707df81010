"""What the columns of a table hold: found by their names and by what stands in them, or as the user says."""

from collections.abc import Sequence
from typing import Final, Literal, NamedTuple

from contract.errors import PeerError

Kind = Literal["time", "number", "text", "empty"]
"""What a sample of a column looks like. A number may be an epoch too."""

TIME_NAMES: Final = (
    "time", "timestamp", "datetime", "date_time", "date", "ts", "time_ms", "timestamp_ms", "event_time", "at", "t",
    *(f"{name}_{unit}" for name in ("time", "timestamp", "ts", "epoch") for unit in ("s", "us", "ns")), "epoch_ms",
    "epoch", "utc", "时间", "时间戳", "日期时间", "采集时间", "监测时间", "数据时间", "日期",
)  # fmt: skip
POINT_NAMES: Final = (
    "point", "tag", "tagname", "tag_name", "point_name", "signal", "sensor", "series", "metric", "variable", "channel",
    "name", "id", "测点", "点名", "位号", "测点名称", "点位", "传感器", "名称",
)  # fmt: skip
VALUE_NAMES: Final = ("value", "val", "reading", "measurement", "v", "y", "值", "数值", "测量值", "监测值", "数据")
LONG_COLUMNS: Final = 3


class Asked(NamedTuple):
    """What the user says about the columns."""

    wide: bool = False
    time: str | None = None
    point: str | None = None
    value: str | None = None
    label: str | None = None


class Shape(NamedTuple):
    """Which column holds what, by place.

    Attributes:
        time: the time of the row.
        point, value: of a long table; None for a wide one.
        wide: columns of points, of a wide table.
        label: set where the row is known to be abnormal.
        left_out: columns that are none of these.
    """

    time: int
    point: int | None
    value: int | None
    wide: tuple[int, ...]
    label: int | None
    left_out: tuple[int, ...]

    @property
    def is_long(self) -> bool:
        """Does a row hold one reading?"""
        return self.point is not None


def find_shape(file: str, names: Sequence[str], kinds: Sequence[Kind], asked: Asked) -> Shape:
    """Which column holds what.

    Args:
        file: for messages.
        names: names of the columns; they differ.
        kinds: what stands in them.
        asked: what the user says.

    Raises:
        PeerError: there is no such column, no time, or nothing to read.
    """
    label = _asked(file, names, asked.label, "--label-column")
    time = _asked(file, names, asked.time, "--time-column")
    if time is None:
        time = _time(file, names, kinds)
    point = _asked(file, names, asked.point, "--point-column")
    value = _asked(file, names, asked.value, "--value-column")
    if not asked.wide:
        free = [place for place in range(len(names)) if place not in {time, label, point, value}]
        point, value = _long(names, kinds, free, point, value)
    if point is not None and value is not None and not asked.wide:
        used = {time, label, point, value}
        left = tuple(place for place in range(len(names)) if place not in used)
        return Shape(time, point, value, (), label, left)
    others = [place for place in range(len(names)) if place not in {time, label}]
    wide = tuple(place for place in others if kinds[place] in {"number", "empty"})
    if not any(kinds[place] == "number" for place in wide):
        raise PeerError(
            "no values",
            where=file,
            found=f"columns {_listed(names)} without numbers beside the time",
            wanted="columns time, point, value, or a time and a column of numbers for each point",
        )
    left = tuple(place for place in others if place not in wide)
    return Shape(time, None, None, wide, label, left)


def _asked(file: str, names: Sequence[str], name: str | None, option: str) -> int | None:
    if name is None:
        return None
    if name in names:
        return names.index(name)
    raise PeerError("no such column", where=f"{file}: {option}", found=repr(name), wanted=f"one of {_listed(names)}")


def _time(file: str, names: Sequence[str], kinds: Sequence[Kind]) -> int:
    """The column of times: by its name, else the first that looks like one."""
    place = _named(names, TIME_NAMES, range(len(names)))
    if place is None:
        place = next((place for place, kind in enumerate(kinds) if kind == "time"), None)
    if place is None:
        raise PeerError(
            "no time column",
            where=file,
            found=f"columns {_listed(names)}",
            wanted='a column of times with a name such as "time" or "timestamp", or --time-column NAME',
        )
    return place


def _long(
    names: Sequence[str], kinds: Sequence[Kind], free: Sequence[int], point: int | None, value: int | None
) -> tuple[int | None, int | None]:
    """Columns of the point and its value: by name, else the only text beside the only number."""
    by_name = (
        _named(names, POINT_NAMES, free) if point is None else point,
        _named(names, VALUE_NAMES, free) if value is None else value,
    )
    if None not in by_name:
        return by_name
    texts = [place for place in free if kinds[place] == "text"]
    numbers = [place for place in free if kinds[place] == "number"]
    point = texts[0] if point is None and len(texts) == 1 else point
    value = numbers[0] if value is None and len(numbers) == 1 else value
    return point, value


def _named(names: Sequence[str], wanted: Sequence[str], among: Sequence[int]) -> int | None:
    """The column among some whose name comes first in `wanted`."""
    place_of = {names[place].strip().lower(): place for place in reversed(among)}
    return next((place_of[name] for name in wanted if name in place_of), None)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:12])
    return f"{shown}, ... ({len(names)} columns)" if len(names) > 12 else shown  # noqa: PLR2004 - fits a few lines
