"""Fixtures of this room."""

from load_server import server

__all__ = ["server"]
