"""Vectors of the direct convolutions' schedules: of filters or channels in NHWC, else of pictures."""

import halide as hl

from fovea.kernels.pipelines.arrays import variables
from fovea.kernels.tiles import Tile


def vectorize_tile(stage, l: hl.Var, k: hl.Var, lanes: int, tile: Tile):
    """Vectors of pictures if L > 1, else of filters; the whole tile stays in registers."""
    if lanes > 1:
        return stage.vectorize(l).unroll(k)
    return stage.vectorize(k) if tile.filters == tile.vector else stage.vectorize(k, tile.vector).unroll(k)


def split_blocks(
    stage, l: hl.Var, k: hl.Var, extent: int, lanes: int, tile: Tile
) -> tuple[hl.Var, list[hl.Var]]:
    """Split the `extent` filters k of a result into blocks of a tile. Returns the variable of the loop over
    blocks, and those of the loops within one. The last block's last vector may be partial, and is stored
    under a mask; so vectors are split off first, because Halide cannot split a masked loop again."""
    kb, kv, ki = variables("kb kv ki")
    v = tile.vector
    if lanes > 1:
        stage.split(k, kb, ki, tile.filters, hl.TailStrategy.GuardWithIf).vectorize(l).unroll(ki)
        return kb, [l, ki]
    stage.split(k, kv, ki, v, hl.TailStrategy.PredicateStores if extent % v else hl.TailStrategy.GuardWithIf)
    stage.split(kv, kb, kv, tile.filters // v, hl.TailStrategy.GuardWithIf).vectorize(ki).unroll(kv)
    return kb, [l, ki, kv]


def vectorize_rows(rows: hl.Func, lanes: int, tile: Tile) -> None:
    """For `padded_rows`, which is scratch memory: the last vector of a row may extend beyond it."""
    l, q = variables("l q")
    if lanes > 1:
        rows.vectorize(l)
    else:
        rows.vectorize(q, tile.vector, hl.TailStrategy.RoundUp)


def vectorize_channels(stage, l: hl.Var, k: hl.Var, lanes: int, vector: int) -> None:
    """For arrays whose channels need not be a multiple of the vector."""
    if lanes > 1:
        stage.vectorize(l)
    else:
        stage.vectorize(k, vector, hl.TailStrategy.GuardWithIf)
