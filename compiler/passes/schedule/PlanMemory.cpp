// plan-memory: places the temporary buffers of all programs in the arena
// `activations`.
#include "compiler/passes/schedule/Commands.h"
#include "compiler/passes/schedule/InPlace.h"
#include "compiler/passes/schedule/IntervalPlacement.h"
#include "compiler/passes/schedule/Layout.h"
#include "compiler/passes/schedule/SchedulePasses.h"
#include "mlir/IR/AttrTypeSubElements.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_PLANMEMORY
#include "compiler/passes/schedule/SchedulePasses.h.inc"

namespace {

/// The temporary buffers of one program, and which of them share memory.
class ProgramMemory {
public:
  ProgramMemory(ProgramOp program, const SymbolTable &symbols)
      : program(program), symbols(symbols) {
    for (auto temp : program.getBlock().getOps<TempOp>()) {
      index[temp.getName()] = lives.size();
      home.push_back(lives.size());
      lives.push_back(
          {static_cast<int64_t>(temp.getBytes()), INT64_MAX, -1, 0});
    }
    int64_t time = 0;
    for (Operation &op : program.getBlock()) {
      for (BufAttr buffer : touchedBy(op, symbols).buffers)
        if (auto found = index.find(buffer.getArena().getValue());
            found != index.end()) {
          Interval &life = lives[found->second];
          life.first = std::min(life.first, time);
          life.last = std::max(life.last, time);
        }
      ++time;
    }
  }

  /// Lets results take the memory of operands that die in the launch.
  void reuseInPlace() {
    int64_t time = 0;
    for (Operation &op : program.getBlock()) {
      if (auto launch = dyn_cast<LaunchOp>(op))
        reuseInPlace(launch, time);
      ++time;
    }
  }

  /// Places all buffers, and writes the places into the commands. Returns the
  /// bytes needed.
  int64_t place(FlatSymbolRefAttr arena) {
    SmallVector<Interval> homes;
    SmallVector<int64_t> position(lives.size(), -1);
    for (auto [i, life] : llvm::enumerate(lives))
      if (home[i] == static_cast<int64_t>(i) && life.last >= 0) {
        position[i] = homes.size();
        homes.push_back(life);
      }
    int64_t bytes = placeIntervals(homes);
    peak = peakOfIntervals(homes);

    AttrTypeReplacer replacer;
    replacer.addReplacement([&](BufAttr buffer) -> Attribute {
      auto found = index.find(buffer.getArena().getValue());
      if (found == index.end())
        return buffer;
      int64_t offset = homes[position[root(found->second)]].offset;
      return BufAttr::get(buffer.getContext(), arena,
                          offset + buffer.getOffset(), buffer.getBytes());
    });
    for (Operation &op : llvm::make_early_inc_range(program.getBlock())) {
      if (isa<TempOp>(op))
        op.erase();
      else
        replacer.replaceElementsIn(&op);
    }
    return bytes;
  }

  int64_t peak = 0;

private:
  int64_t root(int64_t i) const {
    while (home[i] != i)
      i = home[i];
    return i;
  }

  /// The temporary buffer that `buffer` is the whole of, or -1.
  int64_t wholeTemp(BufAttr buffer) const {
    auto found = index.find(buffer.getArena().getValue());
    if (found == index.end() || buffer.getOffset() != 0 ||
        buffer.getBytes() != lives[found->second].bytes)
      return -1;
    return found->second;
  }

  void reuseInPlace(LaunchOp launch, int64_t time) {
    auto kernel = symbols.lookup<KernelOp>(launch.getKernel());
    unsigned operands = kernel.getTensorArguments().size(),
             results = launch.getBuffers().size() - operands;
    for (unsigned result = 0; result < results; ++result) {
      int64_t to = wholeTemp(launch.getBuffer(operands + result));
      if (to < 0 || lives[to].first != time || lives[to].last == time)
        continue;
      for (unsigned operand = 0; operand < operands; ++operand) {
        int64_t from = wholeTemp(launch.getBuffer(operand));
        if (from < 0 || from == to || lives[root(from)].last != time ||
            !mayWriteOverAll(launch, kernel, from, result))
          continue;
        Interval &life = lives[root(from)];
        life.last = lives[to].last;
        home[to] = root(from);
        break;
      }
    }
  }

  /// Whether the kernel may overwrite `temp` through every operand that is a
  /// part of its memory.
  bool mayWriteOverAll(LaunchOp launch, KernelOp kernel, int64_t temp,
                       unsigned result) {
    unsigned operands = kernel.getTensorArguments().size();
    for (unsigned i = 0; i < operands; ++i) {
      auto found = index.find(launch.getBuffer(i).getArena().getValue());
      if (found == index.end() || root(found->second) != root(temp))
        continue;
      if (wholeTemp(launch.getBuffer(i)) < 0 ||
          !mayWriteOver(kernel, i, result))
        return false;
    }
    return true;
  }

  ProgramOp program;
  const SymbolTable &symbols;
  llvm::StringMap<int64_t> index;
  SmallVector<Interval> lives;
  SmallVector<int64_t> home; // whose memory a buffer has: its own, or that of
                             // an operand it was written over
};

struct PlanMemoryPass : impl::PlanMemoryBase<PlanMemoryPass> {
  using Base::Base;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    auto arena = FlatSymbolRefAttr::get(&getContext(), "activations");
    OpBuilder builder(&getContext());
    SymbolTable symbols(module);
    for (auto program : module.getOps<ProgramOp>()) {
      ProgramMemory memory(program, symbols);
      if (inPlace)
        memory.reuseInPlace();
      int64_t bytes = memory.place(arena);
      if (bytes > 0)
        growArena(getOrCreateArena(module, "activations"), bytes);
      program->setAttr("activation_bytes", builder.getI64IntegerAttr(bytes));
      program->setAttr("activation_peak",
                       builder.getI64IntegerAttr(memory.peak));
    }
  }
};

} // namespace
} // namespace pgc
