// merge-launches: one launch for several of the same kernel.
#include "compiler/pgc/JoinCalls.h"
#include "compiler/pgc/Passes.h"
#include "dialects/pg/Pg.h"
#include "dialects/sched/GpuLaunch.h"
#include "mlir/IR/IRMapping.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_MERGELAUNCHES
#include "compiler/pgc/Passes.h.inc"

namespace {

/// Pointers that a launch passes: of the 32,764 bytes of parameters that PTX
/// allows from version 8.1 on, less what other parameters take.
constexpr size_t mostPointers = 3500;
constexpr int64_t mostCopies = 1024;

/// An order of a block's operations by how many calls they wait for: keys that
/// no operation has lower than what it needs. Calls have even keys, and none
/// that touches a variable has the key of another that does.
class Order {
public:
  explicit Order(Block &block) {
    for (Operation &op : block.without_terminator())
      place(&op);
  }
  int64_t operator[](Operation *op) const { return keys.lookup(op); }

private:
  struct Access {
    int64_t read = 0, written = 0; // the highest keys so far
  };

  void place(Operation *op) {
    int64_t key = 1;
    for (Value operand : op->getOperands())
      if (Operation *producer = operand.getDefiningOp())
        key = std::max(key,
                       keys.lookup(producer) + (isa<CallOp>(producer) ? 1 : 0));
    SmallVector<Attribute> read, written;
    if (auto load = dyn_cast<pg::LoadOp>(op)) {
      read.push_back(load.getVariableAttr());
    } else if (auto store = dyn_cast<pg::StoreOp>(op)) {
      written.push_back(store.getVariableAttr());
    } else if (auto accumulate = dyn_cast<pg::AccumulateOp>(op)) {
      written.push_back(accumulate.getVariableAttr());
    } else if (auto call = dyn_cast<CallOp>(op);
               call && call.getAccumulates()) {
      llvm::append_range(written, *call.getAccumulates());
    }
    for (Attribute variable : read)
      key = std::max(key, accesses[variable].written + 1);
    for (Attribute variable : written)
      key = std::max(
          {key, accesses[variable].written + 1, accesses[variable].read + 1});
    bool isCall = isa<CallOp>(op);
    if ((key % 2 == 0) != isCall)
      ++key;
    keys[op] = key;
    for (Attribute variable : read)
      accesses[variable].read = std::max(accesses[variable].read, key);
    for (Attribute variable : written)
      accesses[variable].written = key;
    // What was loaded is read when it is used.
    for (Value operand : op->getOperands())
      for (Attribute variable : loaded.lookup(operand)) {
        accesses[variable].read = std::max(accesses[variable].read, key);
        if (!isCall)
          for (Value result : op->getResults())
            loaded[result].push_back(variable);
      }
    if (auto load = dyn_cast<pg::LoadOp>(op))
      loaded[load.getResult()].push_back(load.getVariableAttr());
  }

  llvm::DenseMap<Operation *, int64_t> keys;
  llvm::DenseMap<Attribute, Access> accesses;
  llvm::DenseMap<Value, SmallVector<Attribute, 1>> loaded; // as it is
};

class Merger {
public:
  explicit Merger(ModuleOp module) : module(module), symbols(module) {}

  void run(func::FuncOp function) {
    Block &block = function.getBody().front();
    Order order(block);
    // Those of one key stay in their order.
    std::map<int64_t, SmallVector<Operation *>> byKey;
    for (Operation &op : block.without_terminator())
      byKey[order[&op]].push_back(&op);
    SmallVector<Operation *> ops;
    for (auto &[key, some] : byKey)
      llvm::append_range(ops, some);
    for (Operation *op : ops)
      op->moveBefore(block.getTerminator());
    mergeAlike(ops, [&](Operation *op) { return order[op]; });
  }

