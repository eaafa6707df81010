"""The book of links: its laws come out as written, its pages tell the same, and a wrong book is refused."""

import math
import re
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from network_builders import figure, link, streams
from network_tables import backhaul_rows, device_rows, figure_rows, link_rows

from contract import catalogue
from scenarios.document import ScenarioError
from sim.network import edges_ms, load, standard_book
from sim.network.book import ClockProfile
from sim.network.clocks import REFRESH_MS, SkewedClocks
from sim.network.law import LOST, delay_law
from sim.network.reading import parse
from sim.network.tally import BINS, bins, histogram

BAD = Path(__file__).parent / "bad_links"
DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGES = pytest.mark.parametrize("page", ["links.md", "links.zh-CN.md"])
NAMES = [one.id for one in standard_book().links]
DRAWS = 200_000
ALPHA = 1e-6  # of each hypothesis test; the seeds are fixed
DEVIATIONS = NormalDist().inv_cdf(1 - ALPHA / 2)


def _binomial_bound(share: float, count: int) -> float:
    return DEVIATIONS * math.sqrt(count * share * (1 - share))


@pytest.mark.parametrize("name", NAMES)
def test_quantiles_are_those_of_the_profile(name: str) -> None:
    """The share of delays below the written median and 99th percentile passes a binomial test for each link."""
    profile = link(name, jitter_ms=0.0, loss=0.0)
    delay = delay_law(profile, standard_book().tcp).draw(streams()(name), DRAWS)
    for share, quantile in ((0.5, profile.delay_ms.median.value), (0.99, profile.delay_ms.p99.value)):
        assert abs(np.count_nonzero(delay <= quantile) - share * DRAWS) < _binomial_bound(share, DRAWS)


@pytest.mark.parametrize("name", NAMES)
def test_delays_are_log_normal(name: str) -> None:
    """The delays pass a Kolmogorov-Smirnov test against the log-normal law through both quantiles."""
    profile = link(name, jitter_ms=0.0, loss=0.0)
    law = delay_law(profile, standard_book().tcp)
    ordered = np.sort(law.draw(streams()(name), DRAWS).astype(np.float64))
    normal = NormalDist(law.location, law.spread)
    places = np.arange(0, DRAWS, 50)
    reach = np.array([normal.cdf(value) for value in np.log(ordered[places])])
    distance = np.abs(reach - (places + 0.5) / DRAWS).max()
    # Between the places looked at the distance grows by at most 50 draws.
    assert distance < math.sqrt(-math.log(ALPHA / 2) / (2 * DRAWS)) - 50 / DRAWS
    assert ordered[-1] <= law.longest_ms


def test_draws_do_not_depend_on_each_other() -> None:
    """Neighbouring delays, and delays four apart (which share random words), are not correlated."""
    delay = np.log(delay_law(link("fibre", loss=0.0), standard_book().tcp).draw(streams()("lags"), DRAWS))
    delay -= delay.mean()
    for lag in (1, 2, 3, 4):
        correlation = float((delay[lag:] * delay[:-lag]).mean() / delay.var())
        assert abs(correlation) < DEVIATIONS / math.sqrt(DRAWS)


@pytest.mark.parametrize("name", [name for name in NAMES if standard_book().link(name).transport == "udp"])
def test_on_udp_messages_are_lost_at_the_rate_of_the_profile(name: str) -> None:
    """The number of lost messages passes a binomial test, and losses do not come in pairs."""
    profile = standard_book().link(name)
    lost = delay_law(profile, standard_book().tcp).draw(streams()(name), DRAWS) == LOST
    share = profile.loss.value
    assert abs(lost.sum() - share * DRAWS) < _binomial_bound(share, DRAWS)
    assert abs((lost[1:] & lost[:-1]).sum() - share**2 * DRAWS) < _binomial_bound(share**2, DRAWS) * 1.5


def test_on_tcp_a_loss_is_a_time_out_that_doubles() -> None:
    """Nothing is lost; k losses cost 1, 3, 7 ... time-outs, and come with probability loss ** k."""
    share = 0.3
    profile = link("fibre", median=0.001, p99=0.002, loss=share)
    delay = delay_law(profile, standard_book().tcp).draw(streams()("tcp"), DRAWS)
    assert np.isfinite(delay).all()
    attempts = int(standard_book().tcp.attempts.value)
    levels = [1000 * (2**losses - 1) for losses in range(attempts + 1)]
    assert {round(value / 1000) * 1000 for value in delay.tolist()} == set(levels)
    for losses, level in enumerate(levels[:-1]):
        wanted = share**losses * (1 - share)
        found = int((np.abs(delay - level) < 500).sum())
        assert abs(found - wanted * DRAWS) < _binomial_bound(wanted, DRAWS)


def test_jitter_comes_on_top() -> None:
    """Jitter is uniform from nothing to its figure."""
    law = delay_law(link("wifi", median=0.001, p99=0.002, loss=0.0, jitter_ms=80.0), standard_book().tcp)
    delay = np.sort(law.draw(streams()("jitter"), DRAWS))
    assert 0 <= delay[0] < 1
    assert 79 < delay[-1] <= law.longest_ms
    distance = np.abs(delay / 80 - (np.arange(DRAWS) + 0.5) / DRAWS).max()
    assert distance < math.sqrt(-math.log(ALPHA / 2) / (2 * DRAWS))


