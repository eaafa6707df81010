"""A monitor's arrays handed to a kernel as one: a table of where they lie.

To hand in some twenty arrays one by one takes numba longer than to apply a pack of 500 readings.
"""

from typing import Any, get_type_hints

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array
from numpy.typing import NDArray

from reference_impl.monitoring import slots as s
from reference_impl.monitoring.kernel.core import Core, Floats, Int32s, Int64s

_PLAIN = {Int32s: np.dtype(np.int32), Int64s: np.dtype(np.int64), Floats: np.dtype(np.float64)}
_RECORDS = {
    "heads": s.HEAD,
    "spans": s.SPAN,
    "slots": s.SLOT,
    "params": s.PARAM,
    "alarms": s.ALARM,
    "gateways": s.GATEWAY,
    "heap": s.TIMER,
    "groups": s.GROUP,
    "memberships": s.MEMBERSHIP,
    "devices": s.DEVICE,
    "operands": s.OPERAND,
    "codes": s.CODE,
    "out": s.TRANSITION,
}
_DTYPES = [_RECORDS.get(name) or _PLAIN.get(hint, np.dtype(np.uint8)) for name, hint in get_type_hints(Core).items()]
_TYPE = types.NamedTuple([types.Array(numba.from_dtype(dtype), 1, "C") for dtype in _DTYPES], Core)


def book_of(core: Core) -> NDArray[np.int64]:
    """(fields, 2) address and length of each array. It is good for as long as `core` lives.

    Raises:
        TypeError: an array is not of the dtype that the kernels are compiled for.
    """
    arrays: list[NDArray[Any]] = list(core)
    for name, array, dtype in zip(Core._fields, arrays, _DTYPES, strict=True):
        if array.dtype != dtype or not array.flags.carray or array.ndim != 1:
            raise TypeError(
                f"{name}: expected a contiguous vector of {dtype}, found {array.dtype}, shape {array.shape}"
            )
    return np.array([(array.ctypes.data, len(array)) for array in arrays], dtype=np.int64)


@intrinsic
def opened(_context: Any, book: Any) -> Any:  # noqa: ANN401 - numba hands in its own types
    """`opened(book)` in a kernel: the `Core` that the book was made of."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401 - the same
        entries = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        word = ir.IntType(64)
        arrays = []
        for place, kind in enumerate(_TYPE.types):
            address, length = (builder.load(builder.gep(entries, [word(2 * place + part)])) for part in (0, 1))
            array = context.make_array(kind)(context, builder)
            size = word(context.get_abi_sizeof(context.get_data_type(kind.dtype)))
            data = builder.inttoptr(address, array.data.type)
            populate_array(array, data=data, shape=[length], strides=[size], itemsize=size, meminfo=None)
            arrays.append(array._getvalue())  # noqa: SLF001 - as numba's own code does
        return context.make_tuple(builder, _TYPE, arrays)

    return _TYPE(book), generate
