"""A kernel of nothing but fused multiply-adds on numbers in registers: what the processor does at most."""

import halide as hl

from fovea.kernels.pipelines.algebra import fixed, variables


def multiply_adds(*, vector, sums, factors, rounds):
    """`sums` vectors s ← s·x + 1 for all `factors` numbers x, `rounds` times over: out [i, task]."""
    # Algorithm
    x, out, total = fixed("x", [factors]), hl.Func("out"), hl.Func("total")
    i, task, lane, vectors = variables("i task lane vectors")
    r = hl.RDom([(0, factors), (0, rounds)], "r")
    total[i, task] = hl.f32(1.0)
    total[i, task] = total[i, task] * x[r[0]] + hl.f32(1.0)
    out[i, task] = total[i, task]

    # Schedule: the sums stay in registers; so many of them go on side by side that none waits for itself.
    out.bound(i, 0, vector * sums).parallel(task).vectorize(i, vector)
    total.compute_at(out, task).vectorize(i, vector).unroll(i)
    update = total.update().reorder(i, r[0], r[1], task).split(i, vectors, lane, vector)
    update.vectorize(lane).unroll(vectors)
    return {"out": out}, [x]
