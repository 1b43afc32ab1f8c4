"""Fully connected layers, with L pictures side by side: arrays are [l, j, n] for neuron j.

    Z[l, k] = b[k] + Σ_j W[j, k] · A_prev[l, j]                                                           (1)
    dA_prev[l, j] = Σ_k W[j, k] · dZ[l, k]                                                                (2)
    dW[j, k] = Σ_n Σ_l A_prev[l, j] · dZ[l, k]                                                            (3)
    db[k] = Σ_n Σ_l dZ[l, k]                                                                              (4)

A stage may end in an activation; dZ is then computed from dA and A or Z (upstream.py).
"""

import halide as hl

from fovea.kernels.pipelines.activations import ZERO
from fovea.kernels.pipelines.activations import forward as activate
from fovea.kernels.pipelines.arrays import array, fixed, result, variables
from fovea.kernels.pipelines.upstream import Upstream
from fovea.kernels.tiles import dense_weights, tasks

_GUARD = hl.TailStrategy.GuardWithIf


def forward(*, n_in, n_out, bias, activation, saved, lanes, tile, vector):
    """(1), then the activation; if `saved`, also Z. A register tile is `tile` neurons × L pictures; with L =
    1, a vector holds neurons."""
    # Algorithm
    A_prev, W, b = array("A_prev", [lanes, n_in]), fixed("W", [n_out, n_in]), fixed("b", [n_out])
    l, k, n = variables("l k n")
    Z, A = hl.Func("Z"), hl.Func("A")
    r = hl.RDom([(0, n_in)], "r")
    Z[l, k, n] = b[k] if bias else ZERO
    Z[l, k, n] += W[k, r[0]] * A_prev[l, r[0], n]  # (1)
    activated = activate(activation, hl.Expr(Z[l, k, n]))
    A[l, k, n] = (activated, Z[l, k, n]) if saved else activated

    # Schedule: the sums of a register tile stay in registers while one input of L pictures at a time meets
    # the tile's neurons; 24 neurons need 25 loads for 24 products. Groups of L pictures are the tasks.
    #   lenet5: 400 → 120: 0.031 ms, 85% of peak; 120 → 84: 0.008 ms, 66%; 84 → 10: 0.003 ms, 17%.
    #   resnet18 --inference, where 8 pictures fill half of a vector: 512 → 1000: 0.21 ms, 17%.
    result(A, [lanes, n_out])
    if lanes > 1:
        _schedule(A, Z, l, k, n, r, tile)
    else:
        _schedule_single_pictures(A, Z, k, n, r, n_in, n_out, vector)
    return {"A saved" if saved else "A": A}, [A_prev, W, *([b] if bias else [])]


def inputs(*, n_in, n_out, after, lanes, tile):
    """(2). A register tile is `tile` inputs × L pictures."""
    # Algorithm
    upstream = Upstream(after, lanes, n_out, (1, 1), (1, 1))
    W = fixed("W", [n_out, n_in])
    l, j, k, n = variables("l j k n")
    dZ, sums, dA_prev = hl.Func("dZ"), hl.Func("sums"), hl.Func("dA_prev")
    dZ[l, k, n] = upstream.dZ(l, k, hl.i32(0), hl.i32(0), n)
    r = hl.RDom([(0, n_out)], "r")
    sums[l, j, n] = ZERO
    sums[l, j, n] += W[r[0], j] * dZ[l, r[0], n]  # (2)
    dA_prev[l, j, n] = sums[l, j, n]

    # Schedule: as in `forward`, with inputs in the place of neurons.
    #   lenet5: 400 ← 120: 0.031 ms, 84% of peak; 120 ← 84: 0.008 ms, 66%; 84 ← 10: 0.003 ms, 17%.
    result(dA_prev, [lanes, n_in])
    _schedule(dA_prev, sums, l, j, n, r, tile)
    if after:
        dZ.compute_at(dA_prev, n).vectorize(l)
    return {"dA_prev": dA_prev}, [*upstream.arguments, W]


def _schedule(
    outcome: hl.Func, sums: hl.Func, l: hl.Var, k: hl.Var, n: hl.Var, r: hl.RDom, tile: int
) -> None:
    ko, ki = variables("ko ki")
    outcome.split(k, ko, ki, tile, hl.TailStrategy.ShiftInwards).reorder(l, ki, ko, n)
    outcome.vectorize(l).unroll(ki).parallel(n)
    sums.compute_at(outcome, ko).vectorize(l).unroll(k)
    sums.update().reorder(l, k, r[0]).vectorize(l).unroll(k)


