"""A pool of scratch memory for kernels, kept from one call to the next.

A kernel allocates scratch memory at every call, and in every thread. Fresh memory is mapped by the system
page by page as it is first touched, which can take as long as the computation: 20 ms instead of 10 for
Winograd's convolution of 512 channels. So freed pieces are kept in lists by size, for the next allocation of
that size. Sizes are rounded up to powers of two, whose unused pages are never touched; nothing is returned to
the system before the process ends.

This is written in LLVM's language because threads without Python's lock call it, and there is no C compiler.
A piece starts on a multiple of 128 bytes; the number of its list is in the 8 bytes before it, and a free
piece holds the address of the next one of its list in its first 8 bytes.
"""

MALLOC, FREE = "fovea_malloc", "fovea_free"

SOURCE = """
@free_lists = internal global [64 x ptr] zeroinitializer
@locks = internal global [64 x i32] zeroinitializer

declare ptr @malloc(i64)
declare i64 @llvm.ctlz.i64(i64, i1)

define internal void @acquire(ptr %lock) {
entry:
  br label %try
try:
  %was = atomicrmw xchg ptr %lock, i32 1 acquire
  %taken = icmp ne i32 %was, 0
  br i1 %taken, label %try, label %done
done:
  ret void
}

define ptr @fovea_malloc(ptr %context, i64 %size) {
entry:
  %room = add i64 %size, 255
  %zeros = call i64 @llvm.ctlz.i64(i64 %room, i1 false)
  %list = sub i64 64, %zeros
  %head = getelementptr [64 x ptr], ptr @free_lists, i64 0, i64 %list
  %lock = getelementptr [64 x i32], ptr @locks, i64 0, i64 %list
  call void @acquire(ptr %lock)
  %first = load ptr, ptr %head
  %none = icmp eq ptr %first, null
  br i1 %none, label %fresh, label %reuse
reuse:
  %next = load ptr, ptr %first
  store ptr %next, ptr %head
  store atomic i32 0, ptr %lock release, align 4
  ret ptr %first
fresh:
  store atomic i32 0, ptr %lock release, align 4
  %bytes = shl i64 1, %list
  %raw = call ptr @malloc(i64 %bytes)
  %failed = icmp eq ptr %raw, null
  br i1 %failed, label %nothing, label %give
give:
  %start = ptrtoint ptr %raw to i64
  %beyond = add i64 %start, 255
  %aligned = and i64 %beyond, -128
  %piece = inttoptr i64 %aligned to ptr
  %note = getelementptr i8, ptr %piece, i64 -8
  store i64 %list, ptr %note
  ret ptr %piece
nothing:
  ret ptr null
}

define void @fovea_free(ptr %context, ptr %piece) {
entry:
  %nothing = icmp eq ptr %piece, null
  br i1 %nothing, label %done, label %keep
keep:
  %note = getelementptr i8, ptr %piece, i64 -8
  %list = load i64, ptr %note
  %head = getelementptr [64 x ptr], ptr @free_lists, i64 0, i64 %list
  %lock = getelementptr [64 x i32], ptr @locks, i64 0, i64 %list
  call void @acquire(ptr %lock)
  %next = load ptr, ptr %head
  store ptr %next, ptr %piece
  store ptr %piece, ptr %head
  store atomic i32 0, ptr %lock release, align 4
  br label %done
done:
  ret void
}
"""
