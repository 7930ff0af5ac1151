// From parsed PTX to kernels. One rule for each opcode reads its modifiers and
// operands; what a rule does not ask for is refused.
#pragma once

#include "tools/gpusim/core/Fault.h"
#include "tools/gpusim/core/Program.h"

#include <initializer_list>

namespace gpusim {

/// Where the module's variables are: device addresses, by name.
using SymbolTable = std::map<std::string, uint64_t>;

/// Decodes the entry function of that name. Throws Fault (Unsupported, Syntax).
Kernel decodeKernel(const PtxModule &module, const PtxFunction &entry,
                    const SymbolTable &symbols);

class Decoder;

/// One instance of a function in a kernel: the entry, or a call expanded.
struct Frame {
  const PtxFunction *function = nullptr;
  int slotBase = 0;
  struct Place {
    Space space;
    uint64_t offset;
  };
  std::vector<Place> places; ///< of the function's variables
};

/// The instruction being decoded, as its rule sees it.
class Build {
public:
  Build(Decoder &decoder, const Frame &frame, const PtxInstruction &text,
        Instr &out)
      : decoder(decoder), frame(frame), text(text), out(out),
        used(text.parts.size(), false) {
    used[0] = true;
  }

  /// Takes a modifier; false if it is not there.
  bool has(const char *modifier);
  /// Takes the first of these that is there; −1 if none is.
  int oneOf(std::initializer_list<const char *> modifiers);
  /// Takes the next modifier that names a type.
  Type type();
  /// Takes the first modifier that begins so; empty if there is none.
  std::string prefixed(const std::string &prefix);
  /// Takes the memory's state space; Generic if none is there.
  Space space();

  size_t count() const { return text.operands.size(); }
  const PtxOperand &operand(size_t i) const;
  void destination(size_t i, Type type);
  void source(size_t i, Type type);
  /// All of a vector's elements, or a single operand.
  void destinations(size_t i, Type type);
  void sources(size_t i, Type type);
  void constant(uint64_t bits);
  /// The base of an address; its offset goes to out.offset, its variable's
  /// space to out.space if that is Generic.
  void address(size_t i);
  /// One operand inside a vector, an address or a pair.
  void sourceOf(const PtxOperand &operand, Type type);
  void destinationOf(const PtxOperand &operand, Type type);
  uint64_t integer(size_t i) const; ///< an operand that must be a constant
  void operands(size_t least, size_t most) const;

  [[noreturn]] void refuse(const std::string &what) const;
  void finish() const; ///< refuses what was not taken

  Decoder &decoder;
  const Frame &frame;
  const PtxInstruction &text;
  Instr &out;

private:
  std::vector<bool> used;
};

using Rule = void (*)(Build &);
using Rules = std::map<std::string, Rule>;

// The instruction set, a part a file in isa/.
void addIntegerRules(Rules &rules);
void addBitRules(Rules &rules);
void addFloatRules(Rules &rules);
void addApproximateRules(Rules &rules);
void addCompareRules(Rules &rules);
void addMoveRules(Rules &rules);
void addConvertRules(Rules &rules);
void addControlRules(Rules &rules);
void addMemoryRules(Rules &rules);
void addAtomicRules(Rules &rules);
void addWarpRules(Rules &rules);
void addBarrierRules(Rules &rules);
void addMBarrierRules(Rules &rules);
void addFenceRules(Rules &rules);
void addAsyncCopyRules(Rules &rules);
void addMatrixRules(Rules &rules);
void addMmaRules(Rules &rules);
void addWgmmaRules(Rules &rules);
const Rules &rules();

class Decoder {
public:
  Decoder(const PtxModule &module, const SymbolTable &symbols)
      : module(module), symbols(symbols) {}
  Kernel decode(const PtxFunction &entry);

  int specialSlot(const Build &build, const std::string &name);
  int newSlot() { return kernel.slots++; }
  /// Address of a variable, and the space it is in.
  uint64_t variable(const Build &build, const PtxOperand &operand,
                    Space &space);
  Kernel kernel;
  int carrySlot = -1; ///< of add.cc; −1: not used

private:
  void emit(const PtxFunction &function, Frame &frame, bool outermost);
  void call(const Frame &frame, const PtxInstruction &text);
  Frame::Place place(const PtxFunction &function, int index);
  uint64_t reserve(uint64_t &end, const PtxVariable &variable);
  const PtxFunction *find(const std::string &name) const;

  const PtxModule &module;
  const SymbolTable &symbols;
  std::map<std::pair<const PtxFunction *, int>, uint64_t> sharedOf;
  std::map<std::string, uint64_t> moduleShared;
  std::vector<const PtxFunction *> stack; ///< of calls being expanded
  uint64_t dynamicAlign = 16;
};

} // namespace gpusim
