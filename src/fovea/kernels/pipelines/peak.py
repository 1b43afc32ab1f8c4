"""A kernel of fused multiply-adds on registers alone, which measures the processor's peak."""

import halide as hl

from fovea.kernels.pipelines.arrays import fixed, variables


def multiply_adds(*, vector, sums, factors, rounds):
    """`sums` vectors s ← s·x + 1 for all `factors` numbers x, `rounds` times: out [i, task]."""
    # Algorithm
    x, out, total = fixed("x", [factors]), hl.Func("out"), hl.Func("total")
    i, task, lane, vectors = variables("i task lane vectors")
    r = hl.RDom([(0, factors), (0, rounds)], "r")
    total[i, task] = hl.f32(1.0)
    total[i, task] = total[i, task] * x[r[0]] + hl.f32(1.0)
    out[i, task] = total[i, task]

    # Schedule: the sums stay in registers, enough of them that none waits for its previous multiply-add.
    # 236 GFLOP/s on two cores at 3.7 GHz: 32 operations per cycle and core, one 512-bit multiply-add.
    out.bound(i, 0, vector * sums).parallel(task).vectorize(i, vector)
    total.compute_at(out, task).vectorize(i, vector).unroll(i)
    update = total.update().reorder(i, r[0], r[1], task).split(i, vectors, lane, vector)
    update.vectorize(lane).unroll(vectors)
    return {"out": out}, [x]
