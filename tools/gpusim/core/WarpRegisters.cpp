// Registers of wgmma in flight. The compiler copies accumulators about with
// mov, which the assembler removes again; so a mov carries the mark along, and
// anything else that touches a marked register is a fault.
#include "tools/gpusim/core/Warp.h"

namespace gpusim {

void Warp::trackRegisters(const Instr &instr, uint32_t mask) {
  if (instr.use == RegisterUse::Wgmma)
    return; // its handler looks itself
  size_t reads = instr.destinations;
  uint32_t carried = 0;
  uint64_t carriedStep = 0;
  if (wgmmaIssued > wgmmaCompleted || instr.use == RegisterUse::Move)
    for (size_t i = reads; i < instr.ops.size(); ++i) {
      int32_t slot = instr.ops[i].slot;
      if (slot < 0)
        continue;
      uint32_t group = inFlight[size_t(slot)];
      carriedStep = std::max(carriedStep, writeStep[size_t(slot)]);
      if (group <= wgmmaCompleted)
        continue;
      if (instr.use != RegisterUse::Move)
        fail(FaultKind::WgmmaWait, __builtin_ctz(mask),
             "reads a register that wgmma group " + std::to_string(group) +
                 " is still using (" + std::to_string(wgmmaCompleted) +
                 " groups are complete)");
      carried = std::max(carried, group);
    }
  for (size_t i = 0; i < reads; ++i) {
    int32_t slot = instr.ops[i].slot;
    if (slot < 0)
      continue;
    if (instr.use != RegisterUse::Move &&
        inFlight[size_t(slot)] > wgmmaCompleted)
      fail(FaultKind::WgmmaWait, __builtin_ctz(mask),
           "writes a register that wgmma group " +
               std::to_string(inFlight[size_t(slot)]) + " is still using");
    inFlight[size_t(slot)] = carried;
    writeStep[size_t(slot)] =
        instr.use == RegisterUse::Move ? carriedStep : steps;
  }
}

} // namespace gpusim
