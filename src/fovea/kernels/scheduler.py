"""The assignment of a parallel loop's tasks to threads: runs of neighbours, the same at each call.

Halide's pool gives each task to the next free thread. Data that one layer's task has written are then in one
core's caches, and the next layer's task may read them on another core: for small layers, as with a single
picture, that takes longer than computing. So a loop's tasks are divided into runs of neighbours, one per
thread, and the pool's tasks are these runs; the thread that starts the loop always gets the first. A thread
that has finished its run helps with the others, so that a late or interrupted thread costs no more than with
Halide's pool.

No sum depends on the thread that computes it. This is written in LLVM's language because threads without
Python's lock call it, and there is no C compiler.
"""

PARALLEL_FOR, SET_THREADS = "fovea_parallel_for", "fovea_set_threads"

_MOST = 64  # runs; with more threads, Halide's own assignment is used
_LINE = 16  # 32-bit numbers between the counters of two runs: each has its own cache line

# A loop is { function, its closure, first task, number of tasks, number of runs, started tasks of each run }.
SOURCE = f"""
%loop = type {{ ptr, ptr, i32, i32, i32, [{_MOST * _LINE} x i32] }}

@threads = internal global i32 1

declare i32 @halide_default_do_par_for(ptr, ptr, i32, i32, ptr)

define void @{SET_THREADS}(i32 %count) {{
  store i32 %count, ptr @threads
  ret void
}}

define internal i32 @begin_of(i32 %run, ptr %loop) {{
  %tasks.at = getelementptr %loop, ptr %loop, i64 0, i32 3
  %tasks = load i32, ptr %tasks.at
  %runs.at = getelementptr %loop, ptr %loop, i64 0, i32 4
  %runs = load i32, ptr %runs.at
  %run.wide = zext i32 %run to i64
  %tasks.wide = zext i32 %tasks to i64
  %runs.wide = zext i32 %runs to i64
  %product = mul i64 %run.wide, %tasks.wide
  %begin = udiv i64 %product, %runs.wide
  %small = trunc i64 %begin to i32
  ret i32 %small
}}

define internal i32 @run(ptr %context, i32 %own, ptr %loop) {{
entry:
  %function = load ptr, ptr %loop
  %closure.at = getelementptr %loop, ptr %loop, i64 0, i32 1
  %closure = load ptr, ptr %closure.at
  %first.at = getelementptr %loop, ptr %loop, i64 0, i32 2
  %first = load i32, ptr %first.at
  %runs.at = getelementptr %loop, ptr %loop, i64 0, i32 4
  %runs = load i32, ptr %runs.at
  br label %runs.next
runs.next:
  %done = phi i32 [ 0, %entry ], [ %done.more, %runs.over ]
  %turn = add i32 %own, %done
  %now = urem i32 %turn, %runs
  %begin = call i32 @begin_of(i32 %now, ptr %loop)
  %after = add i32 %now, 1
  %end = call i32 @begin_of(i32 %after, ptr %loop)
  %place = mul i32 %now, {_LINE}
  %counter = getelementptr %loop, ptr %loop, i64 0, i32 5, i32 %place
  br label %task
task:
  %begun = atomicrmw add ptr %counter, i32 1 monotonic
  %task.number = add i32 %begin, %begun
  %over = icmp uge i32 %task.number, %end
  br i1 %over, label %runs.over, label %compute
compute:
  %number = add i32 %first, %task.number
  %code = call i32 %function(ptr %context, i32 %number, ptr %closure)
  %failed = icmp ne i32 %code, 0
  br i1 %failed, label %failure, label %task
failure:
  ret i32 %code
runs.over:
  %done.more = add i32 %done, 1
  %more = icmp ult i32 %done.more, %runs
  br i1 %more, label %runs.next, label %success
success:
  ret i32 0
}}

define i32 @{PARALLEL_FOR}(ptr %context, ptr %function, i32 %first, i32 %tasks, ptr %closure) {{
entry:
  %loop = alloca %loop, align 64
  %threads = load i32, ptr @threads
  %runs = call i32 @llvm.smin.i32(i32 %threads, i32 %tasks)
  %many = icmp sgt i32 %runs, {_MOST}
  br i1 %many, label %default, label %few
default:
  %by.pool = call i32 @halide_default_do_par_for(ptr %context, ptr %function, i32 %first, i32 %tasks,
                                                 ptr %closure)
  ret i32 %by.pool
few:
  %none = icmp slt i32 %runs, 1
  br i1 %none, label %nothing, label %prepare
nothing:
  ret i32 0
prepare:
  store ptr %function, ptr %loop
  %closure.at = getelementptr %loop, ptr %loop, i64 0, i32 1
  store ptr %closure, ptr %closure.at
  %first.at = getelementptr %loop, ptr %loop, i64 0, i32 2
  store i32 %first, ptr %first.at
  %tasks.at = getelementptr %loop, ptr %loop, i64 0, i32 3
  store i32 %tasks, ptr %tasks.at
  %runs.at = getelementptr %loop, ptr %loop, i64 0, i32 4
  store i32 %runs, ptr %runs.at
  br label %clear
clear:
  %n = phi i32 [ 0, %prepare ], [ %n.next, %clear ]
  %place = mul i32 %n, {_LINE}
  %counter = getelementptr %loop, ptr %loop, i64 0, i32 5, i32 %place
  store i32 0, ptr %counter
  %n.next = add i32 %n, 1
  %cleared = icmp sge i32 %n.next, %runs
  br i1 %cleared, label %decide, label %clear
decide:
  %one = icmp eq i32 %runs, 1
  br i1 %one, label %alone, label %together
alone:
  %by.one = call i32 @run(ptr %context, i32 0, ptr %loop)
  ret i32 %by.one
together:
  %by.all = call i32 @halide_default_do_par_for(ptr %context, ptr @run, i32 0, i32 %runs, ptr %loop)
  ret i32 %by.all
}}

declare i32 @llvm.smin.i32(i32, i32)
"""
