"""The catalogue as data: parks, management subsystems with their device profiles and rules, service matters.

The data is YAML beside this file, so that people who know the field can read and correct it. It is loaded once, when
first asked for. Every entry says where it comes from and how far to trust it (`model.Mark`).
"""

from contract.catalogue.layout import ParkPoints, park_points
from contract.catalogue.load import matters, parks, profiles, subsystems
from contract.catalogue.model import Device, FormField, Limit, Matter, Park, QuantityProfile, Subsystem
from contract.catalogue.rules import full_rules, standard_rules

__all__ = [
    "Device",
    "FormField",
    "Limit",
    "Matter",
    "Park",
    "ParkPoints",
    "QuantityProfile",
    "Subsystem",
    "full_rules",
    "matters",
    "park_points",
    "parks",
    "profiles",
    "standard_rules",
    "subsystems",
]
