// What the commands of a program touch.
#pragma once

#include "dialects/sched/Sched.h"
#include "mlir/IR/BuiltinOps.h"

namespace pgc {

/// The buffers of one command: first those that it reads, then those that it
/// writes.
struct Touched {
  llvm::SmallVector<pg::sched::BufAttr> buffers;
  unsigned firstWritten = 0;

  llvm::ArrayRef<pg::sched::BufAttr> read() const {
    return llvm::ArrayRef(buffers).take_front(firstWritten);
  }
  llvm::ArrayRef<pg::sched::BufAttr> written() const {
    return llvm::ArrayRef(buffers).drop_front(firstWritten);
  }
};

/// Nothing, if `op` is no command.
Touched touchedBy(mlir::Operation &op, const mlir::SymbolTable &symbols);

} // namespace pgc
