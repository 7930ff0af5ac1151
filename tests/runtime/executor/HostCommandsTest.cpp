// Commands that the host does: matrices that share a Hessian, and ones that do
// not although they look alike.
#include "runtime/executor/HostCommands.h"
#include "runtime/device/cpu/CpuDevice.h"
#include "runtime/quant/Gptq.h"
#include "runtime/support/Error.h"
#include "tests/runtime/executor/BlindDevice.h"

#include <gtest/gtest.h>

namespace pgrt {
namespace {

constexpr int64_t n = 6, hessians = 2, codesAt = 4096;

struct Matrix {
  int64_t rows;
  int hessian;
  double damp;
};
const std::vector<Matrix> matrices = {
    {3, 0, 0.01}, {5, 0, 0.01}, {4, 1, 0.01}, {2, 0, 50}, {1, 0, 0.01}};

/// What the arena holds before the codes: Hessians, scales, weights; every
/// matrix takes the first of its rows.
std::vector<float> contents() {
  std::vector<float> values;
  for (int h = 0; h < hessians; ++h)
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j)
        values.push_back(i == j ? float(2 + (i * (3 + h)) % 5)
                                : (h ? -0.3f : 1.4f));
  for (int64_t r = 0; r < n; ++r)
    values.push_back(0.1f + 0.01f * float(r));
  for (int64_t i = 0; i < n * n; ++i)
    values.push_back(float((i * 37) % 64) / 32 - 1);
  return values;
}

plan::Plan makePlan() {
  plan::Plan plan;
  plan::Arena *arena = plan.add_arenas();
  arena->set_name("memory");
  arena->set_bytes(2 * codesAt);
  plan::Program *program = plan.add_programs();
  program->set_role("quantize");
  int64_t codes = codesAt;
  for (const Matrix &matrix : matrices) {
    plan::Gptq *gptq = program->add_commands()->mutable_gptq();
    gptq->mutable_hessian()->set_offset(matrix.hessian * n * n * 4);
    gptq->mutable_scale()->set_offset(hessians * n * n * 4);
    gptq->mutable_weight()->set_offset((hessians * n * n + n) * 4);
    gptq->mutable_codes()->set_offset(codes);
    gptq->set_rows(matrix.rows);
    gptq->set_cols(n);
    gptq->set_type(plan::F32);
    gptq->set_top(31);
    gptq->set_block(4);
    gptq->set_damp(matrix.damp);
    codes += matrix.rows * n * 4;
  }
  return plan;
}

void expectCodesOfEach(Device &device) {
  plan::Plan plan = makePlan();
  Executor executor(plan, device);
  const plan::Program &program = plan.programs(0);
  executor.allocateFor(program);
  std::vector<float> values = contents();
  device.write(executor.address(plan::Slot()), values.data(),
               int64_t(values.size() * sizeof(float)));
  runHostCommands(executor, program, 0, program.commands_size());

  std::span<const float> all(values);
  for (size_t i = 0; i < matrices.size(); ++i) {
    const Matrix &matrix = matrices[i];
    HessianFactor factor(all.subspan(matrix.hessian * n * n, n * n), n,
                         matrix.damp, "it");
    GptqProblem<float> problem{
        all.subspan(hessians * n * n + n, matrix.rows * n),
        all.subspan(hessians * n * n, matrix.rows), matrix.rows, 31, 4};
    std::vector<float> found(matrix.rows * n);
    device.read(found.data(),
                executor.address(program.commands(int(i)).gptq().codes()),
                int64_t(found.size() * sizeof(float)));
    EXPECT_EQ(found, gptq(problem, factor)) << "matrix " << i;
  }
}

TEST(HostCommands, CodesAreThoseOfEachMatrixAlone) {
  for (int threads : {1, 3}) {
    CpuDevice device(threads);
    expectCodesOfEach(device);
  }
}

TEST(HostCommands, NeedNoViewOfTheDevicesMemory) {
  toy::BlindDevice device(2, false);
  expectCodesOfEach(device);
}

TEST(HostCommands, NameTheParameterOfABadHessian) {
  plan::Plan plan = makePlan();
  plan::Parameter *parameter = plan.add_parameters();
  parameter->set_name("layers.1.up");
  parameter->add_shape(matrices[2].rows);
  parameter->add_shape(n);
  parameter->mutable_hessian()->set_offset(n * n * 4);
  CpuDevice device(2);
  Executor executor(plan, device);
  executor.allocateFor(plan.programs(0));
  std::vector<float> values = contents();
  values[n * n] = -1;
  device.write(executor.address(plan::Slot()), values.data(),
               int64_t(values.size() * sizeof(float)));
  try {
    runHostCommands(executor, plan.programs(0), 0,
                    plan.programs(0).commands_size());
    FAIL() << "not refused";
  } catch (const Error &error) {
    EXPECT_NE(std::string(error.what()).find("Hessian of 'layers.1.up'"),
              std::string::npos)
        << error.what();
  }
}

} // namespace
} // namespace pgrt
