// The passes from tensors to a schedule over memory.
#ifndef SCHEDULE_PASSES
#define SCHEDULE_PASSES

include "mlir/Pass/PassBase.td"

def PlaceVariables : Pass<"place-variables", "::mlir::ModuleOp"> {
  let summary = "Give every variable its place in an arena";
  let description = [{
    A `pg.variable` gets the attribute `buffer`: a range of the arena of its space, in the order of
    declaration, so that a parameter and its gradient lie at equal offsets. Where there are
    gradients, the kernel `@combine` is added, which adds one instance of the arena to another.
  }];
  let dependentDialects = ["::pg::sched::SchedDialect"];
}

def OutlineRest : Pass<"outline-rest", "::mlir::ModuleOp"> {
  let summary = "Make kernels of what fusion left over";
  let description = [{
    Every operation on tensors that is neither a call of a kernel nor a view of memory nor a load or
    store becomes a kernel of kind `loops`. Equal operations share one.
  }];
  let dependentDialects = ["::pg::sched::SchedDialect"];
}

def GatherHostWork : Pass<"gather-host-work", "::mlir::ModuleOp"> {
  let summary = "Put what the host's LAPACK computes side by side";
  let description = [{
    In functions with `pg.gptq` or `pg.svd`, operations are sorted by how many of these are on the longest way to them. Those that then
    follow one another directly are independent: the runtime does them at once, each on one thread.
  }];
}

def Schedule : Pass<"schedule", "::mlir::ModuleOp"> {
  let summary = "Turn functions of tensors into programs over buffers";
  let description = [{
    Every tensor gets memory: variables and what is loaded from them at their places, inputs and
    outputs in the arena `io`, constants in `constants`, all else in buffers of its own
    (`sched.temp`) that `plan-memory` places. Reshapes and aligned slices of leading axes are views.
    A value that is stored to a variable is produced there, unless the old value is still needed.
  }];
  let dependentDialects = ["::pg::sched::SchedDialect"];
}

def PlanMemory : Pass<"plan-memory", "::mlir::ModuleOp"> {
  let summary = "Place the temporary buffers of all programs in the arena `activations`";
  let description = [{
    A buffer lives from the first command that touches it to the last; buffers that live at the
    same time do not overlap. The largest are placed first, each in the smallest gap that fits.
    A row kernel that works element by element may write its result over an operand that dies.
  }];
  let dependentDialects = ["::pg::sched::SchedDialect"];
  let options = [Option<"inPlace", "in-place", "bool", "true",
                        "Let elementwise kernels write over operands that die">];
}

def VerifySchedule : Pass<"verify-schedule", "::mlir::ModuleOp"> {
  let summary = "Check that a schedule is safe to run";
  let description = [{
    Every buffer lies within its arena and, if a kernel touches it, starts at a multiple of 64; no
    kernel writes what it or another of its buffers reads, other than in place; nothing is read
    before it was written, or after a part of it was overwritten.
  }];
}

#endif
