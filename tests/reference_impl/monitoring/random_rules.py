"""Random rules of all kinds for the points of `random_histories`: words t, u and x-1, zones z1 and z2."""

from random import Random
from typing import Any

from msgspec.structs import replace

from contract.rules import (
    AnomalyRule,
    Calendar,
    ExpressionRule,
    KOfNRule,
    LimitRule,
    RateRule,
    Rule,
    Selector,
    Shift,
    SilenceRule,
    StuckRule,
)

PATTERNS = ("*/*/*/t", "*/*/*/t", "*/*/*/*", "env/*/*/?", "env/z1/a/t")
EXPRESSIONS = (
    "t > u",
    "t > 5 and u < 8",
    "t - u >= 2 or u == 3",
    "not (t < 4 or u == 3)",
    "not t / u <= 1.5",
    "1 / (t - u) > 0.3",
    "max(t, u, 4) - min(t, u) >= 3",
    "abs(t - u) <= 1",
    "t != u",
    "-t + 2 * u > 6",
    "u > `x-1`",
    # Names that are only compared with numbers.
    "t >= 6",
    "t > 5 and t < 7.5",
    "t == 5",
    "t != 5 and u != 2.5",
    "u <= 3 or 9 <= t",
    "not (2 < u or t == 7)",
    # Names that are compared with numbers and used otherwise.
    "t == 5 or u > t",
    "t * 2 > 9 and u < 8 and u > 1",
)
CALENDARS = (
    Calendar(shifts=(Shift(start="08:00", end="08:01"),)),
    Calendar(shifts=(Shift(start="07:00", end="08:00"), Shift(start="08:01"))),
    Calendar(shifts=(Shift(days=("mon", "fri"), start="18:00", end="00:00"), Shift(days=("sat",)))),
    Calendar(shifts=(Shift(start="22:00", end="06:00"),), except_dates=("2026-03-03",)),
    Calendar(except_dates=("2026-03-02", "1970-01-01")),
    Calendar(shifts=(Shift(days=("sun",), start="11:00", end="11:00"),), utc_offset_minutes=480 - 1),
)
LEVELS = ("blue", "yellow", "orange", "red")
DELAYS_S = (0.0, 0.0, 0.0, 0.0015, 1.0, 2.0, 3.5, 8.0)


def random_rules(rng: Random) -> list[Rule]:
    """Two to eight rules, of which `k_of_n` rules name others."""
    rules = [random_rule(rng, f"rule-{place}") for place in range(rng.randint(1, 6))]
    return rules + [_k_of_n(rng, f"group-{place}", rules) for place in range(rng.randint(0, 2)) if _countable(rules)]


def changed_rules(rng: Random, rules: list[Rule]) -> list[Rule]:
    """The rules after an operator's work: some as they were, some changed, gone, new, or in another place."""
    own = [rule for rule in rules if not isinstance(rule, KOfNRule)]
    groups = [rule for rule in rules if isinstance(rule, KOfNRule)]
    place = rng.randrange(len(own))
    what = rng.choice(["change", "drop", "add", "shuffle", "group"])
    if what == "change":
        own[place] = random_rule(rng, own[place].id)
    elif what == "drop" and len(own) > 1:
        del own[place]
    elif what == "add":
        own.append(random_rule(rng, f"rule-{len(own) + 10 * rng.randrange(9)}-new"))
    elif what == "shuffle":
        rng.shuffle(own)
    elif groups:
        groups[0] = replace(groups[0], k=groups[0].k % 3 + 1, deadband=0.0)
    countable = {rule.id for rule in _countable(own)}
    groups = [group for group in groups if countable.issuperset(group.of)]
    ids = [rule.id for rule in own]
    return [rule for place, rule in enumerate(own) if rule.id not in ids[:place]] + groups


def random_rule(rng: Random, rule_id: str) -> Rule:
    """A rule of any kind but `k_of_n`."""
    kind = rng.choice([_limit, _limit, _levels, _rate, _stuck, _silence, _anomaly, _expression])
    common: dict[str, Any] = {
        "id": rule_id,
        "on_delay_s": rng.choice(DELAYS_S),
        "off_delay_s": rng.choice(DELAYS_S),
        "level": rng.choice(LEVELS),
        "active_when": rng.choice(CALENDARS) if rng.random() < 0.35 else None,
    }
    if kind is not _expression:
        common["points"] = rng.choice(PATTERNS)
        if rng.random() < 0.2:
            common |= {
                "points": "",
                "select": rng.choice([Selector(zone="z1"), Selector(quantity="t", subsystem="e*")]),
            }
    return kind(rng, common)


