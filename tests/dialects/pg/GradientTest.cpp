// Every operation's gradient against finite differences, and every composite's
// decomposition against the composite.
#include "compiler/passes/Passes.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Transforms/Passes.h"
#include "tests/support/Interpreter.h"
#include <gtest/gtest.h>
#include <random>

using namespace mlir;
using namespace pgtest;

namespace {

/// A function y of parameters p0, p1, …. The loss is the sum of y times random
/// weights.
struct GradientCase {
  std::string name;
  std::vector<std::string> parameters; // types
  std::string result;                  // type of y
  std::string body;                    // operations that make %y of %p0, %p1, …
  double low = -1, high = 1;           // range of the parameters
  int64_t ids =
      0; // there is an argument %ids, tensor<2x3xi64>, of numbers below this
};

std::ostream &operator<<(std::ostream &out, const GradientCase &c) {
  return out << c.name;
}

std::string writeModule(const GradientCase &c) {
  std::string text;
  auto name = [](size_t i) { return "p" + std::to_string(i); };
  for (size_t i = 0; i < c.parameters.size(); ++i)
    text += "pg.variable @" + name(i) + " : " + c.parameters[i] +
            " {space = \"parameter\"}\n";
  text += "func.func @forward.t(%weights: " + c.result +
          ", %ids: tensor<2x3xi64>) -> (tensor<f64> {pg.name = \"loss\"}, " +
          c.result + ") attributes {pg.role = \"forward\"} {\n";
  for (size_t i = 0; i < c.parameters.size(); ++i)
    text += "  %" + name(i) + " = pg.load @" + name(i) + " : " +
            c.parameters[i] + "\n";
  int64_t rank = llvm::count(c.result, 'x');
  std::string axes, ones;
  for (int64_t i = 0; i < rank; ++i) {
    axes += (i ? ", " : "") + std::to_string(i);
    ones += "1x";
  }
  std::string column = "tensor<" + ones + "f64>";
  text += c.body + "  %weighted = pg.mul %y, %weights : (" + c.result + ", " +
          c.result + ") -> " + c.result + "\n";
  text += "  %sum = pg.reduce sum %weighted axes [" + axes + "] : (" +
          c.result + ") -> " + column + "\n";
  text += "  %loss = pg.reshape %sum : (" + column + ") -> tensor<f64>\n";
  return text + "  return %loss, %y : tensor<f64>, " + c.result + "\n}\n";
}

class Gradient : public testing::TestWithParam<GradientCase> {
protected:
  Gradient() : generator(7) {
    context.loadDialect<pg::PgDialect, func::FuncDialect>();
    module = parseSourceString<ModuleOp>(writeModule(GetParam()), &context);
  }

  Tensor draw(Type type, double low, double high) {
    ArrayRef<int64_t> shape = cast<RankedTensorType>(type).getShape();
    Tensor tensor(std::vector<int64_t>(shape.begin(), shape.end()));
    std::uniform_real_distribution<double> number(low, high);
    for (double &x : tensor.data)
      x = number(generator);
    return tensor;
  }

  LogicalResult runPasses(llvm::function_ref<void(PassManager &)> add) {
    PassManager manager(&context);
    add(manager);
    return manager.run(*module);
  }

  std::vector<Tensor> run(llvm::StringRef name) {
    auto function = module->lookupSymbol<func::FuncOp>(name);
    return interpreter.run(function.front(), arguments);
  }

