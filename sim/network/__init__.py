"""The access network between devices and platform: delay, loss, bandwidth, interruptions, backlog, wrong clocks.

`AccessNetwork` carries a park's readings over it, `DirectAccess` does without. What it is made of is data: `links.yaml`
beside this file, read by `reading`. See docs/links.md.
"""

from sim.emission import Pack
from sim.network.access import AccessNetwork, DirectAccess
from sim.network.book import LinkBook, LinkProfile
from sim.network.interruptions import Cut
from sim.network.reading import load, standard_book
from sim.network.tally import LinkReport, NetworkReport, edges_ms, total

__all__ = [
    "AccessNetwork",
    "Cut",
    "DirectAccess",
    "LinkBook",
    "LinkProfile",
    "LinkReport",
    "NetworkReport",
    "Pack",
    "edges_ms",
    "load",
    "standard_book",
    "total",
]
