"""Progress of a long backtest on standard error: a bar on a terminal, else a line now and then."""

import time
from types import TracebackType
from typing import Final, Self

from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

SHOWN_AFTER_S: Final = 2.0
LINE_EVERY_S: Final = 5.0


class Progress:
    """Shows how far a phase is, from two seconds on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began_s = self._phase_s = time.monotonic()
        self._said_s = 0.0
        self._bar: Bar | None = None
        self._task: TaskID | None = None
        self._phase = ""

    def __enter__(self) -> Self:
        """Begin to watch."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Leave the terminal as it was."""
        if self._bar:
            self._bar.stop()

    def phase(self, name: str) -> None:
        """Something new begins."""
        self._phase, self._phase_s = name, time.monotonic()
        if self._bar and self._task is not None:
            self._bar.reset(self._task, description=name)

    def at(self, share: float | None, words: str) -> None:
        """So much of the phase is done; None where nobody can tell."""
        now_s = time.monotonic()
        if now_s - self._began_s < SHOWN_AFTER_S:
            return
        if self._console.is_terminal:
            self._on_bar(share, words)
        elif now_s - self._said_s >= LINE_EVERY_S:
            self._said_s = now_s
            part = "" if share is None else f"{share:.0%}, "
            self._console.print(f"{now_s - self._began_s:6.0f} s  {self._phase}: {part}{words}", style="dim")

    def _on_bar(self, share: float | None, words: str) -> None:
        if self._bar is None or self._task is None:
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                TextColumn("{task.percentage:>3.0f} %"),
                TimeRemainingColumn(),
                TextColumn("{task.fields[words]}", style="dim"),
            )
            self._bar = Bar(*columns, console=self._console, transient=True)
            self._task = self._bar.add_task(self._phase, total=1.0, words=words)
            self._bar.start()
        self._bar.update(self._task, completed=share or 0.0, words=words)