def _limit(rng: Random, common: dict[str, Any]) -> Rule:
    sides = [{"high": 8.0, "deadband": 2.0}, {"high": 5.0}, {"low": 3.0, "deadband": 1.0}]
    return LimitRule(**common, **rng.choice([*sides, {"high": 7.0, "low": 2.0, "deadband": 1.5}]))


def _levels(rng: Random, common: dict[str, Any]) -> Rule:
    levels = sorted(rng.sample(LEVELS, rng.randint(2, 4)), key=LEVELS.index)
    limits = sorted(rng.sample([3.0, 4.5, 6.0, 7.0, 9.0], len(levels)), reverse=rng.random() < 0.4)
    return LimitRule(**common, levels=dict(zip(levels, limits, strict=True)), deadband=rng.choice([0.0, 0.5, 2.0]))


def _rate(rng: Random, common: dict[str, Any]) -> Rule:
    rise, fall = rng.choice([(2.0, None), (None, 1.5), (3.0, 3.0), (0.7, 6.0)])
    deadband = rng.choice([0.0, 0.3])
    per_s = rng.choice([1.0, 3.0])
    return RateRule(
        **common, rise=rise, fall=fall, deadband=deadband, per_s=per_s, over_s=rng.choice([0.0, 0.0, 1.0, 2.5, 15.0])
    )


def _stuck(rng: Random, common: dict[str, Any]) -> Rule:
    after_s = rng.choice([1.0, 2.0, 5.0])
    common["off_delay_s"] = min(common["off_delay_s"], after_s)
    return StuckRule(**common, after_s=after_s, epsilon=rng.choice([0.0, 1.0]), deadband=rng.choice([0.0, 0.0, 2.0]))


def _silence(rng: Random, common: dict[str, Any]) -> Rule:
    after_s = rng.choice([2.0, 3.0, 5.0])
    common["off_delay_s"] = min(common["off_delay_s"], after_s)
    return SilenceRule(**common, after_s=after_s)


def _anomaly(rng: Random, common: dict[str, Any]) -> Rule:
    return AnomalyRule(
        **common,
        z=rng.choice([1.0, 1.5, 2.5]),
        deadband=rng.choice([0.0, 0.0, 0.7]),
        alpha=rng.choice([0.03, 0.2, 0.5]),
        warm_up=rng.choice([1, 2, 4]),
        floor=rng.choice([0.0, 0.5, 1.0]),
    )


def _expression(rng: Random, common: dict[str, Any]) -> Rule:
    common["points"] = rng.choice(["*/*/*", "env/*/*", "*/z1/?"])
    if rng.random() < 0.2:
        common |= {"points": "", "select": Selector(zone="z1")}
    return ExpressionRule(**common, when=rng.choice(EXPRESSIONS), deadband=rng.choice([0.0, 0.0, 0.5, 2.0]))


def _k_of_n(rng: Random, rule_id: str, rules: list[Rule]) -> Rule:
    countable = _countable(rules)
    k = rng.choice([1, 2, 2, 3])
    return KOfNRule(
        id=rule_id,
        of=tuple(rule.id for rule in rng.sample(countable, rng.randint(1, min(3, len(countable))))),
        points=rng.choice(["", "", "env/*/*/*"]),
        select=rng.choice([None, None, None, Selector(quantity="?")]),
        k=k,
        deadband=float(rng.randrange(k)),
        window_s=rng.choice([0.0, 0.0, 2.0, 6.0]),
        by=rng.choice(["zone", "zone", "device", "gateway"]),
        on_delay_s=rng.choice(DELAYS_S),
        off_delay_s=rng.choice(DELAYS_S),
    )


def _countable(rules: list[Rule]) -> list[Rule]:
    """Those that a `k_of_n` rule may name."""
    return [rule for rule in rules if not isinstance(rule, KOfNRule | ExpressionRule)]
