"""GB/T 26875.3-2011: fire transmitters and their monitoring centre. Sans-I/O: frames, data units, dialogue."""

from contract.devices.fault import Deviations, Fault, ProtocolError, Strict
from contract.devices.gb26875.codes import bit_names, codes, quantity, raw_value
from contract.devices.gb26875.dialogue import Initiator, Received, Responder, reply
from contract.devices.gb26875.frame import Clock, Command, Frame, Framer
from contract.devices.gb26875.objects import Object, decode, encode
from contract.devices.resend import Timing

__all__ = [
    "Clock",
    "Command",
    "Deviations",
    "Fault",
    "Frame",
    "Framer",
    "Initiator",
    "Object",
    "ProtocolError",
    "Received",
    "Responder",
    "Strict",
    "Timing",
    "bit_names",
    "codes",
    "decode",
    "encode",
    "quantity",
    "raw_value",
    "reply",
]
