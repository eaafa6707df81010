"""What HJ 212 segments say, as types: data of four cadences, facility state and hours, start-up, answers, heartbeat."""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, Literal, NamedTuple

import msgspec

from contract.devices.clock import read_time_ms, write_qn, write_time
from contract.devices.fault import Deviations, ProtocolError
from contract.devices.hj212.codes import NumberFormat, number_format
from contract.devices.hj212.segment import ANSWER_WANTED, EDITION_2017, Item, Segment

Cadence = Literal["realtime", "minute", "hour", "day"]
CADENCES: Final[dict[str, Cadence]] = {"2011": "realtime", "2051": "minute", "2061": "hour", "2031": "day"}
_COMMANDS: Final[dict[Cadence, str]] = {cadence: cn for cn, cadence in CADENCES.items()}
SYSTEM_INTERACTION: Final = "91"

_NUMBER: Final = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)")
_FACILITY: Final = re.compile(r"SB([1-9]\d*)-(RS|RT)")
_WIDE: Final = NumberFormat(14, 2)  # N14.2: amounts have no format of their own
_UNKNOWN: Final = NumberFormat(14, 3)
_HOURS: Final = NumberFormat(2, 2)
_MAIN_FIELDS: Final = ("Rtd", "Avg", "Data")


class Logger(msgspec.Struct, frozen=True, kw_only=True):
    """Who speaks: system code, password, identity, and the edition that its Flag tells (1 for 2017, 2 for 2025)."""

    st: str
    pw: str
    mn: str
    edition: int = EDITION_2017


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Values of one factor.

    Attributes:
        code: of the factor, such as "w01018".
        values: by field: Rtd, Min, Avg, Max, ZsRtd, ZsMin, ZsAvg, ZsMax, Cou, Data, DayData, NightData.
        flag: of table 8, "" where none came.
        device_flag: EFlag.
        sample_ms: SampleTime, where it differs from the message's.
    """

    code: str
    values: dict[str, float]
    flag: str = ""
    device_flag: str = ""
    sample_ms: int | None = None


class Data(msgspec.Struct, frozen=True, kw_only=True):
    """Real-time (2011), minute (2051), hour (2061) or day data (2031).

    Attributes:
        time_ms: of the sample; for an interval its start (table 4).
    """

    cadence: Cadence
    time_ms: int
    measured: tuple[Measured, ...]


class FacilityState(msgspec.Struct, frozen=True, kw_only=True):
    """State of treatment facilities (2021), by number.

    0 off, 1 running, 2 calibration, 3 maintenance, 4 alarm, 5 blow-back.
    """

    time_ms: int
    states: dict[int, int]


class FacilityHours(msgspec.Struct, frozen=True, kw_only=True):
    """Running hours of the day (2041), 0 to 24, by the facility's number."""

    time_ms: int
    hours: dict[int, float]


class StartUp(msgspec.Struct, frozen=True, kw_only=True):
    """The logger started again (2081)."""

    time_ms: int
    restart_ms: int


class RequestAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """9011: whether a request will be executed (QnRtn, table 7)."""

    code: int


class ExecutionResult(msgspec.Struct, frozen=True, kw_only=True):
    """9012: how it ended (ExeRtn, table 6)."""

    code: int


class NoticeAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """9013."""


class DataAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """9014."""


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """9015, edition 2025 [S]; answered by 9013."""


class General(msgspec.Struct, frozen=True, kw_only=True):
    """Any other command, or a request without contents, with its parameters as they stand."""

    cn: str
    items: tuple[Item, ...]


_EMPTY: Final[dict[type, str]] = {NoticeAnswer: "9013", DataAnswer: "9014", Heartbeat: "9015"}

Message = (
    Data
    | FacilityState
    | FacilityHours
    | StartUp
    | RequestAnswer
    | ExecutionResult
    | NoticeAnswer
    | DataAnswer
    | Heartbeat
    | General
)


class Reading(NamedTuple):
    """One value at a point of the world."""

    point: str
    time_ms: int
    value: float
    flag: str


