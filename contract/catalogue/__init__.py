"""The catalogue as data: parks, management subsystems with their device profiles and rules, service matters.

The data is YAML beside this file, so that people who know the field can read and correct it. It is loaded once, when
first asked for. Every entry says where it comes from and how far to trust it (`model.Mark`).
"""

from contract.catalogue.land import industries
from contract.catalogue.layout import ParkPoints, park_layout, park_points, park_size
from contract.catalogue.load import holidays, matters, parks, profiles, subsystems
from contract.catalogue.model import (
    Device,
    FormField,
    HolidayYear,
    Industry,
    Limit,
    Matter,
    Park,
    QuantityProfile,
    Subsystem,
    ZoneKind,
)
from contract.catalogue.rules import full_rules, standard_rules

__all__ = [
    "Device",
    "FormField",
    "HolidayYear",
    "Industry",
    "Limit",
    "Matter",
    "Park",
    "ParkPoints",
    "QuantityProfile",
    "Subsystem",
    "ZoneKind",
    "full_rules",
    "holidays",
    "industries",
    "matters",
    "park_layout",
    "park_points",
    "park_size",
    "parks",
    "profiles",
    "standard_rules",
    "subsystems",
]
