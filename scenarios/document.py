"""A scenario as a person writes it: YAML read strictly; each fault with its path, what was found, what was wanted."""

import datetime as dt
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import msgspec
import yaml
from msgspec import Meta

from contract.catalogue.model import Phase
from contract.errors import PeerError
from contract.spans import span_ms
from contract.strict_yaml import StrictLoader, not_yaml, quoted

IncidentKind = Literal[
    "gas-leak",
    "ammonia-leak",
    "fire",
    "discharge",
    "flue-exceedance",
    "power-failure",
    "flood",
    "storm",
    "pump-stop",
    "equipment-wear",
    "sensor-stuck",
    "sensor-drift",
    "sensor-spikes",
    "sensor-dead",
    "network-outage",
    "false-call",
]
RuleKinds = Literal["limits", "all"]
Sizes = Literal["equal", "catalogue"]
Links = Literal["direct", "field"]
Encoding = Literal[
    "application/senml+json", "application/senml+cbor", "application/vnd.apache.arrow.stream"
]  # contract.codec.MEDIA_TYPES; a test holds the two together
INCIDENT_KINDS: tuple[str, ...] = get_args(IncidentKind)
PHASES: tuple[str, ...] = get_args(Phase)

DURATION_WANTED = 'a duration such as "90s"'
INSTANT_WANTED = 'a time with its offset such as "2020-12-07T07:30:00+08:00"'
FIRST_YEAR = 1980  # SenML takes smaller times (below 2**28 s, in 1978) for relative ones: RFC 8428 section 4.5.3
PARKS_WANTED = f'"all", a list of park ids, or {{phase: {" | ".join(PHASES)}}}'

_NAMES = {"int": "a whole number", "float": "a number", "str": "text", "bool": "true or false"}
_NAMES |= {"object": "a mapping of keys", "array": "a list"}


class ScenarioError(PeerError):
    """A scenario is wrong; its author must change it.

    Args:
        file: the scenario's file as the author knows it.
        path: place inside the file, such as `incidents[2].at`; empty for the whole.
        wanted: what should have stood there.
        found: what stood there.
    """

    def __init__(self, file: str, path: str, *, wanted: str, found: str) -> None:
        where = f"{file}: {path}" if path else file
        super().__init__("invalid scenario", where=where, found=found, wanted=wanted)


class Duration:
    """A span of time written with its unit: `250ms`, `90s`, `5m`, `8h`, `1d`."""

    __slots__ = ("ms", "text")

    def __init__(self, written: object) -> None:
        ms = span_ms(written)
        if ms is None:
            raise ValueError(f"expected {DURATION_WANTED}, found {quoted(written)}")
        self.ms = ms
        self.text = str(written)


class Instant:
    """A moment written in ISO 8601 with its offset from UTC."""

    __slots__ = ("ms",)

    def __init__(self, written: object) -> None:
        try:
            moment = dt.datetime.fromisoformat(written) if isinstance(written, str) else None
        except ValueError:
            moment = None
        if moment is None or moment.tzinfo is None or moment.year < FIRST_YEAR:
            raise ValueError(f"expected {INSTANT_WANTED}, found {quoted(written)}")
        self.ms = round(moment.timestamp() * 1000)


class ParkSelection:
    """Which parks take part: all, those connected by a phase of the plan, or a list of ids."""

    __slots__ = ("ids", "phase")

    def __init__(self, written: object) -> None:
        self.ids: list[str] | None = None
        self.phase: str = PHASES[-1]
        if isinstance(written, list) and written and all(isinstance(item, str) for item in written):
            self.ids = written
        elif isinstance(written, dict) and list(written) == ["phase"] and written["phase"] in PHASES:
            self.phase = written["phase"]
        elif written != "all":
            raise ValueError(f"expected {PARKS_WANTED}, found {quoted(written)}")


