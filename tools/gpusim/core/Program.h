// A kernel decoded once: compact instructions over register slots, calls
// expanded in place.
#pragma once

#include "tools/gpusim/ptx/Syntax.h"

#include <memory>

namespace gpusim {

class Warp;
struct Instr;
/// Executes an instruction for the lanes of `mask`.
using Handler = void (*)(Warp &warp, const Instr &instr, uint32_t mask);

/// A register slot, or a constant when slot is negative.
struct Operand {
  int32_t slot = -1;
  bool negated = false; ///< of a predicate
  uint64_t constant = 0;
};

/// What the race checks need to know of an instruction that touches registers
/// of a wgmma in flight.
enum class RegisterUse : uint8_t { Plain, Move, Wgmma };

struct Instr {
  Handler run = nullptr;
  int32_t guard = -1; ///< slot of the predicate
  bool guardNot = false;
  RegisterUse use = RegisterUse::Plain;
  Space space = Space::Generic;
  Type type = Type::None;
  uint8_t count = 1;        ///< elements of a vector access
  uint8_t destinations = 0; ///< the first operands are written
  int32_t target = -1;      ///< of a branch
  int32_t mods[6] = {};     ///< meaning by handler
  int64_t offset = 0;       ///< of an address
  std::vector<Operand> ops;
  int line = 0;
  std::string text;
};

/// Special registers; Extent is 3 for those with x, y, z.
enum class Special : uint8_t {
  TidX,
  TidY,
  TidZ,
  NtidX,
  NtidY,
  NtidZ,
  CtaidX,
  CtaidY,
  CtaidZ,
  NctaidX,
  NctaidY,
  NctaidZ,
  LaneId,
  WarpId,
  NWarpId,
  SmId,
  NSmId,
  GridId,
  ClusterIdX,
  ClusterIdY,
  ClusterIdZ,
  NClusterIdX,
  NClusterIdY,
  NClusterIdZ,
  ClusterCtaidX,
  ClusterCtaidY,
  ClusterCtaidZ,
  ClusterNctaidX,
  ClusterNctaidY,
  ClusterNctaidZ,
  ClusterCtaRank,
  ClusterNctaRank,
  LanemaskEq,
  LanemaskLe,
  LanemaskLt,
  LanemaskGe,
  LanemaskGt,
  Clock,
  DynamicSmemSize,
  TotalSmemSize,
};

/// A kernel, ready to run on one device.
struct Kernel {
  std::string name;
  std::vector<Instr> code;
  int slots = 0;
  std::vector<std::pair<Special, int>> specials; ///< and the slot of each
  bool readsClock = false;
  bool usesWgmma = false;
  uint64_t localBytes = 0;    ///< of each thread
  uint64_t staticShared = 0;  ///< bytes, from the base of shared memory
  uint64_t dynamicOffset = 0; ///< where dynamic shared memory begins
  std::vector<uint64_t> paramOffsets, paramBytes;
  uint64_t paramTotal = 0;
  uint32_t requiredThreads[3] = {0, 0, 0};
  uint32_t requiredCluster[3] = {0, 0, 0};
  uint32_t maxThreads = 0, maxRegisters = 0;
  uint32_t maxDynamicShared = 48 * 1024; ///< an attribute of the function
  bool usesDynamic = false;
};

/// Where the address spaces lie in the generic one. Shared addresses count
/// from sharedBase, as on hardware, where the first KiB is the system's. Above
/// them stands 0 for the own block, or 1 + a block's rank in its cluster.
constexpr uint64_t sharedWindow = uint64_t(1) << 40;
constexpr uint64_t localWindow = uint64_t(2) << 40;
constexpr uint64_t paramWindow = uint64_t(3) << 40;
constexpr uint64_t windowBytes = uint64_t(1) << 40;
constexpr uint64_t sharedBase = 1024;
constexpr unsigned clusterShift = 24;

} // namespace gpusim
