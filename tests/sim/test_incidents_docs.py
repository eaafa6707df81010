"""What the documentation says of incidents is what the data says."""

import re
from pathlib import Path

import pytest

from sim.world.incidents.kinds import manners, responders

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.mark.parametrize(("page", "language"), [("incidents.md", "en"), ("incidents.zh-CN.md", "zh")])
def test_the_table_of_kinds_is_that_of_the_data(page: str, language: str) -> None:
    """Each kind stands there with its name, its share and the chances of its consequences, in the order of the file."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([a-z-]+)` \| ([^|]+) \| ([\d.]+) \| [^|]+ \| ([^|]*)\|$", text, re.MULTILINE)
    told = [(kind, name, float(share), re.findall(r"`([a-z-]+)` (\d+) %", leads)) for kind, name, share, leads in rows]
    assert told == [
        (
            kind,
            getattr(manner.name, language),
            manner.share,
            [(it.kind, str(round(100 * it.chance))) for it in manner.leads_to],
        )
        for kind, manner in manners().items()
    ]


def test_the_figures_of_responders_are_those_of_the_data() -> None:
    """The numbers that the pages tell in words are those of the file."""
    who = responders()
    assert (who.desk.operators, who.brigade.stations, who.brigade.crews) == (1, 12, 3)
    assert {team.team: team.of_a_park for team in who.teams} == {"patrol": 2, "technician": 2}
    assert (who.storm.parks, who.storm.crossing_s) == (0.6, 120)
    assert who.escalation_s == {"red": 60, "orange": 180, "yellow": 300, "blue": 900}