class Written(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what a person writes: an unknown key is an error with its path."""


class Text(Written, frozen=True, kw_only=True):
    """The same words in English and in Chinese."""

    en: Annotated[str, Meta(min_length=1)]
    zh: Annotated[str, Meta(min_length=1)]


class IncidentDocument(Written, frozen=True, kw_only=True):
    """One incident; `at` counts from the beginning of the measured part."""

    kind: IncidentKind
    park: str
    zone: Annotated[int, Meta(ge=1)]
    at: Duration
    duration: Duration
    severity: Annotated[float, Meta(gt=0, le=10)] = 1.0


class OutageDocument(Written, frozen=True, kw_only=True):
    """A link that is cut, or slowed to a share of its bandwidth, on purpose; `at` counts like an incident's."""

    kind: Literal["cut", "slow"]
    park: str
    at: Duration
    duration: Duration
    gateway: Annotated[int, Meta(ge=1)] | None = None
    share: Annotated[float, Meta(gt=0, lt=1)] = 0.1


class Happenings(Written, frozen=True, kw_only=True):
    """Incidents that nobody wrote down: they come by chance, at rates.

    Attributes:
        per_park_day: mean number of root incidents for each park and day; what they bring about comes on top.
        storms_per_day: mean number of storms over the city a day.
        chains: incidents bring about others.
        kinds: which may come; empty: all.
    """

    per_park_day: Annotated[float, Meta(ge=0, le=10_000)]
    storms_per_day: Annotated[float, Meta(ge=0, le=1_000)] = 0.0
    chains: bool = True
    kinds: tuple[IncidentKind, ...] = ()


class Objectives(Written, frozen=True, kw_only=True):
    """What the run must reach.

    Attributes:
        ack_ms_p99_max: acknowledgement of a pack, from its intended time.
        alert_park_ms_p99_max: alert seen at the park, from the intended time of the first pack that made it knowable.
        alert_city_ms_p99_max: the same at the city.
        recall_min: share of the expected alerts that were seen, at each level.
        precision_min: share of the alerts seen that were expected, at each level.
        lost_max: acknowledged readings that read-back does not return.
        request_errors_max: service requests that failed.
    """

    ack_ms_p99_max: Annotated[float, Meta(gt=0)]
    alert_park_ms_p99_max: Annotated[float, Meta(gt=0)]
    alert_city_ms_p99_max: Annotated[float, Meta(gt=0)]
    recall_min: Annotated[float, Meta(ge=0, le=1)] = 1.0
    precision_min: Annotated[float, Meta(ge=0, le=1)] = 1.0
    lost_max: Annotated[int, Meta(ge=0)] = 0
    request_errors_max: Annotated[int, Meta(ge=0)] = 0


class ScenarioDocument(Written, frozen=True, kw_only=True):
    """A whole scenario as written."""

    name: str
    title: Text
    story: Text
    outcome: Text | None = None
    seed: Annotated[int, Meta(ge=0, le=2**53 - 1)]
    starts_at: Instant
    warm_up: Duration
    duration: Duration
    parks: ParkSelection
    points_per_park: Annotated[int, Meta(ge=1, le=1_000_000)]
    gateways_per_park: Annotated[int, Meta(ge=1, le=99)]
    sample_period: Duration
    encoding: Encoding
    enterprises_per_park: Annotated[int, Meta(ge=0, le=10_000)]
    requests_per_enterprise_hour: Annotated[float, Meta(ge=0, le=3_600)]
    sizes: Sizes = "equal"
    links: Links = "direct"
    rules: RuleKinds = "limits"
    events: bool = True
    happenings: Happenings | None = None
    outages: list[OutageDocument] = []
    incidents: list[IncidentDocument] = []
    objectives: Objectives


_PARTS: dict[str, type[Written]] = {
    "happenings": Happenings,
    "outcome": Text,
    "incidents": IncidentDocument,
    "outages": OutageDocument,
    "objectives": Objectives,
    "title": Text,
    "story": Text,
}
_CHOICES = {
    "encoding": get_args(Encoding),
    "links": get_args(Links),
    "rules": get_args(RuleKinds),
    "sizes": get_args(Sizes),
}
_KINDS = {"incidents": INCIDENT_KINDS, "happenings": INCIDENT_KINDS, "outages": ("cut", "slow")}


def read(path: Path, file: str) -> tuple[ScenarioDocument, dict[str, Any]]:
    """Read a scenario's file strictly.

    Args:
        path: where the file is.
        file: the name that errors give it.

    Returns:
        The typed document, and the same as plain values for quoting in later errors.

    Raises:
        ScenarioError: the file cannot be read, is not YAML, or does not fit the type.
    """
    try:
        written = yaml.load(path.read_text(encoding="utf-8"), StrictLoader)  # noqa: S506 - a subclass of SafeLoader
    except OSError as error:
        raise ScenarioError(file, "", wanted="a readable file", found=(error.strerror or "").lower()) from None
    except UnicodeDecodeError:
        raise ScenarioError(file, "", wanted="UTF-8 text", found="other bytes") from None
    except yaml.YAMLError as error:
        raise _not_yaml(file, error) from None
    except RecursionError:
        raise ScenarioError(file, "", wanted="YAML of a few levels", found="levels beyond counting") from None
    try:
        document = msgspec.convert(written, ScenarioDocument, dec_hook=lambda kind, value: kind(value))
    except msgspec.ValidationError as error:
        raise _unfit(file, written, str(error)) from None
    return document, written


def _not_yaml(file: str, error: yaml.YAMLError) -> ScenarioError:
    place, problem = not_yaml(error)
    return ScenarioError(file, place, wanted="valid YAML", found=problem)


def _unfit(file: str, written: object, message: str) -> ScenarioError:
    """Say in our words what msgspec says in its own."""
    told, _, place = message.partition(" - at `$")
    path = place.rstrip("`").lstrip(".")
    if match := re.fullmatch(r"Object contains unknown field `(.*)`", told):
        part = _PARTS.get(re.split(r"[.\[]", path)[0], ScenarioDocument) if path else ScenarioDocument
        keys = ", ".join(part.__struct_fields__)
        return ScenarioError(
            file, _join(path, match[1]), wanted=f"one of the keys {keys}", found=f'the key "{match[1]}"'
        )
    if match := re.fullmatch(r"Object missing required field `(.*)`", told):
        return ScenarioError(file, _join(path, match[1]), wanted="a value", found="nothing")
    value = quoted(_at(written, path))
    if match := re.fullmatch(r"expected (.*), found .*", told):
        return ScenarioError(file, path, wanted=match[1], found=value)
    if told.startswith("Invalid enum value"):
        known = _CHOICES.get(path) or _KINDS[re.split(r"[.\[]", path)[0]]
        choices = " or ".join(f'"{choice}"' for choice in known)
        return ScenarioError(file, path, wanted=choices, found=value)
    wanted = re.sub(r"^Expected `(\w+)[^`]*`(.*?)(, got .*)?$", lambda m: _NAMES.get(m[1], m[1]) + m[2], told)
    return ScenarioError(file, path, wanted=wanted, found=value)


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _at(written: object, path: str) -> Any:  # noqa: ANN401 - any YAML value
    """The plain value that stands at `path`."""
    value: Any = written
    for key, index in re.findall(r"([^.\[\]]+)|\[(\d+)\]", path):
        value = value[int(index)] if index and isinstance(value, list) else value[key or int(index)]
    return value