  MLIRContext context;
  OwningOpRef<ModuleOp> module;
  std::mt19937 generator;
  Interpreter interpreter;
  std::vector<Tensor> arguments;
};

TEST_P(Gradient, EqualsFiniteDifferences) {
  ASSERT_TRUE(module);
  const GradientCase &c = GetParam();
  for (auto variable : module->getOps<pg::VariableOp>())
    interpreter.variables[variable.getSymName()] =
        draw(variable.getType(), c.low, c.high);
  auto function = module->lookupSymbol<func::FuncOp>("forward.t");
  arguments = {draw(function.getArgumentTypes()[0], -1, 1), Tensor({2, 3})};
  for (double &id : arguments[1].data)
    id = c.ids ? static_cast<double>(generator() % c.ids) : 0;

  std::vector<Tensor> before = run("forward.t");
  ASSERT_TRUE(succeeded(runPasses([](PassManager &manager) {
    manager.addPass(pgc::createDifferentiate());
    manager.addPass(pgc::createVerifyDifferentiated());
    manager.addPass(pgc::createDecompose());
    manager.addPass(pgc::createVerifyPrimitive());
    manager.addPass(createCanonicalizerPass());
    manager.addPass(createCSEPass());
  })));
  std::vector<Tensor> after = run("train.t");
  for (int64_t i = 0; i < before[1].size(); ++i)
    EXPECT_NEAR(before[1].data[i], after[1].data[i], 1e-12)
        << "decomposed, at " << i;

  llvm::StringMap<Tensor> gradients = interpreter.variables;
  for (size_t p = 0; p < c.parameters.size(); ++p) {
    std::string name = "p" + std::to_string(p);
    Tensor &value = interpreter.variables[name];
    Tensor gradient = gradients[name + ":grad"];
    if (gradient.data.empty())
      gradient = Tensor(value.shape); // nothing was added to it
    ASSERT_EQ(gradient.shape, value.shape) << name;
    for (int64_t i = 0; i < value.size(); ++i) {
      const double step = 1e-5, x = value.data[i];
      value.data[i] = x + step;
      double above = run("train.t")[0].data[0];
      value.data[i] = x - step;
      double below = run("train.t")[0].data[0];
      value.data[i] = x;
      double expected = (above - below) / (2 * step);
      EXPECT_NEAR(gradient.data[i], expected, 1e-8 + 1e-7 * std::fabs(expected))
          << name << " at " << i;
    }
  }
}

const std::string m = "tensor<2x3xf64>", row = "tensor<3xf64>",
                  scalar = "tensor<f64>";

GradientCase unary(const std::string &op, double low = -1, double high = 1) {
  return {op,  {m}, m, "  %y = pg." + op + " %p0 : (" + m + ") -> " + m + "\n",
          low, high};
}
GradientCase binary(const std::string &op, double low = -1, double high = 1) {
  return {
      op,
      {m, row},
      m,
      "  %y = pg." + op + " %p0, %p1 : (" + m + ", " + row + ") -> " + m + "\n",
      low,
      high};
}
GradientCase composite(const std::string &name, const std::string &op,
                       const std::string &attributes = "") {
  return {name,
          {m},
          m,
          "  %y = pg." + op + " %p0 " + attributes + " : (" + m + ") -> " + m +
              "\n"};
}
GradientCase statistic(const std::string &op, const std::string &axes,
                       const std::string &type) {
  return {op,
          {"tensor<2x3x4xf64>"},
          type,
          "  %y = pg." + op + " %p0 " + axes + " : (tensor<2x3x4xf64>) -> " +
              type + "\n"};
}

INSTANTIATE_TEST_SUITE_P(
    Elementwise, Gradient,
    testing::Values(
        binary("add"), binary("sub"), binary("mul"), binary("div", 0.5, 2),
        binary("pow", 0.5, 2), binary("max"), binary("min"), unary("neg"),
        unary("abs"), unary("sqrt", 0.5, 2), unary("rsqrt", 0.5, 2),
        unary("exp"), unary("log", 0.5, 2), unary("tanh"), unary("sigmoid"),
        unary("cos"), unary("sin"), unary("f32"),
        composite("leaky_relu", "leaky_relu", "{slope = 0.3 : f64}"),
        composite("clamp", "clamp", "{lo = -0.4 : f64, hi = 0.3 : f64}"),
        composite("tanh_cap", "tanh_cap", "{cap = 0.7 : f64}"),
        GradientCase{"lerp",
                     {m, m, row},
                     m,
                     "  %y = pg.lerp %p0, %p1, %p2 : (" + m + ", " + m + ", " +
                         row + ") -> " + m + "\n"},
        GradientCase{"skip_gate",
                     {m, m, row},
                     m,
                     "  %y = pg.skip_gate %p0, %p1, %p2 : (" + m + ", " + m +
                         ", " + row + ") -> " + m + "\n"},
        GradientCase{"select",
                     {m, row, row},
                     m,
                     "  %c = pg.compare gt %p0, %p1 : (" + m + ", " + row +
                         ") -> tensor<2x3xi1>\n"
                         "  %y = pg.select %c, %p0, %p2 : (tensor<2x3xi1>, " +
                         m + ", " + row + ") -> " + m + "\n"},
        GradientCase{"stop_gradient_beside",
                     {m},
                     m,
                     "  %s = pg.stop_gradient %p0 : (" + m + ") -> " + m +
                         "\n"
                         "  %z = pg.sub %s, %s : (" +
                         m + ", " + m + ") -> " + m +
                         "\n"
                         "  %y = pg.add %p0, %z : (" +
                         m + ", " + m + ") -> " + m + "\n"},
        GradientCase{"used_twice",
                     {m},
                     m,
                     "  %e = pg.exp %p0 : (" + m + ") -> " + m +
                         "\n"
                         "  %t = pg.tanh %e : (" +
                         m + ") -> " + m +
                         "\n"
                         "  %y = pg.mul %e, %t : (" +
                         m + ", " + m + ") -> " + m + "\n"},
        GradientCase{"broadcast_scalar",
                     {scalar, row},
                     m,
                     "  %b = pg.broadcast %p0 : (" + scalar + ") -> " + m +
                         "\n"
                         "  %y = pg.mul %b, %p1 : (" +
                         m + ", " + row + ") -> " + m + "\n"}));

INSTANTIATE_TEST_SUITE_P(
    Shapes, Gradient,
    testing::Values(
        statistic("reduce sum", "axes [0, 2]", "tensor<1x3x1xf64>"),
        statistic("reduce max", "axes [1, 2]", "tensor<2x1x1xf64>"),
        statistic("cumsum", "axis 1", "tensor<2x3x4xf64>"),
        statistic("cumsum", "axis 1 reverse", "tensor<2x3x4xf64>"),
        statistic("shift", "axis 1 by 1", "tensor<2x3x4xf64>"),
        statistic("shift", "axis 2 by -3", "tensor<2x3x4xf64>"),
        statistic("reshape", "", "tensor<6x4xf64>"),
        statistic("transpose", "permutation [2, 0, 1]", "tensor<4x2x3xf64>"),
        statistic("slice", "offsets [1, 0, 1] sizes [1, 3, 2]",
                  "tensor<1x3x2xf64>"),
        statistic("pad", "low [0, 1, 0] high [0, 0, 2]", "tensor<2x4x6xf64>"),
        statistic("broadcast", "", "tensor<5x2x3x4xf64>"),
        GradientCase{"concat",
                     {"tensor<2x3xf64>", "tensor<4x3xf64>"},
                     "tensor<6x3xf64>",
                     "  %y = pg.concat %p0, %p1 : (tensor<2x3xf64>, "
                     "tensor<4x3xf64>) -> tensor<6x3xf64>\n"},
        GradientCase{"broadcast_ones",
                     {"tensor<2x1x1xf64>"},
                     "tensor<2x3x4xf64>",
                     "  %y = pg.broadcast %p0 : (tensor<2x1x1xf64>) -> "
                     "tensor<2x3x4xf64>\n"}));

INSTANTIATE_TEST_SUITE_P(
    Norms, Gradient,
    testing::Values(
        composite("rms_norm", "rms_norm"), composite("normalize", "normalize"),
        statistic("mean", "axes [0, 2]", "tensor<1x3x1xf64>"),
        statistic("norm", "axes [1, 2]", "tensor<2x1x1xf64>"),
        statistic("std", "axes [0, 1]", "tensor<1x1x4xf64>"),
        statistic("logsumexp", "axis 1", "tensor<2x1x4xf64>"),
        GradientCase{"token_nll",
                     {"tensor<2x3x5xf64>"},
                     m,
                     "  %y = pg.token_nll %p0, %ids : (tensor<2x3x5xf64>, "
                     "tensor<2x3xi64>) -> tensor<2x3xf64>\n",
                     -2,
                     2,
                     5},
        GradientCase{"cross_entropy",
                     {"tensor<2x3x5xf64>"},
                     scalar,
                     "  %y = pg.cross_entropy %p0, %ids : (tensor<2x3x5xf64>, "
                     "tensor<2x3xi64>) -> tensor<f64>\n",
                     -2,
                     2,
                     5},
        GradientCase{"pick",
                     {"tensor<2x3x5xf64>"},
                     "tensor<2x3x1xf64>",
                     "  %y = pg.pick %p0, %ids : (tensor<2x3x5xf64>, "
                     "tensor<2x3xi64>) -> tensor<2x3x1xf64>\n",
                     -2,
                     2,
                     5}));

GradientCase matmul(const std::string &a, const std::string &b,
                    const std::string &result, const std::string &flags) {
  return {"matmul" + flags,
          {a, b},
          result,
          "  %y = pg.matmul %p0, %p1 " + flags + " : (" + a + ", " + b +
              ") -> " + result + "\n"};
}

INSTANTIATE_TEST_SUITE_P(
    Products, Gradient,
    testing::Values(
        GradientCase{"linear",
                     {"tensor<2x3x4xf64>", "tensor<5x4xf64>"},
                     "tensor<2x3x5xf64>",
                     "  %y = pg.linear %p0, %p1 : (tensor<2x3x4xf64>, "
                     "tensor<5x4xf64>) -> tensor<2x3x5xf64>\n"},
        GradientCase{"linear_vector",
                     {"tensor<4xf64>", "tensor<5x4xf64>"},
                     "tensor<5xf64>",
                     "  %y = pg.linear %p0, %p1 : (tensor<4xf64>, "
                     "tensor<5x4xf64>) -> tensor<5xf64>\n"},
        matmul("tensor<2x3xf64>", "tensor<3x4xf64>", "tensor<2x4xf64>", ""),
        matmul("tensor<3x2xf64>", "tensor<3x4xf64>", "tensor<2x4xf64>",
               "{transpose_a}"),
        matmul("tensor<2x3xf64>", "tensor<4x3xf64>", "tensor<2x4xf64>",
               "{transpose_b}"),
        matmul("tensor<3x2xf64>", "tensor<4x3xf64>", "tensor<2x4xf64>",
               "{transpose_a, transpose_b}"),
        matmul("tensor<2x2x3xf64>", "tensor<3x4xf64>", "tensor<2x2x4xf64>", ""),
        matmul("tensor<2x2x3xf64>", "tensor<4x3xf64>", "tensor<2x2x4xf64>",
               "{transpose_b}"),
        matmul("tensor<2x3x2xf64>", "tensor<3x4xf64>", "tensor<2x2x4xf64>",
               "{transpose_a}"),
        matmul("tensor<2x3x2xf64>", "tensor<4x3xf64>", "tensor<2x2x4xf64>",
               "{transpose_a, transpose_b}"),
        matmul("tensor<2x3xf64>", "tensor<2x3x4xf64>", "tensor<2x2x4xf64>", ""),
        matmul("tensor<2x1x2x3xf64>", "tensor<2x3x4xf64>",
               "tensor<2x2x2x4xf64>", ""),
        matmul("tensor<2x1x3x2xf64>", "tensor<2x4x3xf64>",
               "tensor<2x2x2x4xf64>", "{transpose_a, transpose_b}"),
        GradientCase{"embed",
                     {"tensor<4x5xf64>"},
                     "tensor<2x3x5xf64>",
                     "  %y = pg.embed %p0, %ids : (tensor<4x5xf64>, "
                     "tensor<2x3xi64>) -> tensor<2x3x5xf64>\n",
                     -1,
                     1,
                     4}));

const std::string q = "tensor<2x3x4x6xf64>", kv = "tensor<2x3x2x6xf64>",
                  lse = "tensor<2x3x4xf64>";
const std::string angles =
    "  %i = pg.iota axis 0 : tensor<3x2xi64>\n"
    "  %f = pg.convert %i : (tensor<3x2xi64>) -> tensor<3x2xf64>\n"
    "  %c = pg.cos %f : (tensor<3x2xf64>) -> tensor<3x2xf64>\n"
    "  %s = pg.sin %f : (tensor<3x2xf64>) -> tensor<3x2xf64>\n";

GradientCase rope(const std::string &flag) {
  return {"rope" + flag,
          {q},
          q,
          angles + "  %y = pg.rope %p0, %c, %s " + flag + " : (" + q +
              ", tensor<3x2xf64>, tensor<3x2xf64>) -> " + q + "\n"};
}

INSTANTIATE_TEST_SUITE_P(
    Attention, Gradient,
    testing::Values(
        rope(""), rope("inverse"),
        GradientCase{"attention",
                     {q, kv, kv},
                     q,
                     "  %y, %lse = pg.attention %p0, %p1, %p2 : (" + q + ", " +
                         kv + ", " + kv + ") -> (" + q + ", " + lse + ")\n"},
        GradientCase{
            "attention_segment",
            {q, kv, kv},
            q,
            "  %y, %lse = pg.attention %p0, %p1, %p2 segment %ids : (" + q +
                ", " + kv + ", " + kv + ", tensor<2x3xi64>) -> (" + q + ", " +
                lse + ")\n",
            -1,
            1,
            2},
        GradientCase{"xsa",
                     {q, kv},
                     q,
                     "  %y = pg.xsa %p0, %p1 : (" + q + ", " + kv + ") -> " +
                         q + "\n"},
        GradientCase{"xsa_one_group",
                     {q, q},
                     q,
                     "  %y = pg.xsa %p0, %p1 : (" + q + ", " + q + ") -> " + q +
                         "\n"}));

} // namespace
