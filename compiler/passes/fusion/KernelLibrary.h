// The kernels of a module while they are being formed: equal ones become one.
#pragma once

#include "dialects/sched/Sched.h"
#include "mlir/IR/Builders.h"
#include "llvm/ADT/bit.h"
#include <map>
#include <vector>

namespace pgc {

/// A number that a kernel takes: a constant, or a step value.
struct Slot {
  double constant = 0;
  mlir::Value stepValue;
  /// The same bits: 0 and -0 differ.
  bool operator==(const Slot &other) const {
    return llvm::bit_cast<uint64_t>(constant) ==
               llvm::bit_cast<uint64_t>(other.constant) &&
           stepValue == other.stepValue;
  }
};

/// Collects kernels. Two are equal if they do the same operations on the same
/// types, whatever numbers they do it with: numbers that differ between the
/// places where a kernel is used become arguments.
class KernelLibrary {
public:
  explicit KernelLibrary(mlir::ModuleOp module) : module(module) {}
  ~KernelLibrary();

  /// A use of a kernel: which, and the numbers to pass.
  struct Use {
    unsigned kernel;
    unsigned instance;
  };

  /// Takes over a detached kernel. Its trailing arguments of type f64 are the
  /// slots, each of which is read by one `pg.splat` only.
  Use add(pg::sched::KernelOp kernel, llvm::SmallVector<Slot> slots);

  /// Settles which slots are arguments, names the kernels and puts them at the
  /// end of the module.
  void finish();

  /// After `finish`: the kernel.
  pg::sched::KernelOp getKernel(Use use) const {
    return entries[use.kernel].kernel;
  }
  /// After `finish`: the numbers to pass, in order.
  llvm::SmallVector<Slot> getScalars(Use use) const;

private:
  using Key = std::vector<const void *>;
  struct Entry {
    pg::sched::KernelOp kernel;
    llvm::SmallVector<llvm::SmallVector<Slot>> instances;
    llvm::SmallVector<unsigned> arguments; // the slots that are arguments
  };

  static Key makeKey(pg::sched::KernelOp kernel);
  void settle(Entry &entry);

  mlir::ModuleOp module;
  std::vector<Entry> entries;
  std::map<Key, unsigned> index;
};

} // namespace pgc
