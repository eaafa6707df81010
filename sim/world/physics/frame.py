"""What the points of a layout have in common, as columns."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from contract.catalogue import ParkPoints, QuantityProfile
from contract.errors import HarnessError
from sim.world.physics.rhythm import rhythms

Values = NDArray[np.float64]
Singles = NDArray[np.float32]
STEPS_MAX = 2**22  # a float32 tells whole numbers apart up to here with room for the noise


class Frame(NamedTuple):
    """Columns for a layout of n points, g noise groups and b binary points; "steps" are those of the instrument.

    A noise group is what the points of one kind in one zone share; kinds that move together are one group.

    Attributes:
        low: (n,) lowest value of normal operation that the decimals can express, in the quantity's unit.
        high: highest such value.
        minimum: lower end of the sensor's range.
        maximum: upper end of the sensor's range.
        scale: 10 to the power of the decimals.
        group: (n,) int32, number of the point's noise group.
        spread: (n,) float32, standard deviation of the point's own noise, steps.
        weight: (n,) float32, standard deviation of its part of the group's noise, steps.
        keep: (n,) float32, what a step of time keeps of the own noise.
        fresh: (n,) float32, weight of a step's fresh noise, steps.
        group_keep: (g,) float32.
        group_fresh: (g,) float32; a group's noise has the standard deviation 1.
        low_steps, high_steps, scale_single: (n,) float32.
        binary: (b,) int32, the binary points.
        memory_steps: (b,) float64, mean number of sample periods after which a binary point draws its state anew.
        period_ms: sample period.
    """

    low: Values
    high: Values
    minimum: Values
    maximum: Values
    scale: Values
    group: NDArray[np.int32]
    spread: Singles
    weight: Singles
    keep: Singles
    fresh: Singles
    group_keep: Singles
    group_fresh: Singles
    low_steps: Singles
    high_steps: Singles
    scale_single: Singles
    binary: NDArray[np.int32]
    memory_steps: Values
    period_ms: int


def frame(layout: ParkPoints, profiles: Sequence[QuantityProfile], period_ms: int) -> Frame:
    """The common columns for a layout and a sample period.

    Raises:
        HarnessError: a sensor's range has more steps than a float32 tells apart.
    """

    def of(field: str) -> Values:
        return column(layout, profiles, field)

    scale = 10.0 ** of("decimals")
    low = np.ceil(np.round(of("quiet_low") * scale, 6))
    high = np.floor(np.round(of("quiet_high") * scale, 6))
    if max(np.abs(low).max(), np.abs(high).max()) > STEPS_MAX:
        raise HarnessError(f"profiles: expected quiet bands within {STEPS_MAX} steps of the instrument, found more")
    is_binary = binary(layout, profiles)
    noise = np.where(is_binary, 0.0, of("noise")) * scale
    share = of("zone_share")
    memory = period_ms / 1000 / of("reversion_s")
    keep = np.exp(-memory)
    spread = noise * np.sqrt(1 - share)
    first, group = _groups(layout)
    return Frame(
        low=low / scale,
        high=high / scale,
        minimum=of("minimum"),
        maximum=of("maximum"),
        scale=scale,
        group=group,
        spread=_single(spread),
        weight=_single(noise * np.sqrt(share)),
        keep=_single(keep),
        fresh=_single(spread * np.sqrt(1 - keep**2)),
        group_keep=_single(keep[first]),
        group_fresh=_single(np.sqrt(1 - keep[first] ** 2)),
        low_steps=_single(low),
        high_steps=_single(high),
        scale_single=_single(scale),
        binary=np.flatnonzero(is_binary).astype(np.int32),
        memory_steps=1 / memory[is_binary],
        period_ms=period_ms,
    )


def column(layout: ParkPoints, profiles: Sequence[QuantityProfile], field: str) -> Values:
    """One field of each point's profile, (n,) float64."""
    return np.array([getattr(profile, field) for profile in profiles], np.float64)[layout.profile]


def binary(layout: ParkPoints, profiles: Sequence[QuantityProfile]) -> NDArray[np.bool_]:
    """Which points are 0 or 1."""
    return np.array([profile.kind == "binary" for profile in profiles])[layout.profile]


def _groups(layout: ParkPoints) -> tuple[NDArray[np.intp], NDArray[np.int32]]:
    """A point of each noise group, and the group of each point."""
    follows = rhythms().follows
    number = {one.quantity: kind for kind, one in enumerate(follows)}
    leader = np.array([number[one.moves_with or one.quantity] for one in follows], np.int64)
    key = layout.zone.astype(np.int64) * len(follows) + leader[layout.profile]
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return first, group.astype(np.int32)


def _single(values: Values) -> Singles:
    return values.astype(np.float32)