def decode(segment: Segment, deviations: Deviations) -> Message:
    """The message in a segment.

    Counts `value-form` (a number that is none: left out) and `facility-form`. A ciphertext is a General without items.

    Raises:
        ProtocolError: it lacks its time or its code, or that is none.
    """
    if segment.ciphertext:
        return General(cn=segment.cn, items=())
    values = segment.values()
    if segment.cn in CADENCES and "DataTime" in values:
        time_ms = read_time_ms(values["DataTime"])
        return Data(cadence=CADENCES[segment.cn], time_ms=time_ms, measured=_measured(segment.items, deviations))
    reader = _READERS.get(segment.cn)
    if reader is None or (not values and segment.cn in ("2021", "2041")):
        return General(cn=segment.cn, items=segment.items)
    return reader(values, deviations)


def _measured(items: tuple[Item, ...], deviations: Deviations) -> tuple[Measured, ...]:
    found: dict[str, Measured] = {}
    for item in items:
        for name, text in item:
            code, dash, field = name.partition("-")
            if dash:
                known = found.get(code)
                if known is None:
                    known = found[code] = Measured(code=code, values={})
                if _NUMBER.fullmatch(text) and field not in ("Flag", "EFlag", "SampleTime"):
                    known.values[field] = float(text)
                else:
                    found[code] = _with_text(known, field, text, deviations)
    return tuple(found.values())


def _with_text(known: Measured, field: str, text: str, deviations: Deviations) -> Measured:
    if field == "Flag":
        return msgspec.structs.replace(known, flag=text)
    if field == "EFlag":
        return msgspec.structs.replace(known, device_flag=text)
    if field == "SampleTime":
        return msgspec.structs.replace(known, sample_ms=read_time_ms(text, f"{known.code}-SampleTime"))
    deviations.note("value-form", where=f"{known.code}-{field}", found=text)
    return known


def _facilities(values: Mapping[str, str], field: str, deviations: Deviations) -> dict[int, float]:
    found = {}
    for name, text in values.items():
        match = _FACILITY.fullmatch(name)
        if match and match[2] == field and _NUMBER.fullmatch(text):
            found[int(match[1])] = float(text)
        elif name != "DataTime":
            deviations.note("facility-form", where=name, found=text)
    return found


def _time(values: Mapping[str, str], name: str) -> int:
    return read_time_ms(values.get(name, ""), name)


def _code(values: Mapping[str, str], name: str) -> int:
    text = values.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) <= len("999")):
        raise ProtocolError("return-code", where=name, found=text, wanted="a code of at most three digits")
    return int(text)


def _states(values: Mapping[str, str], deviations: Deviations) -> FacilityState:
    found = _facilities(values, "RS", deviations)
    return FacilityState(time_ms=_time(values, "DataTime"), states={n: int(value) for n, value in found.items()})


_READERS: Final[dict[str, Callable[[Mapping[str, str], Deviations], Message]]] = {
    "2021": _states,
    "2041": lambda v, d: FacilityHours(time_ms=_time(v, "DataTime"), hours=_facilities(v, "RT", d)),
    "2081": lambda v, _: StartUp(time_ms=_time(v, "DataTime"), restart_ms=_time(v, "RestartTime")),
    "9011": lambda v, _: RequestAnswer(code=_code(v, "QnRtn")),
    "9012": lambda v, _: ExecutionResult(code=_code(v, "ExeRtn")),
    "9013": lambda _, __: NoticeAnswer(),
    "9014": lambda _, __: DataAnswer(),
    "9015": lambda _, __: Heartbeat(),
}


