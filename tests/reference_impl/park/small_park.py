"""A small park: two gateways, four points, two rules."""

from contract.messages import Point, PointList
from contract.rules import LimitRule, RuleSet

POINTS = PointList(
    points=[
        Point(name=name, gateway=gateway, zone="z01", subsystem="env", unit="mg/m3")
        for name, gateway in [
            ("env/z01/a/so2", "gw-01"),
            ("env/z01/b/so2", "gw-01"),
            ("env/z02/a/so2", "gw-02"),
            ("env/z02/b/no2", "gw-02"),
        ]
    ]
)
RULES = RuleSet(
    version="1",
    rules=[
        LimitRule(id="so2-high", points="env/*/*/so2", high=8.0, deadband=1.0, on_delay_s=2.0, off_delay_s=3.0),
        LimitRule(id="any-low", points="env/*/*/*", low=1.0, level="red"),
    ],
)
