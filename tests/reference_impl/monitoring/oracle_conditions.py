"""When the condition of each kind of rule on a point begins and ends: one class a kind, L to A."""

from oracle_alarms import Alarm, Happening, Moment, Subject, Track, milliseconds
from oracle_calendar import OpeningHours

from contract.rules import AnomalyRule, LimitRule, RateRule, SilenceRule, StuckRule

LEVELS = ("blue", "yellow", "orange", "red")
PointRule = LimitRule | RateRule | StuckRule | SilenceRule | AnomalyRule


def track_of(rule: PointRule, *, after_s: float = 0.0, level: str = "") -> Track:
    """The track of a rule whose alarm comes `after_s` and the on-delay after the onset."""
    on_delay_ms = milliseconds(after_s) + milliseconds(rule.on_delay_s)
    return Track(level or rule.level, on_delay_ms, milliseconds(rule.off_delay_s))


class Limit:
    """L1 to L3."""

    def __init__(self, rule: LimitRule) -> None:
        self.deadband = rule.deadband
        if rule.levels is None:
            self.limits = [(track_of(rule), rule.high, rule.low)]
            return
        limits = [(level, rule.levels[level]) for level in LEVELS if level in rule.levels]
        rising = limits[-1][1] > limits[0][1]
        self.limits = [
            (track_of(rule, level=level), limit if rising else None, None if rising else limit)
            for level, limit in limits
        ]

    @property
    def tracks(self) -> list[Track]:
        """One a level, the lowest first."""
        return [track for track, _, _ in self.limits]

    def see(self, time_ms: int, value: float, *, is_open: bool) -> None:
        """A reading."""
        for track, high, low in self.limits:
            if track.holds is None:
                beyond = (high is not None and value >= high) or (low is not None and value <= low)
                if is_open and beyond:
                    track.begin(time_ms, value)
            else:
                below = high is None or value < high - self.deadband
                above = low is None or value > low + self.deadband
                if not is_open or (below and above):
                    track.end(time_ms)


class Rate:
    """R1 to R3."""

    def __init__(self, rule: RateRule) -> None:
        per_ms = rule.per_s * 1000
        self.rise = None if rule.rise is None else rule.rise / per_ms
        self.fall = None if rule.fall is None else rule.fall / per_ms
        self.deadband = rule.deadband / per_ms
        self.over_ms = milliseconds(rule.over_s)
        self.reference: Moment | None = None
        self.tracks = [track_of(rule)]

    def see(self, time_ms: int, value: float, *, is_open: bool) -> None:
        """A reading."""
        track, former = self.tracks[0], self.reference
        if not is_open and track.holds is not None:  # C5
            track.end(time_ms)
        if former is None:
            self.reference = Moment(time_ms, value)
        elif time_ms > former.time_ms and time_ms - former.time_ms >= self.over_ms:
            self.reference = Moment(time_ms, value)
            if is_open:
                self._judge(track, (value - former.value) / (time_ms - former.time_ms), self.reference)

    def _judge(self, track: Track, rate: float, reading: Moment) -> None:
        if track.holds is None:
            if (self.rise is not None and rate >= self.rise) or (self.fall is not None and rate <= -self.fall):
                track.begin(*reading)
        elif (self.rise is None or rate < self.rise - self.deadband) and (
            self.fall is None or rate > -(self.fall - self.deadband)
        ):
            track.end(reading.time_ms)


class Stuck:
    """K1 to K3."""

    def __init__(self, rule: StuckRule) -> None:
        self.epsilon = rule.epsilon
        self.deadband = rule.deadband
        self.tracks = [track_of(rule, after_s=rule.after_s)]

    def see(self, time_ms: int, value: float, *, is_open: bool) -> None:
        """A reading."""
        track = self.tracks[0]
        anchor = track.holds
        if anchor is None or not is_open:
            track.begin_anew(time_ms, value)
            return
        is_raised_for_anchor = track.raised is not None and track.gone_ms is None
        margin = self.epsilon + self.deadband if is_raised_for_anchor else self.epsilon
        if abs(value - anchor.value) > margin:
            track.begin_anew(time_ms, value)


class SilenceTrack(Track):
    """S4 and S5."""

    def __init__(self, rule: SilenceRule) -> None:
        plain = track_of(rule, after_s=rule.after_s)
        super().__init__(plain.level, plain.on_delay_ms, plain.off_delay_ms)
        self.hours = OpeningHours(rule.active_when)

    def raise_ms(self, onset_ms: int) -> float:
        """The moment that C1 gives, or the next opening."""
        return self.hours.next_opening_ms(onset_ms + self.on_delay_ms)

    def shown(self, at_ms: int) -> Moment | None:
        """The value is how long the silence had lasted."""
        return self.holds and Moment(self.holds.time_ms, (at_ms - self.holds.time_ms) / 1000)


class Silence:
    """S1 and S2."""

    def __init__(self, rule: SilenceRule) -> None:
        self.tracks = [SilenceTrack(rule)]

    def see(self, time_ms: int, value: float, *, is_open: bool) -> None:  # noqa: ARG002 - any reading breaks a silence
        """A reading."""
        self.tracks[0].begin_anew(time_ms, value)


class Anomaly:
    """A1 to A5."""

    def __init__(self, rule: AnomalyRule) -> None:
        self.rule = rule
        self.learned = 0
        self.mean = self.variance = 0.0
        self.newest_ms: int | None = None
        self.tracks = [track_of(rule)]

    def see(self, time_ms: int, value: float, *, is_open: bool) -> None:
        """A reading."""
        if time_ms == self.newest_ms:  # A5
            return
        self.newest_ms = time_ms
        track = self.tracks[0]
        stood = track.holds is not None or track.raised is not None
        if track.holds is None:
            if is_open and self._strays(value):
                track.begin(time_ms, value)
        elif not is_open or self._is_back(value):
            track.end(time_ms)
        if is_open and not stood and track.holds is None:  # A2, A3, A4, C5
            self._learn(value)

    def _strays(self, value: float) -> bool:
        """A2."""
        d, z, floor = value - self.mean, self.rule.z, self.rule.floor
        is_warm = self.learned >= max(self.rule.warm_up, 1)
        return is_warm and d * d > z * z * max(self.variance, floor * floor)

    def _is_back(self, value: float) -> bool:
        """A3."""
        d, e, floor = value - self.mean, self.rule.z - self.rule.deadband, self.rule.floor
        return d * d <= e * e * max(self.variance, floor * floor)

    def _learn(self, value: float) -> None:
        """A1."""
        alpha = self.rule.alpha
        if self.learned == 0:
            self.mean = value
        else:
            d = value - self.mean
            self.mean = self.mean + alpha * d
            self.variance = (1 - alpha) * (self.variance + alpha * d * d)
        self.learned += 1


KINDS = {LimitRule: Limit, RateRule: Rate, StuckRule: Stuck, SilenceRule: Silence, AnomalyRule: Anomaly}


class PointAlarm(Alarm):
    """The alarm of a rule on a point, which stands at place `point` of the list."""

    def __init__(self, subject: Subject, rule: PointRule, point: int) -> None:
        self.point = point
        self.condition = KINDS[type(rule)](rule)
        self.hours = OpeningHours(rule.active_when)
        super().__init__(subject, rule.id, self.condition.tracks)

    def see(self, time_ms: int, value: float) -> list[Happening]:
        """A reading of the point that is not late, judged by its own time (C5)."""
        self.condition.see(time_ms, value, is_open=self.hours.open(time_ms))
        return self.settle(time_ms)
