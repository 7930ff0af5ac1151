#include "runtime/executor/HostCommands.h"
#include "runtime/quant/Gptq.h"
#include "runtime/quant/Svd.h"
#include "runtime/support/BlasThreads.h"
#include "runtime/support/Interrupt.h"
#include "runtime/support/Text.h"

#include <algorithm>
#include <map>
#include <tuple>

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

/// Commands that one thread does, one after another.
struct HostTask {
  std::vector<const plan::Command *> commands;
  double operations = 0; // roughly
};

double svdOperations(const plan::Svd &svd) {
  return 20 * double(svd.rows()) * double(svd.cols()) *
         double(std::min(svd.rows(), svd.cols()));
}

/// Matrices that share a Hessian, as those do that have the same inputs, share
/// its factor too.
auto factorOf(const plan::Gptq &gptq) {
  return std::tuple(gptq.hessian().arena(), gptq.hessian().offset(),
                    gptq.cols(), gptq.type(), gptq.damp());
}

/// The longest first, so that no thread is left alone with one at the end.
std::vector<HostTask> hostTasks(const plan::Program &program, int begin,
                                int end) {
  std::vector<HostTask> tasks;
  std::map<decltype(factorOf({})), size_t> byFactor;
  for (int i = begin; i < end; ++i) {
    const plan::Command &command = program.commands(i);
    if (command.has_svd()) {
      tasks.push_back({{&command}, svdOperations(command.svd())});
      continue;
    }
    const plan::Gptq &gptq = command.gptq();
    const double columns = double(gptq.cols());
    auto [place, first] = byFactor.emplace(factorOf(gptq), tasks.size());
    if (first)
      tasks.push_back({{}, columns * columns * columns / 3});
    HostTask &task = tasks[place->second];
    task.commands.push_back(&command);
    task.operations += double(gptq.rows()) * columns * columns;
  }
  std::sort(tasks.begin(), tasks.end(),
            [](const HostTask &a, const HostTask &b) {
              return a.operations > b.operations;
            });
  return tasks;
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
                    const HessianFactor &factor) {
  const int64_t rows = command.rows(), columns = command.cols();
  HostTensor<T> weights(executor, command.weight(), rows * columns),
      scales(executor, command.scale(), rows);
  std::vector<T> codes =
      gptq(GptqProblem<T>{weights.values, scales.values, rows, command.top(),
                          command.block()},
           factor);
  executor.device().write(executor.address(command.codes()), codes.data(),
                          rows * columns * int64_t(sizeof(T)));
}

template <typename T>
HessianFactor factorHessian(const Executor &executor,
                            const plan::Gptq &command) {
  const int64_t columns = command.cols();
  HostTensor<T> hessian(executor, command.hessian(), columns * columns);
  return HessianFactor(hessian.values, columns, command.damp(),
                       gptqName(executor.plan(), command).c_str());
}

template <typename T>
void runTask(const Executor &executor, const HostTask &task) {
  if (task.commands.front()->has_svd())
    return runSvdCommand<T>(executor, task.commands.front()->svd());
  HessianFactor factor =
      factorHessian<T>(executor, task.commands.front()->gptq());
  for (const plan::Command *command : task.commands) {
    throwIfInterrupted();
    runGptqCommand<T>(executor, command->gptq(), factor);
  }
}
} // namespace

bool runsOnHost(const plan::Command &command) {
  return command.has_gptq() || command.has_svd();
}

// Tasks are independent of one another: threaded LAPACK would change bits.
void runHostCommands(const Executor &executor, const plan::Program &program,
                     int begin, int end) {
  const std::vector<HostTask> tasks = hostTasks(program, begin, end);
  executor.device().onHostThreads(int64_t(tasks.size()), [&](int64_t i) {
    throwIfInterrupted();
    const HostTask &task = tasks[size_t(i)];
    const plan::Command &first = *task.commands.front();
    if ((first.has_svd() ? first.svd().type() : first.gptq().type()) ==
        plan::F64)
      runTask<double>(executor, task);
    else
      runTask<float>(executor, task);
  });
}

} // namespace pgrt
