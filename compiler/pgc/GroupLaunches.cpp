// group-launches: one launch for kernels that stand side by side.
#include "compiler/gpu/GpuGroup.h"
#include "compiler/pgc/JoinCalls.h"
#include "compiler/pgc/Passes.h"
#include "dialects/pg/Pg.h"
#include "llvm/ADT/SetVector.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_GROUPLAUNCHES
#include "compiler/pgc/Passes.h.inc"

namespace {

/// Kernels of a launch: each is code of its own.
constexpr size_t mostParts = 32;
/// Buffers, of whose addresses a launch passes 32 KB at most.
constexpr size_t mostBuffers = 3500;

/// The variables that an operation reads and writes. What was loaded is read
/// where it is used.
class Touched {
public:
  void add(Operation *op) {
    for (Value operand : op->getOperands())
      addLoaded(operand);
    if (auto load = dyn_cast<pg::LoadOp>(op))
      read.insert(load.getVariableAttr());
    if (auto store = dyn_cast<pg::StoreOp>(op))
      written.insert(store.getVariableAttr());
    if (auto accumulate = dyn_cast<pg::AccumulateOp>(op))
      written.insert(accumulate.getVariableAttr());
    if (auto call = dyn_cast<CallOp>(op); call && call.getAccumulates())
      written.insert_range(call.getAccumulates()->getValue());
  }

  /// Whether the order of the two must stay.
  bool conflicts(const Touched &other) const {
    auto in = [](const auto &some, const auto &others) {
      return llvm::any_of(some,
                          [&](Attribute a) { return others.contains(a); });
    };
    return in(written, other.written) || in(written, other.read) ||
           in(read, other.written);
  }

private:
  void addLoaded(Value value) {
    Operation *producer = value.getDefiningOp();
    if (!producer || isa<CallOp>(producer))
      return;
    if (auto load = dyn_cast<pg::LoadOp>(producer))
      read.insert(load.getVariableAttr());
    for (Value operand : producer->getOperands())
      addLoaded(operand);
  }

  llvm::DenseSet<Attribute> read, written;
};

class Grouper {
public:
  explicit Grouper(ModuleOp module) : module(module), symbols(module) {}

  /// Goes through a block, and collects calls until one needs what they make.
  void run(func::FuncOp function) {
    for (Operation &op : llvm::make_early_inc_range(
             function.getBody().front().without_terminator())) {
      Touched own;
      own.add(&op);
      auto call = dyn_cast<CallOp>(op);
      bool waits = touched.conflicts(own) ||
                   llvm::any_of(op.getOperands(), [&](Value operand) {
                     return made.contains(operand.getDefiningOp());
                   });
      if (!call) {
        if (waits) { // it follows the group
          behind.push_back(&op);
          addTo(op);
        }
        continue;
      }
      if (waits || !isGroupable(call) || !fits(call))
        close();
      if (isGroupable(call)) {
        calls.push_back(call);
        addTo(op);
      }
    }
    close();
  }

  void finish() { dropUncalled(module, grouped.getArrayRef()); }

private:
  KernelOp kernelOf(CallOp call) {
    return symbols.lookup<KernelOp>(call.getCallee());
  }

  bool isGroupable(CallOp call) {
    KernelOp kernel = kernelOf(call);
    if (!kernel.getGpu() || kernel.getGpu()->contains("parts"))
      return false;
    // Threads that fetch a product's operands have no registers to spare.
    auto maps = kernel.getGpu()->getAs<ArrayAttr>("tensor_maps");
    return kernel.getKind() == "product"
               ? maps && maps.size() == 2
               : llvm::is_contained({"rows", "embed"}, kernel.getKind());
  }

  /// Products keep a multiprocessor to themselves, others share one.
  bool isProduct(CallOp call) { return kernelOf(call).getKind() == "product"; }

  bool fits(CallOp call) {
    if (!calls.empty() && isProduct(calls.front()) != isProduct(call))
      return false;
    SmallVector<KernelOp> kernels;
    size_t buffers = 0;
    calls.push_back(call);
    for (CallOp one : calls) {
      KernelOp kernel = kernelOf(one);
      kernels.push_back(kernel);
      buffers +=
          kernel.getTensorArguments().size() + kernel.getYielded().size();
    }
    calls.pop_back();
    return kernels.size() <= mostParts && buffers <= mostBuffers &&
           (kernels.size() == 1 || groupLaunches(kernels));
  }

  void addTo(Operation &op) {
    made.insert(&op);
    touched.add(&op);
  }

  /// Makes one call of those collected, where the last of them stands.
  void close() {
    if (calls.size() > 1) {
      Operation *last = calls.back();
      for (Operation *op : llvm::reverse(behind))
        op->moveAfter(last);
      group();
    }
    calls.clear();
    behind.clear();
    made.clear();
    touched = {};
  }

  void group() {
    SmallVector<KernelOp> kernels;
    SmallVector<Value> scalars;
    SmallVector<Location> locations;
    for (CallOp call : calls) {
      kernels.push_back(kernelOf(call));
      llvm::append_range(
          scalars, call.getOperands().take_back(kernels.back().getScalars()));
      locations.push_back(call.getLoc());
    }
    joinCalls(calls, getGroupOf(kernels), scalars, symbols,
              FusedLoc::get(module.getContext(), locations));
  }

  /// The kernel that does the work of these.
  KernelOp getGroupOf(ArrayRef<KernelOp> kernels) {
    KernelOp &whole = groups[{kernels.begin(), kernels.end()}];
    if (whole)
      return whole;
    whole = makeGroup(kernels, "group_" + std::to_string(groups.size() - 1));
    symbols.insert(whole);
    grouped.insert(kernels.begin(), kernels.end());
    return whole;
  }

  ModuleOp module;
  SymbolTable symbols;
  std::map<std::vector<Operation *>, KernelOp> groups;
  llvm::SetVector<KernelOp> grouped;

  // What is being collected: calls; operations that wait for these; both; and
  // the variables of both.
  SmallVector<CallOp> calls;
  SmallVector<Operation *> behind;
  llvm::DenseSet<Operation *> made;
  Touched touched;
};

struct GroupLaunchesPass : impl::GroupLaunchesBase<GroupLaunchesPass> {
  void runOnOperation() override {
    Grouper grouper(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>())
      grouper.run(function);
    grouper.finish();
  }
};

} // namespace
} // namespace pgc
