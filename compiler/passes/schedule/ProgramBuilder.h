// Turns one function of tensors into a program over buffers.
#pragma once

#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/IRMapping.h"

namespace pgc {

/// Constants of all programs, each kept once in the arena `constants`.
class ConstantPool {
public:
  explicit ConstantPool(mlir::ModuleOp module) : module(module) {}
  pg::sched::BufAttr place(mlir::ElementsAttr value, mlir::Location location);

private:
  mlir::ModuleOp module;
  llvm::DenseMap<mlir::Attribute, pg::sched::BufAttr> places;
};

/// Builds the program of one function, whose operations are calls of kernels,
/// views, loads, stores and step values.
class ProgramBuilder {
public:
  /// `symbols` are the module's; it is not told of the new program.
  ProgramBuilder(mlir::func::FuncOp func, const mlir::SymbolTable &symbols,
                 ConstantPool &constants);

  /// Replaces the function by its program.
  mlir::LogicalResult build();

private:
  using BufAttr = pg::sched::BufAttr;

  // What is known of the function before memory is given out.
  void findUses();
  void findDirectStores();
  void findParts();
  bool mayProduceInPlace(pg::StoreOp store, mlir::OpResult value);
  bool isOverwrittenBeforeLastUse(pg::LoadOp load);
  bool isDirect(mlir::Operation *store) const;

  // Memory.
  BufAttr newTemp(int64_t bytes);
  BufAttr placeOf(mlir::FlatSymbolRefAttr variable);
  /// Where a kernel, or what its result is a part of, puts its result.
  BufAttr destinationOf(mlir::OpResult value);
  void placePorts();

  // Commands.
  mlir::LogicalResult convert(mlir::Operation &op);
  mlir::LogicalResult convertCall(pg::sched::CallOp call);
  void convertHostWork(mlir::Operation &op);
  void convertConcat(pg::ConcatOp concat);
  void convertView(mlir::Operation &op, int64_t offset, bool copies);
  void copyTo(BufAttr destination, mlir::Value value, mlir::Location location);
  mlir::Value cloneStepValue(mlir::Value value);

  /// The value that owns the memory which a chain of views shows.
  static mlir::Value rootOf(mlir::Value value);

  mlir::func::FuncOp func;
  mlir::ModuleOp module;
  const mlir::SymbolTable &symbols;
  ConstantPool &constants;
  mlir::OpBuilder builder;
  pg::sched::ProgramOp program;
  int64_t numTemps = 0;
  mlir::Operation *lastTemp = nullptr;

  llvm::DenseMap<mlir::Operation *, int64_t> time; // position in the function
  llvm::DenseMap<mlir::Value, int64_t>
      lastUse; // of a root, through all its views
  llvm::DenseMap<mlir::Attribute,
                 llvm::SmallVector<std::pair<int64_t, mlir::Operation *>>>
      writes; // by variable
  llvm::DenseMap<mlir::Attribute, llvm::SmallVector<pg::LoadOp>> loads;
  llvm::DenseMap<mlir::Value, pg::StoreOp>
      direct; // values that are produced in the variable's memory
  llvm::DenseMap<mlir::Value, int64_t>
      returned; // values that are produced in an output's memory
  llvm::DenseMap<mlir::Value, std::pair<mlir::OpResult, int64_t>>
      parts; // values that are produced within a concat
  llvm::SmallVector<pg::sched::PortAttr> inputs, outputs;
  llvm::DenseMap<mlir::Value, BufAttr> where;
  mlir::IRMapping stepValues;
};

} // namespace pgc
