"""A block of a dense layer: OUTPUTS outputs on COLUMNS rows, whose sums stay in registers while the inputs pass.

`block` says what it computes; in compiled code the same is a loop of vector instructions, which numba would not make: sums
would go to memory and back at each input. A fused multiply-add rounds once, on any machine, so that a sum has the same bits
in every block.
"""

from __future__ import annotations

import numpy as np
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, overload

ROWS = 64  # of a tile, which lies in memory as (units, ROWS)
OUTPUTS, COLUMNS, LANES = 4, 32, 16  # 8 registers of 512 bits for the sums, or 16 of 256


def block(weights, before, after, first, x, y):
    """y[first + q, r] = bias + sum_i weights[first + q, i] x[i, r], input after input, for q < OUTPUTS and r < COLUMNS.

    weights: of one layer, (after, before) and the biases (after,), flat; where there is no output first + q, the last is
    computed again. x (before, ROWS), y (after, ROWS), flat, from the first row of the block on.
    """
    for q in range(OUTPUTS):
        o = min(first + q, after - 1)
        for r in range(COLUMNS):
            total = weights[after * before + o]
            for i in range(before):  # but for a last bit, since float64 rounds the sum as well, a fused multiply-add
                total = np.float32(np.float64(total) + np.float64(weights[o * before + i]) * np.float64(x[i * ROWS + r]))
            y[(first + q) * ROWS + r] = total


ir = cgutils.ir  # llvmlite, as numba has it


@intrinsic
def _in_registers(context, weights, before, after, first, x, y):
    def generate(context, builder, signature, arguments):
        vector, index = ir.VectorType(ir.FloatType(), LANES), ir.IntType(64)
        number = lambda value: ir.Constant(index, value)
        data = lambda k: cgutils.create_struct_proxy(signature.args[k])(context, builder, arguments[k]).data
        weights, x, y = data(0), data(4), data(5)
        before, after, first = arguments[1:4]
        add, times, at = builder.add, builder.mul, lambda array, place: builder.gep(array, [place])
        multiply_add = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(vector, [vector] * 3), f"llvm.fma.v{LANES}f32"
        )

        def everywhere(pointer):
            """The number there, in each lane."""
            one = builder.insert_element(
                ir.Constant(vector, ir.Undefined), builder.load(pointer), ir.Constant(ir.IntType(32), 0)
            )
            return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES))

        def lanes(array, unit, part):
            """Where the part of the block's rows lies in memory."""
            place = add(times(unit, number(ROWS)), number(part * LANES))
            return builder.bitcast(at(array, place), vector.as_pointer())

        parts = range(COLUMNS // LANES)
        outputs, sums = [], []
        for q in range(OUTPUTS):
            wanted, last = add(first, number(q)), builder.sub(after, number(1))
            output = builder.select(builder.icmp_signed("<", wanted, last), wanted, last)
            outputs.append(times(output, before))
            bias = everywhere(at(weights, add(times(after, before), output)))
            sums.append([cgutils.alloca_once_value(builder, bias) for _ in parts])
        with cgutils.for_range(builder, before) as loop:
            inputs = [builder.load(lanes(x, loop.index, part), align=4) for part in parts]
            for q in range(OUTPUTS):
                weight = everywhere(at(weights, add(outputs[q], loop.index)))
                for part in parts:
                    total = builder.load(sums[q][part])
                    builder.store(builder.call(multiply_add, [weight, inputs[part], total]), sums[q][part])
        for q in range(OUTPUTS):
            for part in parts:
                builder.store(builder.load(sums[q][part]), lanes(y, add(first, number(q)), part), align=4)
        return context.get_dummy_value()

    return types.void(weights, types.int64, types.int64, types.int64, x, y), generate


@overload(block)
def _compiled(weights, before, after, first, x, y):
    return lambda weights, before, after, first, x, y: _in_registers(weights, before, after, first, x, y)
