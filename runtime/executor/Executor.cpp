#include "runtime/executor/Executor.h"

#include <algorithm>

namespace pgrt {

Executor::Executor(const plan::Plan &plan, Device &device)
    : thePlan(plan), dev(device) {
  std::vector<int64_t> sizes;
  for (const plan::Arena &arena : plan.arenas())
    if (arena.alias_of().empty())
      sizes.insert(sizes.end(), size_t(std::max<int64_t>(1, arena.instances())),
                   arena.bytes());
  std::vector<void *> memory = device.allocate(sizes);
  instances.resize(size_t(plan.arenas_size()));
  auto next = memory.begin();
  for (int i = 0; i < plan.arenas_size(); ++i)
    if (plan.arenas(i).alias_of().empty()) {
      auto end = next + std::max<int64_t>(1, plan.arenas(i).instances());
      instances[size_t(i)].assign(next, end);
      next = end;
    }
  for (int i = 0; i < plan.arenas_size(); ++i)
    for (int j = 0; j < plan.arenas_size(); ++j)
      if (!plan.arenas(i).alias_of().empty() &&
          plan.arenas(j).name() == plan.arenas(i).alias_of())
        instances[size_t(i)] = instances[size_t(j)];
  for (const std::vector<void *> &list : instances)
    bases.push_back(list.front());
  device.loadCode(plan);
  for (const plan::Constant &constant : plan.constants())
    device.write(address(constant.slot()), constant.data().data(),
                 int64_t(constant.data().size()));
}

void Executor::bind(int arena, int instance) {
  bases[size_t(arena)] = instances[size_t(arena)][size_t(instance)];
}

void Executor::run(const plan::Program &program,
                   const std::vector<double> &scalars) {
  for (const plan::Command &command : program.commands()) {
    double before = profile ? Profile::now() : 0;
    switch (command.kind_case()) {
    case plan::Command::kLaunch: {
      const plan::Launch &launch = command.launch();
      buffers.clear();
      for (const plan::Slot &slot : launch.buffers())
        buffers.push_back(address(slot));
      arguments.clear();
      for (uint32_t index : launch.scalars())
        arguments.push_back(scalars[index]);
      dev.launch(launch.kernel(), buffers.data(), arguments.data());
      if (profile)
        profile->addLaunch(launch.kernel(), Profile::now() - before);
      break;
    }
    case plan::Command::kCopy:
      dev.copy(address(command.copy().to()), address(command.copy().from()),
               command.copy().bytes());
      if (profile)
        profile->addMemory("copy", double(command.copy().bytes()) * 2,
                           Profile::now() - before);
      break;
    case plan::Command::kFill:
      dev.fill(address(command.fill().to()), command.fill().pattern(),
               command.fill().bytes());
      if (profile)
        profile->addMemory("fill", double(command.fill().bytes()),
                           Profile::now() - before);
      break;
    default:
      break;
    }
  }
}

void Executor::clearArena(int arena) {
  double before = profile ? Profile::now() : 0;
  int64_t bytes = thePlan.arenas(arena).bytes();
  dev.fill(bases[size_t(arena)], 0, bytes);
  if (profile)
    profile->addMemory("fill", double(bytes), Profile::now() - before);
}

double Executor::readScalar(const plan::Port &port) const {
  if (port.type() == plan::F64) {
    double value;
    dev.read(&value, address(port.slot()), sizeof value);
    return value;
  }
  float value;
  dev.read(&value, address(port.slot()), sizeof value);
  return double(value);
}

void Executor::writePort(const plan::Port &port, const int64_t *values) {
  dev.write(address(port.slot()), values, port.bytes());
}

} // namespace pgrt
