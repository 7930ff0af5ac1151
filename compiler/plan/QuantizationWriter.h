// What of a plan is about quantisation and packing.
#pragma once

#include "dialects/sched/Sched.h"
#include "mlir/IR/BuiltinOps.h"
#include "runtime/plan/plan.pb.h"
#include "llvm/ADT/STLFunctionalExtras.h"

namespace pgc {

using SetSlot =
    llvm::function_ref<void(pgrt::plan::Slot *, pg::sched::BufAttr)>;

/// Adds the quantiser of each parameter, from the attributes `quantizer` of the
/// parameters and `leaf` of the variables of their leaves. The module's
/// variables have places.
void addQuantization(mlir::ModuleOp module, pgrt::plan::Plan &out,
                     SetSlot setSlot);

/// Adds what the module's attribute `pg.pack` says.
void addPack(mlir::ModuleOp module, pgrt::plan::Plan &out);

/// Fills in the command that a `sched.host` is.
mlir::LogicalResult addHostCommand(pg::sched::HostOp host,
                                   pgrt::plan::Command &command,
                                   SetSlot setSlot);

} // namespace pgc
