// verify-schedule: checks that a schedule is safe to run.
#include "compiler/passes/schedule/Commands.h"
#include "compiler/passes/schedule/InPlace.h"
#include "compiler/passes/schedule/Layout.h"
#include "compiler/passes/schedule/SchedulePasses.h"

#include <map>

using namespace mlir;
using namespace pg::sched;

namespace pgc {
#define GEN_PASS_DEF_VERIFYSCHEDULE
#include "compiler/passes/schedule/SchedulePasses.h.inc"

namespace {

/// Which commands wrote the bytes of an arena last.
class LastWrites {
public:
  enum class State { Whole, Unwritten, Torn };

  /// Whether [begin, end) holds what one command wrote, or what several wrote
  /// side by side: `Torn` if some of it was written together with other bytes
  /// of [begin, end) that something else has overwritten since.
  State stateOf(int64_t begin, int64_t end) const {
    if (begin == end)
      return State::Whole;
    auto at = ranges.upper_bound(begin);
    if (at == ranges.begin())
      return State::Unwritten;
    --at;
    if (at->second.end >= end)
      return State::Whole;
    bool torn = false;
    int64_t covered = begin;
    for (; at != ranges.end() && at->first <= covered && covered < end; ++at) {
      const Range &range = at->second;
      if (range.end <= covered)
        return State::Unwritten;
      torn |=
          std::max(range.writtenBegin, begin) != std::max(at->first, begin) ||
          std::min(range.writtenEnd, end) != std::min(range.end, end);
      covered = range.end;
    }
    return covered < end ? State::Unwritten : torn ? State::Torn : State::Whole;
  }

  void write(int64_t begin, int64_t end) {
    if (begin == end)
      return;
    auto at = ranges.upper_bound(begin);
    if (at != ranges.begin())
      --at;
    while (at != ranges.end() && at->first < end) {
      auto [first, old] = *at;
      if (old.end <= begin) {
        ++at;
        continue;
      }
      at = ranges.erase(at);
      if (first < begin)
        ranges[first] = {begin, old.writtenBegin, old.writtenEnd};
      if (old.end > end)
        ranges[end] = old;
    }
    ranges[begin] = {end, begin, end};
  }

private:
  struct Range {
    int64_t end;                      // of what is left of it
    int64_t writtenBegin, writtenEnd; // what the command wrote
  };
  std::map<int64_t, Range> ranges; // by begin
};

class ProgramVerifier {
public:
  ProgramVerifier(ProgramOp program, const SymbolTable &symbols)
      : program(program), symbols(symbols) {}

  LogicalResult run() {
    for (Attribute input : program.getInputs()) {
      BufAttr buffer = cast<PortAttr>(input).getBuffer();
      if (failed(checkPlace(program, buffer)))
        return failure();
      written[buffer.getArena().getValue()].write(buffer.getOffset(),
                                                  buffer.getEnd());
    }
    for (Operation &op : program.getBlock()) {
      Touched touched = touchedBy(op, symbols);
      if (touched.buffers.empty())
        continue;
      for (BufAttr buffer : touched.buffers)
        if (failed(checkPlace(&op, buffer)))
          return failure();
      if (auto launch = dyn_cast<LaunchOp>(op))
        if (failed(checkLaunch(launch, touched)))
          return failure();
      if (isa<HostOp>(op))
        for (BufAttr result : touched.written())
          for (BufAttr operand : touched.read())
            if (result.overlaps(operand))
              return op.emitError("result ")
                     << result << " overlaps operand " << operand;
      for (BufAttr buffer : touched.read())
        if (failed(checkRead(&op, buffer)))
          return failure();
      if (failed(checkTraces(&op, touched)))
        return failure();
      for (BufAttr buffer : touched.written())
        written[buffer.getArena().getValue()].write(buffer.getOffset(),
                                                    buffer.getEnd());
    }
    for (Attribute output : program.getOutputs()) {
      BufAttr buffer = cast<PortAttr>(output).getBuffer();
      if (failed(checkPlace(program, buffer)) ||
          failed(checkRead(program, buffer)))
        return failure();
    }
    return success();
  }

private:
  /// What a program finds in these arenas is what earlier programs left there
  /// on purpose.
  static bool keepsContents(StringRef arena) {
    return arena != "activations" && arena != "io";
  }

  /// Scoring leaves no trace in what outlives the program.
  LogicalResult checkTraces(Operation *op, const Touched &touched) {
    if (program.getRole() != "score" && program.getRole() != "logits")
      return success();
    for (BufAttr buffer : touched.written())
      if (keepsContents(buffer.getArena().getValue()))
        return op->emitError("writes ")
               << buffer << " in a program that scores: it must change nothing "
               << "that later scores depend on";
    return success();
  }

  LogicalResult checkPlace(Operation *op, BufAttr buffer) {
    auto arena = symbols.lookup<ArenaOp>(buffer.getArena().getValue());
    if (!arena)
      return op->emitError("a buffer lies in ")
             << buffer.getArena() << ", which is no arena";
    if (buffer.getEnd() > static_cast<int64_t>(arena.getBytes()) - arenaPadding)
      return op->emitError("buffer ")
             << buffer << " lies outside its arena, which has "
             << arena.getBytes() << " bytes, " << arenaPadding
             << " of them padding";
    return success();
  }

  LogicalResult checkLaunch(LaunchOp launch, const Touched &touched) {
    auto kernel = symbols.lookup<KernelOp>(launch.getKernel());
    if (!kernel.getChunks())
      return launch.emitError("kernel ")
             << launch.getKernel()
             << " was not planned: it has no number of chunks";
    for (BufAttr buffer : touched.buffers)
      if (buffer.getOffset() % bufferAlignment != 0)
        return launch.emitError("buffer ")
               << buffer << " does not start at a multiple of "
               << bufferAlignment;
    for (auto [i, result] : llvm::enumerate(touched.written())) {
      for (auto [j, operand] : llvm::enumerate(touched.read()))
        if (result.overlaps(operand) &&
            !(result == operand && mayWriteOver(kernel, j, i)))
          return launch.emitError("result ")
                 << i << " overlaps operand " << j << ", and may not";
      for (BufAttr other : touched.written().drop_front(i + 1))
        if (result.overlaps(other))
          return launch.emitError("results overlap at ") << result;
      if (kernel.accumulates(i) && failed(checkRead(launch, result)))
        return failure();
    }
    return success();
  }

  LogicalResult checkRead(Operation *op, BufAttr buffer) {
    if (keepsContents(buffer.getArena().getValue()))
      return success();
    auto state = written[buffer.getArena().getValue()].stateOf(
        buffer.getOffset(), buffer.getEnd());
    if (state == LastWrites::State::Unwritten)
      return op->emitError("buffer ")
             << buffer << " is read before it was written";
    if (state == LastWrites::State::Torn)
      return op->emitError("buffer ")
             << buffer << " is read after a part of it was overwritten";
    return success();
  }

  ProgramOp program;
  const SymbolTable &symbols;
  llvm::StringMap<LastWrites> written;
};

struct VerifySchedulePass : impl::VerifyScheduleBase<VerifySchedulePass> {
  void runOnOperation() override {
    SymbolTable symbols(getOperation());
    for (auto program : getOperation().getOps<ProgramOp>())
      if (failed(ProgramVerifier(program, symbols).run()))
        return signalPassFailure();
  }
};

} // namespace
} // namespace pgc
