#include "runtime/executor/Executor.h"
#include "runtime/executor/HostCommands.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/schedule/Extents.h"

#include <algorithm>

namespace pgrt {

Executor::Executor(const plan::Plan &plan, Device &device)
    : thePlan(plan), dev(device), instances(size_t(plan.arenas_size())),
      bases(size_t(plan.arenas_size())) {
  device.loadCode(plan);
}

// The arena that an alias stands for, or the arena itself.
static int realArena(const plan::Plan &plan, int arena) {
  for (int i = 0; i < plan.arenas_size(); ++i)
    if (!plan.arenas(arena).alias_of().empty() &&
        plan.arenas(i).name() == plan.arenas(arena).alias_of())
      return i;
  return arena;
}

void Executor::allocate(const std::set<int> &arenas) {
  std::set<int> missing;
  for (int arena : arenas)
    if (int real = realArena(thePlan, arena); instances[size_t(real)].empty())
      missing.insert(real);
  if (missing.empty())
    return;
  std::vector<int64_t> sizes;
  for (int arena : missing)
    sizes.insert(
        sizes.end(),
        size_t(std::max<int64_t>(1, thePlan.arenas(arena).instances())),
        thePlan.arenas(arena).bytes());
  std::vector<void *> memory = dev.allocate(sizes);
  auto next = memory.begin();
  for (int arena : missing) {
    auto end = next + std::max<int64_t>(1, thePlan.arenas(arena).instances());
    instances[size_t(arena)].assign(next, end);
    bases[size_t(arena)] = *next;
    next = end;
  }
  for (int i = 0; i < thePlan.arenas_size(); ++i)
    if (int real = realArena(thePlan, i); real != i && missing.count(real)) {
      instances[size_t(i)] = instances[size_t(real)];
      bases[size_t(i)] = bases[size_t(real)];
    }
  for (const plan::Constant &constant : thePlan.constants())
    if (missing.count(int(constant.slot().arena())))
      dev.write(address(constant.slot()), constant.data().data(),
                int64_t(constant.data().size()));
}

void Executor::allocateFor(const plan::Program &program) {
  auto [found, isNew] = ready.try_emplace(&program);
  if (!isNew)
    return;
  found->second = arenasTouched(thePlan, program);
  allocate(found->second);
}

void Executor::releaseAllBut(const std::set<int> &arenas) {
  recordings.clear();
  std::set<int> kept;
  for (int arena : arenas)
    kept.insert(realArena(thePlan, arena));
  for (int i = 0; i < thePlan.arenas_size(); ++i) {
    if (kept.count(realArena(thePlan, i)))
      continue;
    if (realArena(thePlan, i) == i)
      dev.release(instances[size_t(i)]);
    instances[size_t(i)].clear();
    bases[size_t(i)] = nullptr;
  }
  ready.clear();
}

void *Executor::address(const Extent &extent, int instance) {
  std::vector<void *> &memory = instances[size_t(extent.arena)];
  if (memory.empty())
    allocate({extent.arena});
  return static_cast<char *>(memory[size_t(instance)]) + extent.begin;
}

void Executor::bind(int arena, int instance) {
  if (instances[size_t(arena)].empty())
    allocate({arena});
  bases[size_t(arena)] = instances[size_t(arena)][size_t(instance)];
}

void Executor::run(const plan::Program &program,
                   const std::vector<double> &scalars) {
  allocateFor(program);
  const int count = program.commands_size();
  for (int begin = 0, end; begin < count; begin = end) {
    const bool host = runsOnHost(program.commands(begin));
    end = begin + 1;
    while (end < count && runsOnHost(program.commands(end)) == host)
      ++end;
    if (host) {
      double before = profile ? Profile::now() : 0;
      runHostCommands(*this, program, begin, end);
      if (profile)
        profile->addMemory("gptq and svd", 0, Profile::now() - before);
    } else if (dev.records() && !profile) {
      replay(program, begin, end, scalars);
    } else {
      issue(program, begin, end, scalars);
    }
  }
}

void Executor::issue(const plan::Program &program, int begin, int end,
                     const std::vector<double> &scalars) {
  const auto given = signals.find(&program);
  for (int i = begin; i < end; ++i) {
    const plan::Command &command = program.commands(i);
    double before = profile ? Profile::now() : 0;
    auto seconds = [&] {
      dev.wait();
      return Profile::now() - before;
    };
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
        profile->addLaunch(launch.kernel(), seconds());
      break;
    }
    case plan::Command::kCopy:
      dev.copy(address(command.copy().to()), address(command.copy().from()),
               command.copy().bytes());
      if (profile)
        profile->addMemory("copy", double(command.copy().bytes()) * 2,
                           seconds());
      break;
    case plan::Command::kFill:
      dev.fill(address(command.fill().to()), command.fill().pattern(),
               command.fill().bytes());
      if (profile)
        profile->addMemory("fill", double(command.fill().bytes()), seconds());
      break;
    default:
      break;
    }
    if (given != signals.end())
      for (const Signal &signal : given->second)
        if (signal.after == i)
          give(signal);
  }
}

// Addresses are part of a recording: there is one for each binding of the
// arenas that the program touches.
void Executor::replay(const plan::Program &program, int begin, int end,
                      const std::vector<double> &scalars) {
  const plan::Command *first = &program.commands(begin);
  std::vector<void *> binding;
  for (int arena : ready.at(&program))
    binding.push_back(bases[size_t(arena)]);
  std::unique_ptr<Recording> &recording = recordings[{first, binding}];
  if (!recording)
    recording = dev.record([&] { issue(program, begin, end, scalars); });
  arguments.clear();
  for (int i = begin; i < end; ++i)
    for (uint32_t index : program.commands(i).launch().scalars())
      arguments.push_back(scalars[index]);
  recording->run(arguments);
}

void Executor::dropRecordings(const plan::Program &program) {
  for (const plan::Command &command : program.commands())
    std::erase_if(recordings, [&](const auto &recording) {
      return recording.first.first == &command;
    });
}

void Executor::forget(const plan::Program &program) {
  ready.erase(&program);
  signals.erase(&program);
  dropRecordings(program);
}

void Executor::signalWithin(const plan::Program &program,
                            std::vector<Signal> given) {
  dropRecordings(program);
  signals[&program] = std::move(given);
}

void Executor::give(const Signal &signal) {
  std::vector<MemoryPiece> memory;
  for (const Extent &extent : signal.memory)
    memory.push_back({address(extent), extent.bytes});
  dev.signal(signal.number, memory);
}

void Executor::clearArena(int arena) {
  double before = profile ? Profile::now() : 0;
  int64_t bytes = thePlan.arenas(arena).bytes();
  if (!bases[size_t(arena)])
    allocate({arena});
  dev.fill(bases[size_t(arena)], 0, bytes);
  if (!profile)
    return;
  dev.wait();
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