def encode(
    message: Message,
    logger: Logger,
    *,
    qn_ms: int,
    answer_wanted: bool = True,
    formats: Mapping[str, NumberFormat] | None = None,
) -> Segment:
    """The segment that says a message. Answers (9011 to 9014) have ST 91 and want no answer (6.1).

    Args:
        message: what to say.
        logger: who says it, or for answers whom it is about.
        qn_ms: time of the exchange, Unix ms; for an answer that of what is answered.
        answer_wanted: bit A of the flag.
        formats: number formats by factor code that differ from the standard's.

    Raises:
        HarnessError: a number does not fit its format.
    """
    cn, items = _contents(message, formats or {})
    is_answer = isinstance(message, RequestAnswer | ExecutionResult | NoticeAnswer | DataAnswer)
    return Segment(
        qn=write_qn(qn_ms),
        st=SYSTEM_INTERACTION if is_answer or isinstance(message, Heartbeat) else logger.st,
        cn=cn,
        pw=logger.pw,
        mn=logger.mn,
        flag=logger.edition << 2 | (ANSWER_WANTED if answer_wanted and not is_answer else 0),
        items=items,
    )


def _contents(message: Message, formats: Mapping[str, NumberFormat]) -> tuple[str, tuple[Item, ...]]:
    match message:
        case Data():
            factors = tuple(_factor_item(one, formats) for one in message.measured)
            return _COMMANDS[message.cadence], (_stamp(message.time_ms), *factors)
        case FacilityState():
            states = tuple(((f"SB{number}-RS", str(state)),) for number, state in message.states.items())
            return "2021", (_stamp(message.time_ms), *states)
        case FacilityHours():
            hours = tuple(((f"SB{number}-RT", _HOURS.write(value)),) for number, value in message.hours.items())
            return "2041", (_stamp(message.time_ms), *hours)
        case StartUp():
            return "2081", (_stamp(message.time_ms), (("RestartTime", write_time(message.restart_ms)),))
        case _:
            return _short_contents(message)


def _short_contents(message: Message) -> tuple[str, tuple[Item, ...]]:
    match message:
        case RequestAnswer():
            return "9011", ((("QnRtn", str(message.code)),),)
        case ExecutionResult():
            return "9012", ((("ExeRtn", str(message.code)),),)
        case General():
            return message.cn, message.items
        case _:
            return _EMPTY[type(message)], ()


def _stamp(time_ms: int) -> Item:
    return (("DataTime", write_time(time_ms)),)


def _factor_item(one: Measured, formats: Mapping[str, NumberFormat]) -> Item:
    form = formats.get(one.code) or number_format(one.code) or _UNKNOWN
    pairs = []
    if one.sample_ms is not None:
        pairs.append((f"{one.code}-SampleTime", write_time(one.sample_ms)))
    pairs += [
        (f"{one.code}-{field}", (_WIDE if field == "Cou" else form).write(value)) for field, value in one.values.items()
    ]
    if one.flag:
        pairs.append((f"{one.code}-Flag", one.flag))
    if one.device_flag:
        pairs.append((f"{one.code}-EFlag", one.device_flag))
    return tuple(pairs)


def readings(data: Data, points: Mapping[str, str]) -> Iterator[Reading]:
    """What data mean for points.

    Args:
        data: a message.
        points: name of the point by factor code; factors that are not in it are passed over.

    Yields:
        the factor's Rtd, else its Avg, else its Data, where it has one; at its own sample time if it tells one.
    """
    for one in data.measured:
        point = points.get(one.code)
        field = next((field for field in _MAIN_FIELDS if field in one.values), None)
        if point is not None and field is not None:
            time_ms = data.time_ms if one.sample_ms is None else one.sample_ms
            yield Reading(point, time_ms, one.values[field], one.flag)


def from_readings(
    cadence: Cadence, time_ms: int, values: Mapping[str, tuple[float, str]], factors: Mapping[str, str]
) -> Data:
    """Data of readings of one moment.

    Args:
        cadence: real-time data carry Rtd, the others Avg; noise (codes that begin with L) carries Data in intervals.
        time_ms: of the sample, or the interval's start.
        values: value and flag by point.
        factors: factor code by point; points that are not in it are passed over.
    """
    measured = []
    for point, (value, flag) in values.items():
        code = factors.get(point)
        if code is not None:
            field = "Rtd" if cadence == "realtime" else "Data" if code.startswith("L") else "Avg"
            measured.append(Measured(code=code, values={field: value}, flag=flag))
    return Data(cadence=cadence, time_ms=time_ms, measured=tuple(measured))
