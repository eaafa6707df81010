"""What all charts share: one look, and text in both languages at once, of which the page shows one."""

import html
import io
import re
import warnings
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Final

import matplotlib as mpl
import matplotlib.ticker
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

INK: Final = "#22303c"
MUTED: Final = "#66788a"
GRID: Final = "#e3e8ed"
TROUBLE: Final = "#b3261e"
WIDTH_IN: Final = 9.6
STYLE: Final = {
    "svg.fonttype": "none",
    "svg.hashsalt": "parkbench",  # the same result gives the same bytes
    "font.family": "DejaVu Sans",  # the metrics; the page's own fonts draw it
    "font.size": 9,
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "legend.frameon": False,
    "lines.linewidth": 1.6,
}
_NO_WORD = "\u200b"  # a space without width
_TEXT = re.compile(r"(<text [^>]*>)([^<]*)(</text>)")

Texts = Mapping[str, Mapping[str, str]]


class Sheet:
    """Charts of one report.

    Args:
        texts: by key, the text in each language (`en`, `zh`).
    """

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._zh_of = {text["en"]: text["zh"] for text in texts.values()}

    def en(self, key: str) -> str:
        """The English text, which `svg` replaces by both; an unknown key stands for itself."""
        return self._texts[key]["en"] if key in self._texts else key

    @staticmethod
    def name(text: str) -> str:
        """A name of the user's, which `svg` leaves alone even where it is a word of the texts."""
        return text + _NO_WORD

    def svg(self, figure: Figure) -> str:
        """The figure as an inline SVG. Text that has a translation becomes two spans, one of which the page hides."""
        FigureCanvasSVG(figure)
        drawn = io.StringIO()
        with warnings.catch_warnings():
            # Names may have letters that the font of the metrics lacks; the page's fonts have them.
            warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
            figure.savefig(drawn, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
        svg = drawn.getvalue()
        return _TEXT.sub(self._both_languages, svg[svg.index("<svg ") :])

    def _both_languages(self, match: re.Match[str]) -> str:
        begin, text, end = match.groups()
        zh = self._zh_of.get(html.unescape(text))
        if zh is None or html.escape(zh) == text:
            return match[0]
        return f'{begin}<tspan class="en">{text}</tspan><tspan class="zh">{html.escape(zh)}</tspan>{end}'


def styled() -> AbstractContextManager[None]:
    """The look, as a context in which to draw."""
    return mpl.rc_context(STYLE)


def single(height_in: float) -> tuple[Figure, Axes]:
    """A figure of the page's width with one plot."""
    figure = Figure(figsize=(WIDTH_IN, height_in))
    axes = figure.add_subplot()
    figure.subplots_adjust(left=0.085, right=0.985, top=1 - 0.32 / height_in, bottom=0.45 / height_in)
    return figure, axes


def plain(axes: Axes) -> None:
    """No frame but the lower line, no ticks."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(which="both", length=0)


def plain_log(axes: Axes) -> None:
    """Plain numbers on a log axis, with enough of them when it spans less than two decades."""
    plain(axes)
    low, high = axes.get_ylim()
    few = high / low < 100  # noqa: PLR2004 - two decades
    axes.yaxis.set_major_locator(matplotlib.ticker.LogLocator(subs=(1, 2, 5) if few else (1,)))
    axes.yaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda value, _: f"{value:,.6g}"))
    axes.yaxis.set_minor_formatter(matplotlib.ticker.NullFormatter())


def legend(axes: Axes, ncols: int = 5) -> None:
    """A legend above the plot."""
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=ncols, fontsize=8, borderaxespad=0.2,
                handlelength=1.6, columnspacing=1.4)  # fmt: skip
