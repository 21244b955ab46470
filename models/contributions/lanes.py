"""Eight doubles as one value in compiled loops: what is done to it is done to all eight, in one instruction where there is one.

Plain loops over eight numbers stay scalar, because the compiler cannot tell that arrays do not overlap. Only additions,
subtractions, multiplications and divisions, each rounded by itself: results are the same bits on every processor.

Numba's cache does not see edits here: touch `quadrature.py` after one.
"""

import operator
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.datamodel import models
from numba.extending import intrinsic, overload, register_model

WIDTH = 8
_VECTOR = ir.VectorType(ir.DoubleType(), WIDTH)


class _Lanes(types.Type):  # type: ignore[misc]
    def __init__(self) -> None:
        super().__init__(name=f"Lanes{WIDTH}")


@register_model(_Lanes)
class _LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    def __init__(self, manager: Any, kind: types.Type) -> None:
        super().__init__(manager, kind, _VECTOR)


LANES = _Lanes()


def _define(operation: Callable[[Any, Any], Any], instruction: str) -> None:
    @intrinsic
    def apply(typing: Any, one: types.Type, two: types.Type) -> Any:
        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            return getattr(builder, instruction)(*given)

        return LANES(LANES, LANES), generate

    @overload(operation, strict=False)
    def overloaded(one: types.Type, two: types.Type) -> Any:
        return (lambda one, two: apply(one, two)) if one is LANES and two is LANES else None  # noqa: PLW0108 - numba asks


for _operation, _instruction in (
    (operator.add, "fadd"), (operator.sub, "fsub"), (operator.mul, "fmul"), (operator.truediv, "fdiv"),
):  # fmt: skip
    _define(_operation, _instruction)


@intrinsic
def every(typing: Any, value: types.Type) -> Any:
    """One number in all lanes."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        first = builder.insert_element(ir.Constant(_VECTOR, ir.Undefined), given[0], ir.Constant(ir.IntType(32), 0))
        return builder.shuffle_vector(
            first, ir.Constant(_VECTOR, ir.Undefined), ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        )

    return LANES(types.float64), generate


def _place(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, given[0])
    offset = builder.mul(given[1], ir.Constant(given[1].type, WIDTH))
    return builder.bitcast(builder.gep(array.data, [offset]), _VECTOR.as_pointer())


@intrinsic
def load(typing: Any, array: types.Type, row: types.Type) -> Any:
    """A row of a contiguous array of shape (n, WIDTH)."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_place(context, builder, signature, given), align=8)

    return LANES(array, types.intp), generate


@intrinsic
def store(typing: Any, array: types.Type, row: types.Type, value: types.Type) -> Any:
    """Write a row of a contiguous array of shape (n, WIDTH)."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        builder.store(given[2], _place(context, builder, signature, given), align=8)
        return context.get_dummy_value()

    return types.void(array, types.intp, LANES), generate