def test_bins_hold_what_their_edges_say() -> None:
    """Each delay lies between the edges of its bin, and a bin is at most an eighth wide."""
    delay = np.exp(streams()("bins").uniform(np.log(0.1), np.log(900_000), 10_000)).astype(np.float32)
    edges, found = edges_ms(), bins(delay)
    assert ((edges[found] <= delay) & (delay < edges[found + 1])).all()
    assert (edges[1:] / edges[:-1]).max() <= 1.125
    assert histogram(delay).sum() == len(delay)
    assert bins(np.array([0, 1e9], np.float32)).tolist() == [0, BINS - 1]


def test_clocks_drift_and_are_set_right() -> None:
    """Between synchronisations a clock drifts by its parts per million; it never runs backwards; the bound holds."""
    profile = ClockProfile(residual_sd_ms=figure(2000), drift_sd_ppm=figure(100), resync_s=figure(7200))
    clocks = SkewedClocks([profile] * 300, 0, 500, streams()("clocks"))
    shown, jumps = clocks.error_ms, 0
    for now_ms in range(0, 86_400_000, 500 * 60):
        clocks.refresh(now_ms)
        step = clocks.error_ms - shown
        assert (step > -500).all()
        assert (np.abs(clocks.error_ms) <= profile.error_ms_max).all()
        jumps += int((np.abs(step) > 3 * 100e-6 * REFRESH_MS + 1).sum())
        shown = clocks.error_ms
    # 300 clocks are set right about twelve times; a large step back is spread over several refreshes.
    assert 300 * 11 * 0.9 < jumps < 300 * 12 * 12


def test_a_right_clock_shows_no_error() -> None:
    """Without residual and drift the error is nothing, for ever."""
    right = ClockProfile(residual_sd_ms=figure(0), drift_sd_ppm=figure(0), resync_s=figure(60))
    clocks = SkewedClocks([right] * 5, 0, 1000, streams()("right"))
    for now_ms in range(REFRESH_MS, 600_000, REFRESH_MS):
        assert clocks.refresh(now_ms)
        assert not clocks.error_ms.any()


def test_every_kind_of_device_has_its_links() -> None:
    """The book names each device of the catalogue, and no other."""
    known = {f"{one.subsystem}/{one.device}" for one in catalogue.profiles()}
    named = [kind for entry in standard_book().devices for kind in entry.kinds]
    assert sorted(named) == sorted(known)


@pytest.mark.parametrize("kind", ["lighting/lamp", "energy/meter", "energy/supply", "somebody/else"])
def test_shares_add_up(kind: str) -> None:
    """Mixes are resolved to links, and nothing of a kind is left without one."""
    shares = standard_book().shares_of(kind)
    assert set(shares) <= set(NAMES)
    assert sum(shares.values()) == pytest.approx(1)


def test_the_plans_figures_stand_as_written() -> None:
    """10 Gbit/s to the park, 1 Gbit/s to the building, 100 Mbit/s to the desk; seven in ten NB-IoT devices are near."""
    book = standard_book()
    rates = [book.link(name).up_bit_s.value for name in ("park-10g", "building-1g", "desk-100m")]
    assert rates == [10e9, 1e9, 100e6]
    assert book.shares_of("energy/meter") == pytest.approx({"nbiot-ce0": 0.7, "nbiot-ce1": 0.2, "nbiot-ce2": 0.1})


@PAGES
def test_pages_tell_what_the_book_says(page: str) -> None:
    """Each figure of the book stands in the page's tables with its mark, in both languages, and no other row does."""
    book = standard_book()
    rows = [*link_rows(book), *backhaul_rows(book), *device_rows(book), *figure_rows(book)]
    text = (DOCS / page).read_text(encoding="utf-8")
    assert re.findall(r"^\| `.*\|$", text, re.MULTILINE) == rows
    assert f"`{book.otherwise}`" in text


@PAGES
def test_the_example_of_the_pages_loads(page: str, tmp_path: Path) -> None:
    """Whoever copies the example has a book: its link carries its kinds, all else is standard."""
    text = (DOCS / page).read_text(encoding="utf-8")
    (block,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "our-links.yaml"
    path.write_text(block, encoding="utf-8")
    book = load(path)
    assert book.shares_of("gis/pipe") == {"lora-mine": 1.0}
    assert book.shares_of("gis/road") == standard_book().shares_of("gis/road")
    assert [one.link for one in book.backhauls] == ["lte"]
    assert book.link("lte") == standard_book().link("lte")
    (message,) = re.findall(r"^our-links.yaml: .*$", text, re.MULTILINE)
    with pytest.raises(ScenarioError) as caught:
        parse(block.replace("value: 2100", "value: 300"), "our-links.yaml")
    assert str(caught.value) == message


@pytest.mark.parametrize("path", sorted(BAD.glob("*.bad.yaml")), ids=lambda path: path.name[:-9])
def test_a_wrong_book_is_refused(path: Path) -> None:
    """Each bad file is refused with the message beside it: where, what was wanted, what was found."""
    with pytest.raises(ScenarioError) as caught:
        parse(path.read_text(encoding="utf-8"), path.name)
    assert f"{caught.value}\n" == path.with_name(f"{path.name[:-9]}.message").read_text(encoding="utf-8")


def test_every_message_of_a_wrong_book_has_its_file() -> None:
    """No expected message is left behind without the file that causes it."""
    assert {path.stem for path in BAD.glob("*.message")} == {path.name[:-9] for path in BAD.glob("*.bad.yaml")}


def test_files_that_are_no_text_are_refused(tmp_path: Path) -> None:
    """A missing or binary file is an error of its author, not a traceback."""
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScenarioError, match=r"missing.yaml: expected a readable file, found no such file or directory"):
        load(tmp_path / "missing.yaml")
    with pytest.raises(ScenarioError, match=r"binary.yaml: expected UTF-8 text, found other bytes"):
        load(tmp_path / "binary.yaml")
