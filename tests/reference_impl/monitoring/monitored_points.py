"""Points for tests of the core, of which only name and gateway matter unless a rule asks for more."""

from collections.abc import Mapping

from contract.messages import Point


def points_of(gateway_of: Mapping[str, str]) -> list[Point]:
    """Points by name and gateway; the zone is the second part of a name that has four parts, else `z1`."""
    return [
        Point(name=name, gateway=gateway, zone=zone_of(name), subsystem=name.split("/", maxsplit=1)[0], unit="1")
        for name, gateway in gateway_of.items()
    ]


def zone_of(name: str) -> str:
    """`z01` of `env/z01/air-0001/so2`."""
    parts = name.split("/")
    return parts[1] if len(parts) == 4 else "z1"
