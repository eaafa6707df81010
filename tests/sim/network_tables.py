"""The tables of docs/links.md as they must stand there, made from the standard book."""

from sim.network import LinkBook
from sim.network.book import Figure, InterruptionLaw, LinkProfile


def link_rows(book: LinkBook) -> list[str]:
    """One row for each link."""
    return [_link_row(link) for link in book.links]


def backhaul_rows(book: LinkBook) -> list[str]:
    """One row for each link of gateways."""
    return [f"| `{one.link}` | {one.share:.0%} | {_code(one.via)} | {one.mark} |" for one in book.backhauls]


def device_rows(book: LinkBook) -> list[str]:
    """One row for each group of kinds of device."""
    rows = []
    for entry in book.devices:
        kinds = ", ".join(f"`{kind}`" for kind in entry.kinds)
        shares = ", ".join(f"`{link}` {share:.0%}" for link, share in entry.shares.items())
        rows.append(f"| {kinds} | {shares} | {entry.mark} |")
    return rows


def figure_rows(book: LinkBook) -> list[str]:
    """One row for each single figure."""
    groups = {
        "payload": book.payload,
        "tcp": book.tcp,
        "gateway": book.gateway,
        "device": book.device,
        "clocks.gateway": book.clocks.gateway,
        "clocks.device": book.clocks.device,
    }
    return [
        f"| `{group}.{name}` | {_number(getattr(part, name).value)} | {getattr(part, name).mark} |"
        for group, part in groups.items()
        for name in part.__struct_fields__
    ]


def _link_row(link: LinkProfile) -> str:
    delay = link.delay_ms
    cells = [
        f"`{link.id}`",
        f"{link.medium}, {link.transport}",
        f"{_marked(delay.median)}, {_marked(delay.p99)}",
        _marked(link.jitter_ms),
        f"{_number(100 * link.loss.value)} {link.loss.mark}",
        f"{_rate(link.up_bit_s)}, {_rate(link.down_bit_s)}",
        _often(link.outages),
        f"{_often(link.slowdowns)} to {link.slowdowns.share:.0%}",
        f"{_number(100 * link.duplicates.value)} {link.duplicates.mark}",
        "yes" if link.reorders else "no",
    ]
    return "| " + " | ".join(cells) + " |"


def _marked(figure: Figure) -> str:
    return f"{_number(figure.value)} {figure.mark}"


def _rate(figure: Figure) -> str:
    return f"{_number(figure.value / 1000)} {figure.mark}"


def _often(law: InterruptionLaw) -> str:
    return f"{_number(law.per_day)} × {_number(law.mean_s)} {law.mark}"


def _number(value: float) -> str:
    return f"{value:.10f}".rstrip("0").rstrip(".")


def _code(name: str | None) -> str:
    return f"`{name}`" if name else ""
