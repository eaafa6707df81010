"""The economy's YAML files, read strictly."""

from importlib import resources
from typing import TypeVar

import msgspec
import yaml

from contract.catalogue.model import Entry, Mark
from contract.errors import HarnessError
from contract.strict_yaml import CoreLoader

_T = TypeVar("_T")


class Figure(Entry, frozen=True, kw_only=True):
    """One number that people may correct, with where it comes from and how far to trust it."""

    value: float
    source: str
    mark: Mark


def read(name: str, kind: type[_T]) -> _T:
    """A file of this folder as `kind`.

    Raises:
        HarnessError: the file, the place and what is wrong.
    """
    return parse(name, resources.files("sim.world.economy").joinpath(name).read_text(encoding="utf-8"), kind)


def parse(name: str, text: str, kind: type[_T]) -> _T:
    """A text as `kind`; `name` is what errors call it.

    Raises:
        HarnessError: the file, the place and what is wrong.
    """
    try:
        return msgspec.convert(yaml.load(text, CoreLoader), kind)  # noqa: S506 - a subclass of the safe loaders
    except (yaml.YAMLError, msgspec.ValidationError) as error:
        raise HarnessError(f"{name}: {error}") from error


def fault(name: str, where: str, *, wanted: str, found: str) -> HarnessError:
    """The error for a file whose entries are well formed but make no sense together."""
    return HarnessError(f"{name}: {where}: expected {wanted}, found {found}")
