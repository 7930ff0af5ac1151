#include "runtime/executor/Executor.h"
#include "runtime/plan/Extents.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/quant/Gptq.h"
#include "runtime/quant/Svd.h"
#include "runtime/support/BlasThreads.h"
#include "runtime/support/Interrupt.h"
#include "runtime/support/Text.h"

#include <algorithm>

namespace pgrt {

namespace {
/// The parameter whose Hessian it is: for messages.
std::string gptqName(const plan::Plan &plan, const plan::Gptq &command) {
  for (const plan::Parameter &parameter : plan.parameters())
    if (parameter.has_hessian() && parameter.shape_size() == 2 &&
        parameter.shape(0) == command.rows() &&
        parameter.shape(1) == command.cols() &&
        parameter.hessian().arena() == command.hessian().arena() &&
        parameter.hessian().offset() == command.hessian().offset())
      return "'" + parameter.name() + "'";
  return cat("a matrix of ", command.rows(), " × ", command.cols());
}

/// A tensor of the device on the host: as it lies there, or a copy.
template <typename T> class HostTensor {
public:
  HostTensor(const Executor &executor, const plan::Slot &slot, int64_t count) {
    void *address = executor.address(slot);
    if (void *view = executor.device().hostView(address)) {
      values = {static_cast<const T *>(view), size_t(count)};
      return;
    }
    copy.resize(size_t(count));
    executor.device().read(copy.data(), address, count * int64_t(sizeof(T)));
    values = copy;
  }
  std::span<const T> values;

private:
  std::vector<T> copy;
};

bool onHost(const plan::Command &command) {
  return command.has_gptq() || command.has_svd();
}

/// Operations, roughly.
double hostCost(const plan::Command &command) {
  if (command.has_svd())
    return 20 * double(command.svd().rows()) * double(command.svd().cols()) *
           double(std::min(command.svd().rows(), command.svd().cols()));
  double columns = double(command.gptq().cols());
  return columns * columns * (columns + 2 * double(command.gptq().rows()));
}

template <typename T>
void writeAs(const Executor &executor, const plan::Slot &slot,
             const std::vector<double> &values) {
  std::vector<T> converted(values.begin(), values.end());
  executor.device().write(executor.address(slot), converted.data(),
                          int64_t(converted.size() * sizeof(T)));
}

template <typename T>
void runSvdCommand(const Executor &executor, const plan::Svd &command) {
  const int64_t rows = command.rows(), columns = command.cols();
  HostTensor<T> matrix(executor, command.matrix(), rows * columns);
  std::vector<double> wide(matrix.values.begin(), matrix.values.end());
  oneBlasThreadEach();
  Svd svd = singularValues(wide, rows, columns, command.rank(),
                           cat("a matrix of ", rows, " × ", columns).c_str());
  writeAs<T>(executor, command.u(), svd.u);
  writeAs<T>(executor, command.s(), svd.s);
  writeAs<T>(executor, command.v(), svd.v);
}

template <typename T>
void runGptqCommand(const Executor &executor, const plan::Gptq &command,
                    const std::string &what) {
  const int64_t rows = command.rows(), columns = command.cols();
  HostTensor<T> weights(executor, command.weight(), rows * columns),
      hessian(executor, command.hessian(), columns * columns),
      scales(executor, command.scale(), rows);
  GptqProblem<T> problem;
  problem.weights = weights.values;
  problem.hessian = hessian.values;
  problem.scales = scales.values;
  problem.rows = rows;
  problem.columns = columns;
  problem.top = command.top();
  problem.block = command.block();
  problem.damp = command.damp();
  std::vector<int32_t> codes = gptq(problem, what.c_str());
  std::vector<T> values(codes.begin(), codes.end());
  executor.device().write(executor.address(command.codes()), values.data(),
                          rows * columns * int64_t(sizeof(T)));
}
} // namespace

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
  if (ready.insert(&program).second)
    allocate(arenasTouched(thePlan, program));
}

void Executor::releaseAllBut(const std::set<int> &arenas) {
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

void Executor::bind(int arena, int instance) {
  if (instances[size_t(arena)].empty())
    allocate({arena});
  bases[size_t(arena)] = instances[size_t(arena)][size_t(instance)];
}

void Executor::run(const plan::Program &program,
                   const std::vector<double> &scalars) {
  allocateFor(program);
  for (int i = 0; i < program.commands_size(); ++i) {
    const plan::Command &command = program.commands(i);
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
    case plan::Command::kGptq:
    case plan::Command::kSvd: {
      int end = i + 1;
      while (end < program.commands_size() && onHost(program.commands(end)))
        ++end;
      runOnHost(program, i, end);
      i = end - 1;
      if (profile)
        profile->addMemory("gptq and svd", 0, Profile::now() - before);
      break;
    }
    default:
      break;
    }
  }
}

// Of one matrix each, independent of one another: threaded LAPACK would change
// bits. The longest first, so that no thread is left alone with one at the end.
void Executor::runOnHost(const plan::Program &program, int begin, int end) {
  std::vector<const plan::Command *> commands;
  for (int i = begin; i < end; ++i)
    commands.push_back(&program.commands(i));
  std::sort(commands.begin(), commands.end(),
            [](const plan::Command *a, const plan::Command *b) {
              return hostCost(*a) > hostCost(*b);
            });
  dev.onHostThreads(int64_t(commands.size()), [&](int64_t i) {
    throwIfInterrupted();
    const plan::Command &command = *commands[size_t(i)];
    if (command.has_svd()) {
      if (command.svd().type() == plan::F64)
        runSvdCommand<double>(*this, command.svd());
      else
        runSvdCommand<float>(*this, command.svd());
      return;
    }
    std::string what = gptqName(thePlan, command.gptq());
    if (command.gptq().type() == plan::F64)
      runGptqCommand<double>(*this, command.gptq(), what);
    else
      runGptqCommand<float>(*this, command.gptq(), what);
  });
}

void Executor::clearArena(int arena) {
  double before = profile ? Profile::now() : 0;
  int64_t bytes = thePlan.arenas(arena).bytes();
  if (!bases[size_t(arena)])
    allocate({arena});
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