  /// The same for calls that nothing waits for, and that keep little memory
  /// while they wait: the last sums of gradients. They go to the end of the
  /// function, where those of different variables become one launch.
  void postpone(func::FuncOp function) {
    Block &block = function.getBody().front();
    SmallVector<CallOp> calls;
    llvm::DenseSet<Attribute> others; // touched by what stays
    for (Operation &op : block.without_terminator()) {
      auto call = dyn_cast<CallOp>(op);
      if (call && isLastSum(call)) {
        calls.push_back(call);
        continue;
      }
      for (NamedAttribute attribute : op.getAttrs())
        if (isa<FlatSymbolRefAttr>(attribute.getValue()))
          others.insert(attribute.getValue());
      if (call && call.getAccumulates())
        others.insert_range(call.getAccumulates()->getValue());
    }
    llvm::erase_if(calls, [&](CallOp call) {
      return llvm::any_of(*call.getAccumulates(), [&](Attribute variable) {
        return others.contains(variable);
      });
    });
    // What is added to one variable stays in its order.
    llvm::DenseMap<Attribute, int64_t> rounds;
    std::map<int64_t, SmallVector<Operation *>> byRound;
    llvm::DenseMap<Operation *, int64_t> keys;
    for (CallOp call : calls) {
      ArrayAttr variables = *call.getAccumulates();
      int64_t round = 0;
      for (Attribute variable : variables)
        round = std::max(round, rounds[variable] + 1);
      for (Attribute variable : variables)
        rounds[variable] = round;
      keys[call] = round;
      byRound[round].push_back(call);
    }
    SmallVector<Operation *> ops;
    for (auto &[round, some] : byRound)
      llvm::append_range(ops, some);
    for (Operation *op : ops)
      op->moveBefore(block.getTerminator());
    mergeAlike(ops, [&](Operation *op) { return keys.lookup(op); });
  }

  void finish() { dropUncalled(module, copied.getArrayRef()); }

private:
  KernelOp kernelOf(CallOp call) {
    return symbols.lookup<KernelOp>(call.getCallee());
  }

  /// Whether the call only adds to variables, of operands that are small.
  bool isLastSum(CallOp call) {
    constexpr int64_t small = int64_t(4) << 20;
    int64_t bytes = 0;
    for (Type type : call.getOperandTypes())
      if (auto tensor = dyn_cast<RankedTensorType>(type))
        bytes += getByteSize(tensor);
    return call.getNumResults() == 0 && call.getAccumulates() &&
           bytes <= small && isMergeable(kernelOf(call));
  }

  /// Merges calls of the same kernel with the same step values and key.
  void mergeAlike(ArrayRef<Operation *> ops,
                  function_ref<int64_t(Operation *)> keyOf) {
    using Key = std::tuple<int64_t, const void *, std::vector<void *>>;
    std::map<Key, size_t> indices;
    std::vector<SmallVector<CallOp>> groups;
    for (Operation *op : ops) {
      auto call = dyn_cast<CallOp>(op);
      if (!call || !isMergeable(kernelOf(call)))
        continue;
      std::vector<void *> scalars;
      for (Value scalar :
           call.getOperands().take_back(kernelOf(call).getScalars()))
        scalars.push_back(scalar.getAsOpaquePointer());
      Key key(keyOf(op), call.getCalleeAttr().getAsOpaquePointer(), scalars);
      auto [entry, isNew] = indices.try_emplace(key, groups.size());
      if (isNew)
        groups.emplace_back();
      groups[entry->second].push_back(call);
    }
    for (ArrayRef<CallOp> group : groups) {
      KernelOp kernel = kernelOf(group.front());
      size_t buffers =
          kernel.getTensorArguments().size() + kernel.getYielded().size();
      size_t most = std::min<size_t>(mostPointers / buffers, mostCopies);
      for (; group.size() > 1;
           group = group.drop_front(std::min(most, group.size())))
        if (most > 1)
          merge(kernel, group.take_front(most));
        else
          break;
    }
  }

