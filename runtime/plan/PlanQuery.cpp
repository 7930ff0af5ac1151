#include "runtime/plan/PlanCheck.h"

#include <algorithm>

namespace pgrt {

int64_t typeBytes(plan::Type type) {
  switch (type) {
  case plan::F32:
    return 4;
  case plan::F64:
    return 8;
  case plan::BF16:
    return 2;
  case plan::I64:
    return 8;
  case plan::I1:
    return 1;
  default:
    return 0;
  }
}

const char *typeName(plan::Type type) {
  switch (type) {
  case plan::F32:
    return "f32";
  case plan::F64:
    return "f64";
  case plan::BF16:
    return "bf16";
  case plan::I64:
    return "i64";
  case plan::I1:
    return "i1";
  default:
    return "?";
  }
}

bool isGpuPlan(const plan::Plan &plan) {
  return plan.code_size() > 0 && plan.code(0).target() == gpuTargetName;
}

const plan::Plan *findGpuPlan(const plan::Plan &plan) {
  if (isGpuPlan(plan))
    return &plan;
  for (const plan::Plan &device : plan.devices())
    if (isGpuPlan(device))
      return &device;
  return nullptr;
}

int64_t arenaBytes(const plan::Plan &plan) {
  int64_t bytes = 0;
  for (const plan::Arena &arena : plan.arenas())
    if (arena.alias_of().empty())
      bytes += arena.bytes() * std::max<int64_t>(1, arena.instances());
  return bytes;
}

double programFlops(const plan::Plan &plan, const plan::Program &program) {
  if (program.model_flops() > 0)
    return program.model_flops();
  double flops = 0;
  for (const plan::Command &command : program.commands())
    if (command.has_launch())
      flops += plan.kernels(int(command.launch().kernel())).flops();
  return flops;
}

// A binary counter holds one instance for each bit of the parts done so far;
// the last part of 2^k parts needs one more.
int64_t gradientInstances(int64_t parts) {
  int64_t most = 1;
  for (int64_t done = 0; done < parts && done < 65536; ++done)
    most = std::max<int64_t>(most, __builtin_popcountll(uint64_t(done)) + 1);
  return most;
}

static bool isPowerOfTwo(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

bool ranksCanShare(int64_t parts, int64_t ranks) {
  return ranks == 1 || (isPowerOfTwo(ranks) && parts % ranks == 0 &&
                        isPowerOfTwo(parts / ranks));
}

std::string phaseName(const plan::Training &training,
                      const std::vector<bool> &on) {
  std::string name;
  for (int i = 0; i < training.switches_size(); ++i)
    if (on[size_t(i)])
      name += (name.empty() ? "" : "+") + training.switches(i).name();
  return name.empty() ? "plain" : name;
}

const plan::Program *findProgram(const plan::Plan &plan,
                                 const std::string &role,
                                 const std::string &phase) {
  for (const plan::Program &program : plan.programs()) {
    if (program.role() != role)
      continue;
    if (phase.empty())
      return &program;
    for (const std::string &served : program.phases())
      if (served == phase)
        return &program;
  }
  return nullptr;
}

const plan::Port *
findPort(const google::protobuf::RepeatedPtrField<plan::Port> &ports,
         const std::string &name) {
  for (const plan::Port &port : ports)
    if (port.name() == name)
      return &port;
  return nullptr;
}

bool keepsContents(const plan::Plan &plan, int arena) {
  const std::string &name = plan.arenas(arena).name();
  if (name != "activations" && name != "io")
    return true;
  // Whatever it is called: weights outlive a program.
  auto lies = [&](const auto &owner) {
    return int(owner.slot().arena()) == arena;
  };
  auto any = [&](const auto &owners) {
    return std::any_of(owners.begin(), owners.end(), lies);
  };
  return any(plan.parameters()) || any(plan.states()) || any(plan.constants());
}

std::string deviceOf(const plan::Plan &plan) {
  if (plan.code_size() == 0)
    return "";
  return isGpuPlan(plan) ? "cuda" : "cpu";
}

std::string stageOfRole(const std::string &role) {
  if (role == "train" || role == "measure" || role == "combine" ||
      role == "update")
    return "train";
  if (role == "capture" || role == "quantize" || role == "decode")
    return "quantize";
  if (role == "score" || role == "logits" || role == "adapt" ||
      role == "adapt_update")
    return "evaluate";
  return role == "probe" ? "probe" : "";
}

bool evaluationHasPrograms(const plan::Plan &plan,
                           const plan::Evaluation &evaluation) {
  return evaluation.kind() != "documents" &&
         evaluation.score() < uint32_t(plan.programs_size());
}

int gradientArena(const plan::Plan &plan) {
  for (const plan::Parameter &parameter : plan.parameters())
    if (parameter.has_gradient())
      return int(parameter.gradient().arena());
  return -1;
}

int otherGradientArena(const plan::Plan &plan) {
  int gradients = gradientArena(plan);
  if (gradients < 0)
    return -1;
  for (int i = 0; i < plan.arenas_size(); ++i)
    if (plan.arenas(i).alias_of() == plan.arenas(gradients).name())
      return i;
  return -1;
}

} // namespace pgrt
