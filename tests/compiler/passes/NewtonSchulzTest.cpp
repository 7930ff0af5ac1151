// The expanded Newton-Schulz iteration against a plain statement of it.
#include "compiler/passes/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "tests/support/Interpreter.h"
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace pgtest;

namespace {

Tensor transpose(const Tensor &x) {
  Tensor y({x.shape[1], x.shape[0]});
  for (int64_t i = 0; i < y.shape[0]; ++i)
    for (int64_t j = 0; j < y.shape[1]; ++j)
      y.data[i * y.shape[1] + j] = x.data[j * x.shape[1] + i];
  return y;
}

Tensor multiply(const Tensor &a, const Tensor &b) {
  Tensor y({a.shape[0], b.shape[1]});
  for (int64_t i = 0; i < y.shape[0]; ++i)
    for (int64_t j = 0; j < y.shape[1]; ++j)
      for (int64_t k = 0; k < a.shape[1]; ++k)
        y.data[i * y.shape[1] + j] +=
            a.data[i * a.shape[1] + k] * b.data[k * b.shape[1] + j];
  return y;
}

/// Steps on X itself, with its shorter side as rows.
Tensor iterate(Tensor x, const std::vector<double> &coeffs, bool aol) {
  bool tall = x.shape[0] > x.shape[1];
  double norm = 0;
  for (double value : x.data)
    norm += value * value;
  for (double &value : x.data)
    value /= std::sqrt(norm) + 1e-7;
  if (tall)
    x = transpose(x);
  int64_t rows = x.shape[0], columns = x.shape[1];
  if (aol) {
    Tensor gram = multiply(x, transpose(x));
    for (int64_t i = 0; i < rows; ++i) {
      double sum = 0;
      for (int64_t j = 0; j < rows; ++j)
        sum += std::fabs(gram.data[i * rows + j]);
      for (int64_t j = 0; j < columns; ++j)
        x.data[i * columns + j] /= std::sqrt(std::max(sum, 1e-7));
    }
  }
  for (size_t step = 0; step < coeffs.size(); step += 3) {
    Tensor a = multiply(x, transpose(x)), aa = multiply(a, a);
    for (int64_t i = 0; i < a.size(); ++i)
      a.data[i] = coeffs[step + 1] * a.data[i] + coeffs[step + 2] * aa.data[i];
    Tensor y = multiply(a, x);
    for (int64_t i = 0; i < x.size(); ++i)
      x.data[i] = coeffs[step] * x.data[i] + y.data[i];
  }
  return tall ? transpose(x) : x;
}

/// What the pass makes of pg.newton_schulz in the given form.
Tensor expandAndRun(const Tensor &u, const std::vector<double> &coeffs,
                    const std::string &form, bool aol) {
  MLIRContext context;
  context.loadDialect<pg::PgDialect, func::FuncDialect>();
  std::string type = "tensor<" + std::to_string(u.shape[0]) + "x" +
                     std::to_string(u.shape[1]) + "xf64>",
              numbers;
  for (double coefficient : coeffs)
    numbers += (numbers.empty() ? "" : ", ") + std::to_string(coefficient);
  std::string text = "func.func @f(%u: " + type + ") -> " + type +
                     " {\n  %y = pg.newton_schulz " + form +
                     " %u {coeffs = array<f64: " + numbers + ">" +
                     (aol ? ", aol" : "") + "} : (" + type + ") -> " + type +
                     "\n  return %y : " + type + "\n}\n";
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(text, &context);
  PassManager manager(&context);
  manager.addPass(pgc::createExpandNewtonSchulz());
  manager.addPass(pgc::createVerifyPrimitive());
  if (!module || failed(manager.run(*module)))
    return Tensor(u.shape);
  Interpreter interpreter;
  return interpreter.run(module->lookupSymbol<func::FuncOp>("f").front(),
                         {u})[0];
}

TEST(NewtonSchulz, AllFormsOfAllShapes) {
  const std::vector<double> coeffs = {
      4.0848, -6.8946, 2.927,   3.9505, -6.3029, 2.6377,  3.7418, -5.5913,
      2.3037, 2.8769,  -3.1427, 1.2046, 2.8366,  -3.0525, 1.2012};
  std::mt19937 generator(3);
  std::normal_distribution<double> normal;
  for (std::vector<int64_t> shape :
       {std::vector<int64_t>{4, 7}, {7, 4}, {5, 5}, {1, 6}, {6, 1}})
    for (size_t steps : {1, 2, 3, 5})
      for (bool aol : {false, true})
        for (const char *form : {"plain", "gram", "cheaper"}) {
          Tensor u(shape);
          for (double &value : u.data)
            value = normal(generator);
          std::vector<double> used(coeffs.begin(), coeffs.begin() + 3 * steps);
          Tensor expected = iterate(u, used, aol);
          Tensor found = expandAndRun(u, used, form, aol);
          ASSERT_EQ(found.shape, expected.shape);
          for (int64_t i = 0; i < u.size(); ++i)
            ASSERT_NEAR(found.data[i], expected.data[i], 1e-9)
                << shape[0] << "x" << shape[1] << " steps " << steps << " aol "
                << aol << " " << form;
        }
}

} // namespace
