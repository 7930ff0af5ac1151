#include "runtime/executor/HostCommands.h"
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

bool runsOnHost(const plan::Command &command) {
  return command.has_gptq() || command.has_svd();
}

// Of one matrix each, independent of one another: threaded LAPACK would change
// bits. The longest first, so that no thread is left alone with one at the end.
void runHostCommands(const Executor &executor, const plan::Program &program,
                     int begin, int end) {
  std::vector<const plan::Command *> commands;
  for (int i = begin; i < end; ++i)
    commands.push_back(&program.commands(i));
  std::sort(commands.begin(), commands.end(),
            [](const plan::Command *a, const plan::Command *b) {
              return hostCost(*a) > hostCost(*b);
            });
  executor.device().onHostThreads(int64_t(commands.size()), [&](int64_t i) {
    throwIfInterrupted();
    const plan::Command &command = *commands[size_t(i)];
    if (command.has_svd()) {
      if (command.svd().type() == plan::F64)
        runSvdCommand<double>(executor, command.svd());
      else
        runSvdCommand<float>(executor, command.svd());
      return;
    }
    std::string what = gptqName(executor.plan(), command.gptq());
    if (command.gptq().type() == plan::F64)
      runGptqCommand<double>(executor, command.gptq(), what);
    else
      runGptqCommand<float>(executor, command.gptq(), what);
  });
}

} // namespace pgrt
