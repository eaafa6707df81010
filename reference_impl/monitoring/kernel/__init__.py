"""The hot loops: free functions over arrays. SEMANTICS.md says what they decide; the tests' oracle checks them."""

from pathlib import Path


def _forget_stale_code() -> None:
    """Drop compiled kernels that are older than any of the sources.

    numba's cache notices a change of the file that a kernel stands in, but not of the files that it calls into.
    """
    folder = Path(__file__).parent
    sources = [*folder.glob("*.py"), folder.parent / "slots.py"]
    changed = max(source.stat().st_mtime for source in sources)
    for index in (folder / "__pycache__").glob("*.nbi"):
        if index.stat().st_mtime < changed:
            index.unlink(missing_ok=True)


_forget_stale_code()
