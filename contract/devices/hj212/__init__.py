"""HJ 212: environment loggers and their platform, edition 2017 with parts of 2025.

Sans-I/O: frames, segments, messages, packets, dialogue.
"""

from contract.devices.fault import Deviations, Fault, ProtocolError, Strict
from contract.devices.hj212.codes import NumberFormat, codes, number_format
from contract.devices.hj212.crc import crc
from contract.devices.hj212.frame import Frame, Framer, build
from contract.devices.hj212.messages import (
    Data,
    DataAnswer,
    ExecutionResult,
    FacilityHours,
    FacilityState,
    General,
    Heartbeat,
    Logger,
    Measured,
    Message,
    NoticeAnswer,
    Reading,
    RequestAnswer,
    StartUp,
    decode,
    encode,
    from_readings,
    readings,
)
from contract.devices.hj212.packets import Incomplete, Joiner, split
from contract.devices.hj212.receiver import (
    Freshness,
    Received,
    Receiver,
    answer_to,
    execution_result,
    request_answer,
)
from contract.devices.hj212.segment import Segment, parse
from contract.devices.hj212.uploader import Uploader
from contract.devices.resend import Timing

__all__ = [
    "Data",
    "DataAnswer",
    "Deviations",
    "ExecutionResult",
    "FacilityHours",
    "FacilityState",
    "Fault",
    "Frame",
    "Framer",
    "Freshness",
    "General",
    "Heartbeat",
    "Incomplete",
    "Joiner",
    "Logger",
    "Measured",
    "Message",
    "NoticeAnswer",
    "NumberFormat",
    "ProtocolError",
    "Reading",
    "Received",
    "Receiver",
    "RequestAnswer",
    "Segment",
    "StartUp",
    "Strict",
    "Timing",
    "Uploader",
    "answer_to",
    "build",
    "codes",
    "crc",
    "decode",
    "encode",
    "execution_result",
    "from_readings",
    "number_format",
    "parse",
    "readings",
    "request_answer",
    "split",
]