  static bool isMergeable(KernelOp kernel) {
    if (!kernel.getGpu() || getCopies(kernel) > 1 ||
        !llvm::is_contained({"rows", "embed"}, kernel.getKind()))
      return false;
    GpuLaunch launch = *GpuLaunch::get(
        *kernel.getGpu(), [&] { return kernel.emitOpError("has "); });
    return launch.tensorMaps.empty() && launch.grid[1] == 1 &&
           launch.cluster == 1;
  }

  /// The kernel that is so many copies of another.
  KernelOp getCopiesOf(KernelOp kernel, int64_t copies) {
    std::string name = (kernel.getSymName() + "_x" + Twine(copies)).str();
    if (auto known = symbols.lookup<KernelOp>(name))
      return known;
    OpBuilder b(kernel);
    b.setInsertionPointAfter(kernel);
    SmallVector<Type> types;
    SmallVector<StringRef> modes;
    for (int64_t i = 0; i < copies; ++i) {
      for (BlockArgument argument : kernel.getTensorArguments())
        types.push_back(argument.getType());
      for (auto mode : kernel.getResultModes().getAsValueRange<StringAttr>())
        modes.push_back(mode);
    }
    auto whole = KernelOp::create(b, kernel.getLoc(), name, kernel.getKind(),
                                  types, kernel.getScalars(), modes);
    if (kernel.getOuterAttr())
      whole.setOuterAttr(kernel.getOuterAttr());
    whole.setChunksAttr(kernel.getChunksAttr());
    whole.setScratchAttr(kernel.getScratchAttr());
    whole.setFlops(kernel.getFlops().value_or(0) * copies);
    whole.setBytes(kernel.getBytes().value_or(0) * copies);
    b.setInsertionPointToStart(&whole.getBlock());
    SmallVector<Value> yielded;
    size_t each = kernel.getTensorArguments().size();
    for (int64_t i = 0; i < copies; ++i) {
      IRMapping map;
      map.map(kernel.getTensorArguments(),
              whole.getTensorArguments().slice(i * each, each));
      map.map(kernel.getScalarArguments(), whole.getScalarArguments());
      for (Operation &op : kernel.getBlock().without_terminator())
        b.clone(op, map);
      for (Value value : kernel.getYielded())
        yielded.push_back(map.lookupOrDefault(value));
    }
    YieldOp::create(b, kernel.getLoc(), yielded);
    GpuLaunch launch = *GpuLaunch::get(
        *kernel.getGpu(), [&] { return kernel.emitOpError("has "); });
    launch.grid[1] = launch.copies = copies;
    launch.copyOf = FlatSymbolRefAttr::get(kernel.getSymNameAttr());
    whole.setGpuAttr(launch.toAttr(kernel.getContext()));
    symbols.insert(whole);
    copied.insert(kernel);
    return whole;
  }

  void merge(KernelOp kernel, ArrayRef<CallOp> calls) {
    if (calls.size() < 2)
      return;
    joinCalls(
        calls, getCopiesOf(kernel, calls.size()),
        CallOp(calls.front()).getOperands().take_back(kernel.getScalars()),
        symbols, kernel.getLoc());
  }

  ModuleOp module;
  SymbolTable symbols;
  llvm::SetVector<KernelOp> copied;
};

struct MergeLaunchesPass : impl::MergeLaunchesBase<MergeLaunchesPass> {
  void runOnOperation() override {
    Merger merger(getOperation());
    for (auto function : getOperation().getOps<func::FuncOp>()) {
      auto role = function->getAttrOfType<StringAttr>("pg.role");
      if (role &&
          llvm::is_contained({"update", "adapt_update", "prepare", "decode"},
                             role.getValue()))
        merger.run(function);
      else if (role && llvm::is_contained({"train", "adapt"}, role.getValue()))
        merger.postpone(function);
    }
    merger.finish();
  }
};

} // namespace
} // namespace pgc
