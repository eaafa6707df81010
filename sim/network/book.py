"""What an access network is made of, as people write it: each figure with its source and mark."""

from typing import Annotated, Literal

from msgspec import Meta

from contract.catalogue.model import Entry, Mark

DEVIATIONS_MAX = 3.0
"""Residuals and drifts of clocks are cut off at so many standard deviations, so that a clock's error has a bound."""

Share = Annotated[float, Meta(gt=0, le=1)]
Source = Annotated[str, Meta(min_length=1)]


class Sourced(Entry, frozen=True, kw_only=True):
    """Says where its figures come from and how far to trust them."""

    source: Source
    mark: Mark


class Figure(Sourced, frozen=True, kw_only=True):
    """A number that is not negative."""

    value: Annotated[float, Meta(ge=0)]


class Delay(Entry, frozen=True, kw_only=True):
    """One-way delay without retransmission in milliseconds: the log-normal law with these two quantiles."""

    median: Figure
    p99: Figure


class InterruptionLaw(Sourced, frozen=True, kw_only=True):
    """How often a link fails, and for how long.

    Attributes:
        per_day: mean number for each day that the link is whole; the times between are exponential.
        mean_s: mean of the exponential duration before it is cut off.
        longest_s: longer ones end here.
        share: what is left of the bandwidth; 0 is an outage.
    """

    per_day: Annotated[float, Meta(ge=0, le=10_000)]
    mean_s: Annotated[float, Meta(gt=0)]
    longest_s: Annotated[float, Meta(gt=0, le=86_400)]
    share: Annotated[float, Meta(ge=0, lt=1)]


class LinkProfile(Entry, frozen=True, kw_only=True):
    """One kind of link.

    Attributes:
        medium: devices on a `wired` link are read within the gateway's gathering time, so their readings travel in
            the pack of their step; those behind a `radio` arrive one by one.
        transport: on `udp` what is lost stays lost; on `tcp` a loss is the delay of its retransmission.
        jitter_ms: uniform delay from 0 to this on top of the law.
        loss: probability that a message is lost, once.
        outages, slowdowns: the interruptions that come by chance.
        duplicates: share of packs that are sent again because the reply was lost.
        reorders: packs may overtake each other (a connection for each), else they arrive in order.
    """

    id: str
    name_en: str
    name_zh: str
    medium: Literal["wired", "radio"]
    transport: Literal["udp", "tcp"]
    delay_ms: Delay
    jitter_ms: Figure
    loss: Figure
    up_bit_s: Figure
    down_bit_s: Figure
    outages: InterruptionLaw
    slowdowns: InterruptionLaw
    duplicates: Figure
    reorders: bool


class Payload(Entry, frozen=True, kw_only=True):
    """Bytes of a pack on its way: `pack_bytes` and `reading_bytes` for each reading."""

    pack_bytes: Figure
    reading_bytes: Figure


class Retransmission(Entry, frozen=True, kw_only=True):
    """The n-th loss of a segment costs `timeout_ms * backoff ** (n - 1)`, up to `attempts` losses."""

    timeout_ms: Figure
    backoff: Figure
    attempts: Figure


class GatewayProfile(Entry, frozen=True, kw_only=True):
    """How long a gateway gathers readings, how much it keeps while its link is down, when it repeats a pack."""

    gather_ms: Figure
    buffer_bytes: Figure
    repeat_after_ms: Figure


class DeviceProfile(Entry, frozen=True, kw_only=True):
    """Bytes of a device's message, and how many messages may be under way."""

    message_bytes: Figure
    reading_bytes: Figure
    buffer_messages: Figure


class ClockProfile(Entry, frozen=True, kw_only=True):
    """A clock that is set right from time to time."""

    residual_sd_ms: Figure
    drift_sd_ppm: Figure
    resync_s: Figure

    @property
    def error_ms_max(self) -> float:
        """Bound of the clock's error, milliseconds."""
        drifted_ms = self.drift_sd_ppm.value * self.resync_s.value / 1000
        return DEVIATIONS_MAX * (self.residual_sd_ms.value + drifted_ms)


class Clocks(Entry, frozen=True, kw_only=True):
    """Clocks of gateways and of devices behind radios."""

    gateway: ClockProfile
    device: ClockProfile


class Mix(Sourced, frozen=True, kw_only=True):
    """Links by share under one name."""

    id: str
    shares: dict[str, Share]


class Backhaul(Sourced, frozen=True, kw_only=True):
    """A share of the gateways has this link; `via` is a link of the park whose interruptions all of them share."""

    link: str
    share: Share
    via: str | None = None


class DeviceKinds(Sourced, frozen=True, kw_only=True):
    """The links or mixes of some kinds of device, each `subsystem/device`."""

    kinds: tuple[str, ...]
    shares: dict[str, Share]


class LinkBook(Entry, frozen=True, kw_only=True):
    """All that a simulated access network is made of."""

    payload: Payload
    tcp: Retransmission
    gateway: GatewayProfile
    device: DeviceProfile
    clocks: Clocks
    links: tuple[LinkProfile, ...]
    mixes: tuple[Mix, ...]
    backhauls: tuple[Backhaul, ...]
    devices: tuple[DeviceKinds, ...]
    otherwise: str

    def link(self, link_id: str) -> LinkProfile:
        """The profile of this id."""
        return next(link for link in self.links if link.id == link_id)

    def shares_of(self, kind: str) -> dict[str, float]:
        """Links by share of a kind of device (`subsystem/device`), mixes resolved; the shares add up to 1."""
        written = next((entry.shares for entry in self.devices if kind in entry.kinds), {self.otherwise: 1.0})
        mixes = {mix.id: mix.shares for mix in self.mixes}
        resolved: dict[str, float] = {}
        for name, share in written.items():
            for link, part in mixes.get(name, {name: 1.0}).items():
                resolved[link] = resolved.get(link, 0.0) + share * part
        return resolved


class BookPart(Entry, frozen=True, kw_only=True):
    """What somebody's own file changes of the standard book; see `reading.load`."""

    payload: Payload | None = None
    tcp: Retransmission | None = None
    gateway: GatewayProfile | None = None
    device: DeviceProfile | None = None
    clocks: Clocks | None = None
    links: tuple[LinkProfile, ...] = ()
    mixes: tuple[Mix, ...] = ()
    backhauls: tuple[Backhaul, ...] = ()
    devices: tuple[DeviceKinds, ...] = ()
    otherwise: str | None = None
