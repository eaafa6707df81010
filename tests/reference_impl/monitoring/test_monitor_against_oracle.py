"""The core and the plain oracle agree on random histories of all kinds of rules."""

from collections import Counter
from itertools import product
from random import Random

import pytest
from agreement import agree, live
from hypothesis import given, settings
from hypothesis import strategies as st
from monitored_points import points_of
from oracle_release import Reading
from random_histories import Change, History, Kill, Pack, Step, places_of, random_history, seeded
from random_rules import random_rule

from contract.rulebook import check_rules
from contract.rules import ExpressionRule, KOfNRule, RuleSet

HISTORIES = 10_000
CHUNK = 1_000
PACKS = 12
PLACES = list(product(range(6), range(10), ("t", "u")))
KINDS = ("Limit", "Rate", "Stuck", "Silence", "Anomaly", "KOfN", "Expression")
MUST_OCCUR = [
    *(f"{kind}Rule {what}" for kind in KINDS for what in ("raise", "clear")),
    "LimitRule level",
    "alarms that a change of rules cleared",
    "alarms that outlived a change of rules",
    "kills with readings that wait",
    "late readings",
    "numbers given up",
]


@pytest.mark.parametrize("first", range(0, HISTORIES, CHUNK))
def test_core_and_oracle_tell_the_same_histories(first: int) -> None:
    """Disorder, gaps, late readings, changed rules and kills included, the core says what SEMANTICS.md says."""
    occurred: Counter[str] = Counter()
    for seed in range(first, first + CHUNK):
        occurred += agree(seed, PACKS)
    assert [what for what in MUST_OCCUR if occurred[what] < 10] == []


@given(st.randoms(use_true_random=False), st.integers(1, 20))
@settings(max_examples=300, deadline=None)
def test_core_and_oracle_agree_on_what_hypothesis_finds(rng: Random, packs: int) -> None:
    """The same, with an example that is made small when they disagree."""
    live(random_history(rng, packs, readings_max=3))


def test_random_rules_are_rules_that_an_operator_may_set() -> None:
    """The histories are about rules that pass the checks of a rules file."""
    for seed in range(300):
        history = random_history(seeded(seed), PACKS)
        changes = [step.rules for step in history.steps if isinstance(step, Change)]
        for rules in [history.rules, *changes]:
            check_rules(RuleSet(version="1", rules=rules))


def test_core_and_oracle_agree_on_large_packs_over_many_points() -> None:
    """A park of 120 points, in packs of 3,000 readings, with twelve rules of all kinds."""
    rng = seeded(12)
    points = points_of({f"env/z{zone}/d{device}/{word}": f"g{zone % 2}" for zone, device, word in PLACES})
    rules = [random_rule(rng, f"rule-{place}") for place in range(12)]
    rules.append(KOfNRule(id="group", of=tuple(rule.id for rule in rules if not isinstance(rule, ExpressionRule)), k=9))
    steps: list[Step] = []
    for number in range(1, 4):
        for gateway in ("g0", "g1"):
            places = places_of(points, gateway)
            pack = [
                Reading(rng.choice(places), 58_000 * number + rng.randrange(0, 60_000, 50), rng.randrange(21) / 2)
                for _ in range(3_000)
            ]
            steps.append(Pack(gateway, number, pack))
        steps.append(Kill())
    occurred = live(History(points, 5_000, rules, steps))
    assert occurred["readings"] == 18_000
    assert sum(occurred[f"{kind}Rule raise"] for kind in KINDS) > 2_000
