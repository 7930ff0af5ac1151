// Random operands of a kernel, and what its results should be.
#pragma once

#include "dialects/sched/Sched.h"
#include "tests/support/KernelRunner.h"

namespace pgtest {

size_t elementBytes(mlir::Type element);
/// A tensor as memory holds it, and back.
void encode(const Tensor &value, mlir::Type element, char *to);
Tensor decode(const char *from, mlir::RankedTensorType type);

/// What differs by more than `tolerance` times the largest number wanted; empty
/// if nothing does.
std::string compare(const Tensor &got, const Tensor &wanted, double tolerance);

struct KernelData {
  KernelData(pg::sched::KernelOp kernel, const KernelCheck &check);

  std::vector<mlir::RankedTensorType> types; // of operands, then results
  std::vector<Tensor> operands;              // as memory holds them
  std::vector<Tensor> initial; // what results start as: NaN (1 if they are
                               // whole numbers), or what is added to
  std::vector<double> scalars;

  /// Compares results with the interpreter's; says what is wrong.
  std::string check(pg::sched::KernelOp kernel, const KernelCheck &check,
                    const std::vector<Tensor> &results) const;
};

} // namespace pgtest