def _schedule_single_pictures(
    A: hl.Func, Z: hl.Func, k: hl.Var, n: hl.Var, r: hl.RDom, n_in: int, n_out: int, vector: int
) -> None:
    """Vectors of neurons, up to four in registers; the threads share the blocks of neurons.

    One picture: lenet5, 400 → 120: 0.003 ms, 18% of peak; resnet18, 512 → 1000: 0.17 ms, reading 2 MB of
    weights at 12 GB/s.
    """
    if n_out < vector:
        A.parallel(n)
        A.vectorize(k, vector, _GUARD)
        Z.compute_at(A, n).vectorize(k, vector, _GUARD)
        Z.update().reorder(k, r[0]).vectorize(k, vector, _GUARD)
        return
    ko, ki = variables("ko ki")
    block = max(vectors * vector for vectors in (1, 2, 4) if vectors * vector <= n_out)
    A.split(k, ko, ki, block, hl.TailStrategy.ShiftInwards).vectorize(ki, vector)
    A.parallel(ko if tasks(n_in * n_out) > 1 else n)
    Z.compute_at(A, ko).bound_extent(k, block).vectorize(k, vector).unroll(k)
    Z.update().reorder(k, r[0]).vectorize(k, vector).unroll(k)


def weights(*, n_in, n_out, bias, after, lanes, vector, tile):
    """(3) and (4). A vector of neurons × `tile` inputs is summed over all pictures. A task transposes dZ for
    its own block of neurons, and sums over some of the inputs: there are no partial sums, and no core reads
    data that another has just written."""
    # Algorithm
    K, V = n_out, vector
    A_prev = array("A_prev", [lanes, n_in])
    upstream = Upstream(after, lanes, K, (1, 1), (1, 1))
    groups = upstream.dA.dim(4).extent()
    l, k, j, n = variables("l k j n")
    transposed, sums, dW, across, db = (
        hl.Func(name) for name in ("transposed", "sums", "dW", "across", "db")
    )

    def dZ(l: hl.Expr, k: hl.Expr, n: hl.Expr) -> hl.Expr:
        return upstream.dZ(l, hl.min(k, K - 1), hl.i32(0), hl.i32(0), n)

    transposed[k, l, n] = dZ(l, k, n)
    r = hl.RDom([(0, lanes), (0, groups)], "r")
    sums[k, j] = ZERO
    sums[k, j] += transposed[k, r[0], r[1]] * A_prev[r[0], j, r[1]]  # (3)
    dW[k, j] = sums[k, j]
    lane, group = hl.RDom([(0, lanes)], "lane"), hl.RDom([(0, groups)], "group")
    across[l, k] = ZERO
    across[l, k] += dZ(l, k, group[0])
    db[k] = ZERO
    db[k] += across[lane[0], k]  # (4)

    # Schedule: the sums of a register tile stay in registers over all pictures; the neurons of a task meet an
    # input together, so that A_prev is read once per task.
    #   lenet5: 400 → 120: 0.037 ms, 71% of peak; 120 → 84: 0.012 ms, 47%.
    kb, kv, ki, jb, jo, ji = variables("kb kv ki jb jo ji")
    block, share = dense_weights(n_in, n_out, tile, V)
    result(dW, [K, n_in])
    dW.split(k, kv, ki, V, _GUARD if K % V == 0 else hl.TailStrategy.PredicateStores)
    dW.split(kv, kb, kv, block, _GUARD).split(j, jo, ji, tile, hl.TailStrategy.ShiftInwards)
    dW.split(jo, jb, jo, share, _GUARD).reorder(ki, ji, kv, jo, kb, jb)
    dW.vectorize(ki).unroll(ji).parallel(kb).parallel(jb)
    sums.compute_at(dW, kv).bound_extent(k, V).vectorize(k).unroll(j)
    sums.update().reorder(k, j, r[0], r[1]).vectorize(k).unroll(j)
    transposed.compute_at(dW, kb).bound_extent(k, block * V).reorder(k, l, n).vectorize(k, V)
    result(db, [K]).update().atomic().vectorize(lane[0])
    across.compute_at(db, k).vectorize(l)
    across.update().vectorize(l)
    return {"dW": dW, **({"db": db} if bias else {})}, [A_prev, *upstream.arguments]
