"""`python -m benchmarks.micro.day [--hours H] [SCENARIO]`: a day of the city, how long on one core, how much memory.

The whole trace is lived: readings, events, requests, incidents and responders, links, ground truth, and the digest.
With fewer than 24 hours the figure for a day is the same rate carried on; it then begins at 8:00, so that it is not the
night that is measured. It is no part of any suite.
"""

import argparse
import resource
import sys
import time

from msgspec.structs import replace
from rich.console import Console

from scenarios.model import find
from sim.trace import Pack, Trace

DAY_H = 24.0
WORK_BEGINS_H = 8
HOUR_MS = 3_600_000
MIB = 1024.0
TOLD_EVERY_S = 10.0


def main() -> int:
    """Live the hours, print readings a second, minutes a day and the peak of memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scenario", nargs="?", default="city-day")
    parser.add_argument("--hours", type=float, default=DAY_H, help="how much of the day to live")
    given = parser.parse_args()
    scenario = replace(find(given.scenario), duration_s=given.hours * 3600.0, warm_up_s=0.0)
    if given.hours < DAY_H:
        scenario = replace(scenario, starts_at_ms=scenario.starts_at_ms + WORK_BEGINS_H * HOUR_MS)
    console = Console()
    begun = time.process_time()
    trace = Trace(scenario)
    built_s = time.process_time() - begun
    readings, others = _count(trace, console)
    lived_s = time.process_time() - begun - built_s
    minutes = (built_s + lived_s * DAY_H / given.hours) / 60
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / MIB
    console.print(f"{given.hours:g} h of {scenario.name}: {readings:,} readings, {others:,} events and requests")
    rate = readings / lived_s / 1e6
    console.print(f"{rate:.1f} M readings/s, {len(trace.truth.incidents)} incidents, digest {trace.digest:016x}")
    console.print(f"a day: {minutes:.1f} minutes of one core; memory at most {peak_mib:,.0f} MiB")
    return 0


def _count(trace: Trace, console: Console) -> tuple[int, int]:
    """Live the trace; returns readings, and events and requests together."""
    readings = others = 0
    told_s = time.monotonic()
    for step in trace.steps():
        for emission in step:
            if isinstance(emission, Pack):
                readings += len(emission.columns)
            else:
                others += 1
        if time.monotonic() - told_s > TOLD_EVERY_S:
            told_s = time.monotonic()
            console.print(f"{readings:,} readings", style="dim")
    return readings, others


if __name__ == "__main__":
    sys.exit(main())
