"""Enterprises as agents: they send service requests by their working hours."""

import math
from typing import TYPE_CHECKING

import mesa
import numpy as np

from contract.catalogue import FormField, Matter
from contract.messages import CaseApplication
from sim.world.physics import CHINA_OFFSET_MS, DAY_MS

if TYPE_CHECKING:
    from sim.world.model import World

# Assumption: activity of an office by the hour of a working day, as a share of its busiest hour.
_HOURS = np.array([0, 6, 7, 8.5, 11.5, 12.5, 14, 17, 18.5, 22, 24])
_ACTIVITY = np.array([0.02, 0.02, 0.3, 1.0, 1.0, 0.3, 0.9, 0.9, 0.2, 0.02, 0.02])
_DAY_OFF_SHARE = 0.1  # assumption: on Saturday and Sunday a tenth
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday; Monday is 0
_SATURDAY = 5


def activity(time_ms: float) -> float:
    """Share (0 to 1) of the busiest hour's traffic at a time, in China's time of day."""
    local_ms = time_ms + CHINA_OFFSET_MS
    share = float(np.interp(local_ms % DAY_MS / 3_600_000, _HOURS, _ACTIVITY))
    weekday = (local_ms // DAY_MS + _EPOCH_WEEKDAY) % 7
    return share * _DAY_OFF_SHARE if weekday >= _SATURDAY else share


class EnterpriseAgent(mesa.Agent):
    """One enterprise: a non-homogeneous Poisson process of applications, drawn by thinning (Lewis and Shedler 1979).

    Args:
        world: the model.
        name: the enterprise's id.
        rate_per_hour: mean rate at full activity.
        matters: what it may apply for.
        begin_ms: no request before this time, Unix milliseconds.
        rng: its own stream.
    """

    def __init__(
        self,
        world: "World",
        name: str,
        *,
        rate_per_hour: float,
        matters: tuple[Matter, ...],
        begin_ms: int,
        rng: np.random.Generator,
    ) -> None:
        super().__init__(world)
        self.name = name
        self._rate_per_ms = rate_per_hour / 3_600_000
        self._matters = matters
        self._rng = rng
        self.next_request_ms = self._after(float(begin_ms))

    def _after(self, time_ms: float) -> float:
        """Time of the next request after a time; infinity where none comes."""
        if not self._rate_per_ms:
            return float("inf")
        while True:
            time_ms += self._rng.exponential(1 / self._rate_per_ms)
            if self._rng.random() < activity(time_ms):
                return time_ms

    def apply(self, request_id: str) -> CaseApplication:
        """Hand in the application that is due now, and decide when the next one comes."""
        matter = self._matters[self._rng.integers(len(self._matters))]
        self.next_request_ms = self._after(self.next_request_ms)
        return CaseApplication(
            request_id=request_id, matter=matter.code, enterprise=self.name, form=fill_in(matter, self._rng)
        )


def fill_in(matter: Matter, rng: np.random.Generator) -> dict[str, str | int | float | bool]:
    """A valid form of a matter."""
    return {field.name: _entry(field, rng) for field in matter.form}


def _entry(field: FormField, rng: np.random.Generator) -> str | int | float | bool:
    lowest = field.minimum or 0.0
    if field.type == "boolean":
        return bool(rng.random() < 0.8)  # noqa: PLR2004 - assumption: most say yes
    if field.type == "integer":
        return math.ceil(lowest) + int(rng.integers(12))
    if field.type == "number":
        return round(lowest + float(rng.lognormal(3.0, 0.8)), 1)
    if field.choices:
        return str(field.choices[rng.integers(len(field.choices))])
    return f"{field.name}-{rng.integers(1, 40):02d}"
