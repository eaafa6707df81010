"""Hold the core to the oracle over millions of readings.

Run `python tests/reference_impl/monitoring/long_agreement.py --readings 10000000`. It ends with 1 at the first
disagreement, and says how to repeat it.
"""

# ruff: noqa: T201 - a script that tells its progress

import argparse
import sys
import time
from collections import Counter
from multiprocessing import get_context

from agreement import agree

PACKS, READINGS_MAX = 60, 40


def history_of(seed: int) -> tuple[int, Counter[str], str]:
    """What occurred in the history of a seed, and how core and oracle disagree, if they do."""
    try:
        return seed, agree(seed, PACKS, READINGS_MAX), ""
    except AssertionError as error:
        return seed, Counter(), "; ".join([str(error).splitlines()[0][:60], *error.__notes__])


def main() -> int:
    """Run; 1 at the first disagreement."""
    parser = argparse.ArgumentParser(description="Core and oracle hear random histories and must tell the same.")
    parser.add_argument("--readings", type=int, default=10_000_000, help="stop after so many (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1_000_000, help="seed of the first history (default: %(default)s)")
    parser.add_argument("--processes", type=int, default=2, help="how many at a time (default: %(default)s)")
    asked = parser.parse_args()
    occurred: Counter[str] = Counter()
    began_s = shown_s = time.monotonic()
    with get_context("spawn").Pool(asked.processes) as pool:
        for seed, of_history, disagreement in pool.imap(history_of, range(asked.seed, sys.maxsize), chunksize=8):
            if disagreement:
                print(f"seed {seed}: {disagreement}")
                return 1
            occurred += of_history
            is_enough, now_s = occurred["readings"] >= asked.readings, time.monotonic()
            if is_enough or now_s - shown_s > 10:
                shown_s = now_s
                rate = occurred["readings"] / (now_s - began_s)
                print(
                    f"{occurred['readings']:>12,} readings agree, {rate:,.0f} readings/s, up to seed {seed}", flush=True
                )
            if is_enough:
                break
        pool.terminate()
    for what, times in sorted(occurred.items()):
        print(f"{times:>12,} {what}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
