// A parsed PTX module: names of registers, variables and labels are resolved,
// instructions are still text.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace gpusim {

enum class Space : uint8_t { Generic, Global, Shared, Local, Param, Const };

/// The fundamental types; packed ones name what two of them fill.
enum class Type : uint8_t {
  None,
  B8,
  B16,
  B32,
  B64,
  U8,
  U16,
  U32,
  U64,
  S8,
  S16,
  S32,
  S64,
  F16,
  F16x2,
  BF16,
  BF16x2,
  F32,
  F64,
  TF32,
  Pred,
};
/// Bytes of one value; 0 for predicates and None.
unsigned typeBytes(Type type);
bool isSigned(Type type);
bool isFloat(Type type);
/// The type of that name without its dot; None if there is none.
Type typeNamed(const std::string &name);

struct PtxOperand {
  enum Kind {
    Register, ///< index into the function's registers
    Special,  ///< name: %tid.x, …
    Variable, ///< index into the function's variables, or a module's by name
    Label,    ///< index of an instruction
    Function, ///< name, in a call
    Integer,
    Float,   ///< bits of a double
    Float32, ///< bits of a float
    Vector,  ///< { items }
    Address, ///< [ items[0] + offset, items[1] … ]
    Pair,    ///< items[0] | items[1]
    List,    ///< ( items ), in a call
    Sink,    ///< _
  };
  Kind kind = Sink;
  bool negated = false;
  int index = -1;
  std::string name;
  uint64_t bits = 0;
  int64_t offset = 0;
  std::vector<PtxOperand> items;
};

struct PtxInstruction {
  std::vector<std::string> parts; ///< the opcode, cut at its dots
  int guard = -1;                 ///< register of the predicate
  bool guardNot = false;
  std::vector<PtxOperand> operands;
  int line = 0;
  int scope = 0;
  std::string text;
};

struct PtxVariable {
  std::string name;
  Space space = Space::Global;
  Type type = Type::B8;
  unsigned align = 1;
  uint64_t bytes = 0;
  bool external = false; ///< dynamic shared memory, or defined elsewhere
  std::vector<uint8_t> initial;
  /// Initialisers that are addresses: where, of which variable.
  std::vector<std::pair<uint64_t, std::string>> addresses;
  int line = 0;
};

struct PtxRegister {
  std::string name;
  Type type = Type::None;
};

struct PtxFunction {
  std::string name;
  bool entry = false;
  bool hasBody = false;
  std::vector<int> params, results; ///< indices of variables
  std::vector<PtxRegister> registers;
  std::vector<PtxVariable> variables;
  std::vector<PtxInstruction> body;
  uint32_t requiredThreads[3] = {0, 0, 0}; ///< .reqntid; 0: not stated
  uint32_t maxThreads = 0;                 ///< .maxntid, all together
  uint32_t requiredCluster[3] = {0, 0, 0}; ///< .reqnctapercluster
  uint32_t maxRegisters = 0;               ///< .maxnreg
  int line = 0;
};

struct PtxModule {
  std::string version, target;
  std::vector<PtxVariable> variables;
  std::vector<PtxFunction> functions;
};

/// Throws Fault (Syntax or Unsupported) with the line.
PtxModule parsePtx(const std::string &text);

} // namespace gpusim
