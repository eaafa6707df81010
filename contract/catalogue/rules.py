"""The rules of a park, made from the profiles and from what the catalogue says of several points together."""

import functools

from contract.catalogue.load import park_rules, profiles
from contract.catalogue.model import Limit, QuantityProfile
from contract.rules import LimitRule, Rule, RuleSet


@functools.cache
def standard_rules() -> RuleSet:
    """One limit rule for each limit of the catalogue, for every park."""
    rules: list[Rule] = [_rule(profile, limit) for profile in profiles() for limit in profile.limits]
    return RuleSet(version="catalogue-1", rules=rules)


@functools.cache
def full_rules() -> RuleSet:
    """The standard rules and those of all other kinds, for every park.

    They are made to stay silent in normal operation, whatever the sample period from a second to the usual one.
    """
    rules = [*standard_rules().rules, *(rule for profile in profiles() for rule in profile.rules), *park_rules()]
    return RuleSet(version="catalogue-full-1", rules=rules)


def _rule(profile: QuantityProfile, limit: Limit) -> LimitRule:
    return LimitRule(
        id=f"{profile.subsystem}-{profile.device}-{profile.quantity}-{limit.side}",
        points=f"{profile.subsystem}/*/{profile.device}-*/{profile.quantity}",
        high=limit.value if limit.is_high else None,
        low=None if limit.is_high else limit.value,
        deadband=limit.deadband,
        on_delay_s=limit.on_delay_s,
        off_delay_s=limit.off_delay_s,
        level=limit.level,
        source=f"{limit.source} [{limit.mark}]",
    )
