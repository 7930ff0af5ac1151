// Coordinates of tensors as sums of loop variables: how rows kernels know what
// element an operation reads.
#pragma once

#include "mlir/Support/LLVM.h"
#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace pgc {

/// offset + Σ coefficient · variable.
struct Index {
  /// (variable, coefficient): by rising variable, no coefficient 0.
  llvm::SmallVector<std::pair<unsigned, int64_t>, 3> terms;
  int64_t offset = 0;

  static Index constant(int64_t value);
  static Index variable(unsigned variable, int64_t coefficient = 1);
  /// The coefficient of a variable, 0 if it has none.
  int64_t coefficient(unsigned variable) const;
  Index operator+(const Index &other) const;
  Index operator+(int64_t value) const;
  Index operator*(int64_t factor) const;
  /// With `variable` replaced by `by`.
  Index substitute(unsigned variable, const Index &by) const;
  bool operator==(const Index &other) const {
    return offset == other.offset && terms == other.terms;
  }
  bool isConstant() const { return terms.empty(); }
};

using Coordinates = llvm::SmallVector<Index, 4>;

/// The row-major position of an element.
Index linearize(llvm::ArrayRef<Index> coordinates,
                llvm::ArrayRef<int64_t> shape);

/// A variable of a loop, or a number read from memory.
struct Variable {
  enum class Kind { Row, Loop, Dynamic } kind;
  int64_t size;      // values lie in [0, size) ...
  int64_t low, high; // ... and, in the part of a split loop that is being
                     // looked at, in [low, high)
};

/// The variable by which an index passes from one multiple of `distance` to the
/// next: offset + distance · variable + less than distance.
struct SplitPlace {
  unsigned variable;
  int64_t distance;
};

/// The variables in use.
class Space {
public:
  unsigned add(Variable::Kind kind, int64_t size);
  /// The variable for a number that is named by `key`; the same for the same
  /// key.
  unsigned getDynamic(std::vector<int64_t> key, int64_t size);
  Variable &operator[](unsigned variable) { return variables[variable]; }
  const Variable &operator[](unsigned variable) const {
    return variables[variable];
  }
  /// Least and largest value.
  std::pair<int64_t, int64_t> range(const Index &index) const;
  bool has(const Index &index, Variable::Kind kind) const;
  bool onlyRows(const Index &index) const;

  /// Nothing if there is no such variable.
  std::optional<SplitPlace> getSplitPlace(const Index &index) const;

  /// Where a variable would have to be cut into (high, low), low < `size`, for
  /// an index to be split.
  struct Cut {
    unsigned variable;
    int64_t size;
  };
  /// Coordinates in `shape` of the element at position `flat`. Fails if they
  /// are no sums of variables; `cut` then says what might help.
  std::optional<Coordinates>
  delinearize(const Index &flat, llvm::ArrayRef<int64_t> shape,
              std::optional<Cut> *cut = nullptr) const;

private:
  std::optional<std::pair<Index, Index>>
  divide(const Index &index, int64_t size, std::optional<Cut> *cut) const;

  std::vector<Variable> variables;
  std::map<std::vector<int64_t>, unsigned> dynamics;
};

} // namespace pgc
