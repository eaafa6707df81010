"""Asking for a record before it is needed, so that several are on their way from memory at once."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_POINTER = ir.IntType(8).as_pointer()
_INT = ir.IntType(32)
_TO_WRITE, _TO_KEEP, _DATA = _INT(1), _INT(3), _INT(1)


@intrinsic
def prefetch(_context: Any, records: Any, place: Any) -> Any:  # noqa: ANN401, ARG001 - numba hands in its own types
    """`prefetch(records, place)` in a kernel: bring `records[place]` near, to be written; changes nothing.

    LLVM Language Reference, intrinsic `llvm.prefetch`.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:  # noqa: ANN401 - the same
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        pointer = cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]], wraparound=False)
        signature_of = ir.FunctionType(ir.VoidType(), [_POINTER, _INT, _INT, _INT])
        function = cgutils.get_or_insert_function(builder.module, signature_of, "llvm.prefetch.p0")
        builder.call(function, [builder.bitcast(pointer, _POINTER), _TO_WRITE, _TO_KEEP, _DATA])
        return context.get_dummy_value()

    return types.void(records, types.intp), generate
