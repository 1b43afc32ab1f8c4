"""Hysteresis by flood fill: strong edges mark their weak neighbours, and these mark theirs.

The work depends on the data, which Halide cannot express. So it is written in LLVM's language, like
scratch.py, and runs on one thread. Bytes are 0 (no edge), 1 (weak), 2 (strong) and 3 (linked). A stack holds
the positions whose neighbours have not been visited.
"""

import ctypes
from functools import cache

import numpy as np

from fovea.kernels import runtime

_NAME = "fovea_link"

# The neighbours of position %p: the label of each one's code, and its offset.
_AROUND = (("n0", "-1"), ("n1", "1"), ("n2", "%above"), ("n3", "%below"), ("n4", "%above_left"),
           ("n5", "%above_right"), ("n6", "%below_left"), ("n7", "%below_right"))  # fmt: skip


def linked(candidates: np.ndarray) -> np.ndarray:
    """As `fovea.reference.hysteresis.linked`."""
    H, W = candidates.shape
    marks = np.zeros(H * W + 8, np.uint8)  # the scan reads eight at once
    marks[: H * W] = candidates.ravel()
    stack = np.empty(H * W, np.int32)
    _flood()(marks.ctypes.data, H * W, W, stack.ctypes.data)
    return (marks[: H * W] == 3).reshape(H, W)


@cache
def _flood():
    """The loaded function."""
    return runtime.load_source(
        _NAME, _source(), (ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    )


def _source() -> str:
    """The flood in LLVM's language: fovea_link(marks, count, width, stack)."""
    blocks, depth = [], "%rest"
    for number, (name, offset) in enumerate(_AROUND):
        following = _AROUND[number + 1][0] if number + 1 < len(_AROUND) else "more"
        blocks.append(f"""
{name}:
  %{name}.depth = phi i64 [ {depth}, %{"take" if number == 0 else _AROUND[number - 1][0]} ]{_pushed(number)}
  %{name}.place = add i64 %p, {offset}
  %{name}.at = getelementptr i8, ptr %marks, i64 %{name}.place
  %{name}.mark = load i8, ptr %{name}.at
  %{name}.less = sub i8 %{name}.mark, 1
  %{name}.open = icmp ult i8 %{name}.less, 2
  br i1 %{name}.open, label %{name}.push, label %{following}
{name}.push:
  store i8 3, ptr %{name}.at
  %{name}.slot = getelementptr i32, ptr %stack, i64 %{name}.depth
  %{name}.small = trunc i64 %{name}.place to i32
  store i32 %{name}.small, ptr %{name}.slot
  %{name}.deeper = add i64 %{name}.depth, 1
  br label %{following}""")
        depth = f"%{name}.depth"
    last = _AROUND[-1][0]
    return f"""
define void @{_NAME}(ptr %marks, i64 %count, i64 %width, ptr %stack) {{
entry:
  %below = add i64 %width, 0
  %above = sub i64 0, %width
  %above_left = sub i64 %above, 1
  %above_right = add i64 %above, 1
  %below_left = sub i64 %width, 1
  %below_right = add i64 %width, 1
  br label %scan
scan:
  %i = phi i64 [ 0, %entry ], [ %i.next, %next ]
  %end = icmp uge i64 %i, %count
  br i1 %end, label %done, label %look
look:
  %eight.at = getelementptr i8, ptr %marks, i64 %i
  %eight = load i64, ptr %eight.at, align 1
  %strong = and i64 %eight, {0x0202020202020202}
  %none = icmp eq i64 %strong, 0
  br i1 %none, label %next, label %each
each:
  %j = phi i64 [ 0, %look ], [ %j.next, %each.next ]
  %start = add i64 %i, %j
  %start.at = getelementptr i8, ptr %marks, i64 %start
  %start.mark = load i8, ptr %start.at
  %is.strong = icmp eq i8 %start.mark, 2
  br i1 %is.strong, label %begin, label %each.next
begin:
  store i8 3, ptr %start.at
  %first = trunc i64 %start to i32
  store i32 %first, ptr %stack
  br label %take
take:
  %depth = phi i64 [ 1, %begin ], [ %more.depth, %more ]
  %rest = sub i64 %depth, 1
  %top = getelementptr i32, ptr %stack, i64 %rest
  %p.small = load i32, ptr %top
  %p = zext i32 %p.small to i64
  br label %{_AROUND[0][0]}
{"".join(blocks)}
more:
  %more.depth = phi i64 [ %{last}.depth, %{last} ], [ %{last}.deeper, %{last}.push ]
  %empty = icmp eq i64 %more.depth, 0
  br i1 %empty, label %each.next, label %take
each.next:
  %j.next = add i64 %j, 1
  %all = icmp eq i64 %j.next, 8
  br i1 %all, label %next, label %each
next:
  %i.next = add i64 %i, 8
  br label %scan
done:
  ret void
}}
"""


def _pushed(number: int) -> str:
    """The second predecessor of neighbour `number` in its phi: the previous neighbour, if that was pushed."""
    if number == 0:
        return ""
    before = _AROUND[number - 1][0]
    return f", [ %{before}.deeper, %{before}.push ]"
