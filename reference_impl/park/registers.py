"""The registers of a park: entries checked against their register, and what the city may see of them."""

from collections.abc import Sequence

from msgspec.structs import replace

from contract.catalogue.registers import Measure, Register, registers
from contract.errors import PeerError
from contract.registers import EntryFields, RegisterEntry, RegisterGroup, RegisterSummary
from reference_impl.park.cases import check_form
from reference_impl.park.recent import Recent

NAME_LENGTH_MAX = 200
RECENT_ENTRIES_MAX = 1000


def register_of(name: str) -> Register:
    """The register of this name.

    Raises:
        PeerError: 404 there is none.
    """
    register = registers().get(name)
    if register is None:
        wanted = " or ".join(sorted(registers()))
        raise PeerError("unknown register", status=404, where="register", found=repr(name), wanted=wanted)
    return register


class EntryBook:
    """A bounded window of recently written entries; the store has them all.

    Attributes:
        entries: by (register, entry).
    """

    def __init__(self, park: str) -> None:
        self._park = park
        self.entries: Recent[tuple[str, str], RegisterEntry] = Recent(RECENT_ENTRIES_MAX)

    def put(self, register: str, entry: str, written: EntryFields, now_ms: int) -> tuple[RegisterEntry, bool]:
        """The entry as written, and whether that is new.

        Raises:
            PeerError: 404 unknown register; 422 wrong fields, wrong id, nobody named.
        """
        kind = register_of(register)
        for where, text in (("entry", entry), ("by", written.by)):
            if not 0 < len(text) <= NAME_LENGTH_MAX:
                found = f"{len(text)} characters" if text else "''"
                raise PeerError("wrong length", where=where, found=found, wanted=f"1 to {NAME_LENGTH_MAX} characters")
        check_form(kind.fields, written.fields, where="fields")
        former = self.entries.get((register, entry))
        if former is not None and former.fields == written.fields:
            return former, False
        made = RegisterEntry(
            park=self._park,
            register=register,
            entry=entry,
            version=1 if former is None else former.version + 1,
            changed_ms=now_ms,
            by=written.by,
            fields=written.fields,
        )
        self.entries.keep((register, entry), made)
        return made, True


def for_city(entry: RegisterEntry) -> RegisterEntry:
    """The entry without the fields that stay in the park."""
    shared = registers()[entry.register].city
    return replace(entry, fields={name: entry.fields[name] for name in shared})


def summary(register: Register, by: str, entries: Sequence[RegisterEntry]) -> RegisterSummary:
    """The register's figures for each group of entries.

    Raises:
        PeerError: 400 the register is not grouped so.
    """
    if by not in register.groups:
        wanted = " or ".join(register.groups)
        raise PeerError("invalid parameter", status=400, where="query.by", found=repr(by), wanted=wanted)
    groups: dict[str, list[RegisterEntry]] = {}
    for entry in entries:
        groups.setdefault(entry.park if by == "park" else str(entry.fields[by]), []).append(entry)
    return RegisterSummary(
        register=register.register,
        by=by,
        groups=[
            RegisterGroup(group=group, entries=len(members), measures=_measures(register, members))
            for group, members in sorted(groups.items())
        ],
    )


def _measures(register: Register, members: Sequence[RegisterEntry]) -> dict[str, float]:
    worked_out = {each.measure: _figure(each, members) for each in register.measures}
    return {name: figure for name, figure in worked_out.items() if figure is not None}


def _figure(measure: Measure, members: Sequence[RegisterEntry]) -> float | None:
    if measure.how == "count":
        return float(len(members))
    of = _total(measure.of, members)
    if measure.how == "sum":
        return of * measure.scale
    if measure.how == "mean":
        over = float(len(members))
    elif measure.how == "ratio":
        over = _total(measure.over, members)
    else:
        over = of
        fitting = [one for one in members if all(one.fields[name] == text for name, text in measure.where.items())]
        of = _total(measure.of, fitting)
    return of / over * measure.scale if over else None


def _total(name: str, members: Sequence[RegisterEntry]) -> float:
    return float(sum(float(member.fields[name]) for member in members))
