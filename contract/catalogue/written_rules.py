"""Rules as the catalogue writes them: the keys of a rules file, a mark of the source, and defaults for each kind."""

from collections.abc import Mapping

from contract.errors import HarnessError, PeerError
from contract.rulebook.written import rule
from contract.rules import Rule

Written = dict[str, object]


def quantity_rule(written: Written, defaults: Mapping[str, Written], quantity: str, where: str) -> Rule:
    """A rule of one quantity; its id and its points follow from the quantity.

    Args:
        written: what differs from the defaults of its kind.
        defaults: by kind; `{quantity}` in ids of other rules stands for this quantity's.
        quantity: "subsystem/device/quantity".
        where: file and place, for errors.

    Raises:
        HarnessError: with the place and what is wrong.
    """
    subsystem, device, last = quantity.split("/")
    name = quantity.replace("/", "-")
    kind = str(written.get("kind"))
    if kind not in defaults:
        raise HarnessError(f"{where}: expected one of the kinds {', '.join(defaults)}, found {kind!r}")
    whole = defaults[kind] | written | {"id": f"{name}-{kind}", "points": f"{subsystem}/*/{device}-*/{last}"}
    inhibitions = whole.get("suppressed_by")
    if isinstance(inhibitions, list):
        whole["suppressed_by"] = [one | {"rule": one["rule"].replace("{quantity}", name)} for one in inhibitions]
    return park_rule(whole, where)


def park_rule(written: Written, where: str) -> Rule:
    """A rule written in full.

    Raises:
        HarnessError: with the place and what is wrong.
    """
    plain = {key: value for key, value in written.items() if key != "mark"}
    if not (written.get("source") and written.get("mark") in ("V", "S", "M", "A")):
        raise HarnessError(f"{where}: expected a source and its mark V, S, M or A")
    try:
        return rule(plain | {"source": f"{written['source']} [{written['mark']}]"}, where)
    except PeerError as error:
        raise HarnessError(str(error)) from error
