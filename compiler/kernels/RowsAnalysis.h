// The analysis behind RowsPlan.
//
// It walks every root's expression with symbolic coordinates. Where a
// coordinate is no sum of loop variables, a loop is cut in two; where a pad or
// a rotation treats parts of a loop differently, the loop is split; where
// neither helps, a value is kept in scratch. Each such decision starts the
// analysis over, until none is left to take.
#pragma once

#include "compiler/kernels/RowsPlan.h"

namespace pgc {

/// Names a root across attempts: its value, its kind and result.
using RootKey = std::pair<void *, unsigned>;

/// Factors into which each axis of a domain is cut, outer first.
using Factors = llvm::SmallVector<llvm::SmallVector<int64_t, 2>, 4>;

/// Decisions that outlive an attempt.
struct RowsDecisions {
  Factors rowFactors;
  std::map<RootKey, Factors> factors;
  std::map<RootKey, std::map<unsigned, std::set<int64_t>>>
      splits; // by place of the variable in the root's domain
  llvm::SetVector<mlir::Value> kept;
};

class RowsAnalysis {
public:
  enum class Outcome { Done, Again, Failed };

  RowsAnalysis(RowsPlan &plan, RowsDecisions &decisions)
      : plan(plan), space(plan.space), decisions(decisions) {}
  /// One attempt: completes the plan, takes a decision, or emits an error.
  Outcome run();

private:
  /// A root while its expression is walked; `nest` has it alone.
  struct Draft {
    Root root;
    RootKey key;
    Nest nest;
    llvm::SmallVector<std::pair<unsigned, unsigned>>
        axes; // of each variable: axis of the domain, place among its factors
  };
  /// Where a value was first needed.
  struct Sighting {
    unsigned nest;
    Coordinates coordinates;
    unsigned parts = 0; // of the nest's loops in which it was
    unsigned lastPart = ~0u;
  };

  RowsPlan &plan;
  Space &space;
  RowsDecisions &decisions;
  llvm::SmallVector<int64_t> rowShape;
  llvm::SmallVector<std::pair<unsigned, unsigned>>
      rowAxes; // of each row variable: axis, place among its factors
  Coordinates rowCoordinates;
  std::vector<Draft> drafts;
  Draft *draft = nullptr; // the one that is being walked
  // Once the nests are made, they are walked again to find what they share.
  bool sharing = false;
  unsigned nestIndex = 0, partIndex = 0;
  llvm::DenseMap<mlir::Value, Sighting> sightings;
  llvm::DenseMap<mlir::Value, int64_t> costs;

  // RowsAnalysis.cpp: roots and nests
  Outcome fail(mlir::Location loc, const llvm::Twine &message);
  Outcome makeRows();
  Outcome addResult(unsigned result);
  Draft startDraft(Root::Kind kind, mlir::Value value,
                   llvm::ArrayRef<Index> prefix, unsigned result,
                   pg::ReduceOp reduce);
  Outcome finishDraft(Draft &finished);
  Outcome makeResident(mlir::Value value, llvm::ArrayRef<Index> coordinates);
  Resident allocate(mlir::Value value, llvm::ArrayRef<Index> coordinates,
                    unsigned prefix);
  unsigned getPrefix(mlir::Value value, llvm::ArrayRef<Index> coordinates);
  Outcome alignDomains();
  void makeNests();
  Outcome findShared();
  bool isWhole(mlir::Value value, const Sighting &sighting);
  bool isCheapStep(mlir::Value value);
  int64_t costOf(mlir::Value value);

  // RowsExpressions.cpp: what roots depend on
  Outcome visitRoot(const Root &root);
  Outcome visit(mlir::Value value, const Coordinates &coordinates);
  Outcome visitFlat(mlir::Value value, const Index &flat);
  Outcome visitOp(mlir::Operation *op, const Coordinates &coordinates);
  Outcome visitBounded(mlir::Operation *op, Read read);
  Outcome visitRope(pg::RopeOp op, const Coordinates &coordinates);
  Outcome visitLookup(mlir::Operation *op, const Coordinates &coordinates);
  Outcome visitResident(mlir::Value value, const Resident &resident,
                        const Index &flat);
  bool share(mlir::Value value, const Coordinates &coordinates);
  Outcome split(const Index &index, llvm::ArrayRef<int64_t> points,
                mlir::Operation *op);
  Outcome cut(Space::Cut cut);
  Outcome keep(mlir::Value value);
};

} // namespace pgc
