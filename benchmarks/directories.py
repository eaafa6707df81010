"""Directories for results."""

from pathlib import Path

from contract.errors import PeerError


def new_directory(path: Path, *, force: bool) -> Path:
    """The path, if results may be written there.

    Raises:
        PeerError: it is a file, or has files in it that nobody said may be overwritten.
    """
    if path.exists() and not path.is_dir():
        raise PeerError("not a directory", where="--out", found=f"a file at {path}", wanted="a directory")
    if path.is_dir() and any(path.iterdir()) and not force:
        raise PeerError(
            "result directory exists",
            where="--out",
            found=f"{path} with files in it",
            wanted="a new or empty directory, or --force",
        )
    return path
