// How a rows kernel is computed: its loop nests, what each computes, and what
// is kept between them.
//
// A kernel's body is evaluated row by row. Within a row, values are computed
// where they are used, element by element, from those that are *resident*:
// operands in memory, results of reductions, and what was put into the thread's
// scratch. The *roots* are what must be computed by a loop: results,
// reductions, kept values. Roots over the same elements share one nest of
// loops, so that what they have in common is read and computed once. Nests run
// in the order of their levels: a root's level is above that of every reduction
// or kept value it depends on; results come last of all, so that a kernel may
// overwrite an operand which it reads at equal places only.
#pragma once

#include "compiler/kernels/RowsIndex.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/Sched.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/SetVector.h"
#include <set>

namespace pgc {

/// Where a value lies that need not be computed.
struct Resident {
  enum class Kind {
    Buffer, // an operand: elements in row-major order
    Global, // a constant: likewise
    Slot,   // the elements of one row, in scratch
    Scalar  // one number for the row, in a register
  } kind = Kind::Buffer;
  unsigned buffer = 0; // Buffer: which
  int64_t offset = 0;  // Slot: bytes from the start of scratch
  unsigned prefix = 0; // Slot, Scalar: leading axes that belong to the row ...
  Coordinates rows;    // ... and their coordinates
  int level =
      -1; // of the nest that computes it, -1 for what is there from the start
};

struct Root {
  enum class Kind { Store, Partial, Reduce, Keep } kind;
  mlir::Value value; // what is evaluated: for Reduce and Partial the operand
  Coordinates coordinates; // of `value`, in variables of the nest
  unsigned result = 0;     // Store, Partial: which result of the kernel
  pg::ReduceOp reduce;     // Reduce
  unsigned prefix = 0;     // leading axes of `value` that belong to the row
};

struct Nest {
  int level = 0;
  llvm::SmallVector<unsigned>
      variables; // outer to inner, in the order of memory
  llvm::SmallVector<std::set<int64_t>>
      splits; // of each, where its loop falls into separate loops
  llvm::SmallVector<bool> reduced; // which are summed over
  std::vector<Root> roots;

  bool reduces() const {
    return llvm::any_of(roots, [](const Root &root) {
      return root.kind == Root::Kind::Reduce;
    });
  }
  /// Calls `visit` for each combination of the parts of the split loops, with
  /// the variables' bounds in `space` set to them.
  void forEachPart(Space &space, llvm::function_ref<void()> visit) const;
  /// The position of an element in the order of the loops.
  Index getFlat(const Space &space) const;
};

/// A read of `value` at `coordinates`, or 0 where an index does not lie in [0,
/// its bound).
struct Read {
  mlir::Value value;
  Coordinates coordinates;
  llvm::SmallVector<std::pair<Index, int64_t>, 1> bounds;
};

/// The operand's coordinates for an operation that broadcasts it.
Coordinates broadcastCoordinates(mlir::Value operand,
                                 llvm::ArrayRef<Index> coordinates);
/// What pg.transpose, pg.slice, pg.pad and pg.shift read for an element of
/// their result; nothing for other operations.
std::optional<Read> getMove(mlir::Operation *op,
                            llvm::ArrayRef<Index> coordinates);

/// What pg.rope reads beside x itself for an element in the first (part 0) or
/// second (part 1) half of the rotated features.
struct RopeReads {
  Coordinates partner; // of x
  Coordinates angle;   // of cos and sin
};
RopeReads getRopeReads(pg::RopeOp op, llvm::ArrayRef<Index> coordinates,
                       int64_t part);

/// Whether an index lies in [0, size), as far as its variables tell.
enum class Bound {
  Inside,
  Outside,
  Split,   // it would, or not, if the loop of its variable were split
  Dynamic, // only known when running, but once for all elements of a vector
  Unknown
};
Bound classify(const Space &space, const Index &index, int64_t size);

class RowsPlan {
public:
  /// Works out how to compute the kernel; emits an error if it cannot.
  static std::optional<RowsPlan> make(pg::sched::KernelOp kernel);

  pg::sched::KernelOp kernel;
  int64_t rowCount = 1;
  llvm::SmallVector<unsigned> rowVariables; // row = ((v0 · size1) + v1) · ...
  Space space;
  std::vector<Nest> nests;
  llvm::DenseMap<mlir::Value, Resident> residents;
  int64_t scratch = 0;
};

} // namespace pgc
