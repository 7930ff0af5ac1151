// Rows kernels of very many values: what a thread computes at once has to fit
// its registers, and cutting must not change what is computed. Where there is a
// ptxas, checkGpuKernels fails on any spill.
#include "tests/support/GpuKernelRunner.h"
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

/// The text of a kernel over one row, piece by piece.
class Wide {
public:
  std::string operand(const std::string &type) {
    std::string name = "%a" + std::to_string(operands++);
    arguments += (arguments.empty() ? "" : ", ") + name + ": " + type;
    return name;
  }
  /// The result of an operation on values of these types.
  std::string op(const std::string &text, const std::string &types,
                 const std::string &result) {
    std::string name = "%v" + std::to_string(values++);
    body +=
        "  " + name + " = " + text + " : (" + types + ") -> " + result + "\n";
    return name;
  }
  void yield(const std::string &value, const std::string &type,
             const std::string &mode = "store") {
    const char *comma = results.empty() ? "" : ", ";
    results += comma + value;
    types += comma + type;
    modes += comma + ('"' + mode + '"');
  }
  std::string text(int outer = 0, int64_t chunks = 1) const {
    return "sched.kernel @wide(" + arguments +
           ") attributes {kind = \"rows\", outer = " + std::to_string(outer) +
           ", chunks = " + std::to_string(chunks) + " : i64, result_modes = [" +
           modes + "]} {\n" + body + "  sched.yield " + results + " : " +
           types + "\n}";
  }

private:
  int operands = 0, values = 0;
  std::string arguments, body, results, types, modes;
};

std::string tensor(const std::string &shape) { return "tensor<" + shape + ">"; }

/// The end of an optimizer's step for many small parameters: the norm of all
/// gradients, then momenta and parameters, each written where it was read.
std::string update(const std::vector<std::string> &shapes) {
  Wide wide;
  std::string number = tensor("f32"), norm;
  std::vector<std::string> gradients;
  for (const std::string &shape : shapes) {
    std::string type = tensor(shape);
    std::string g = wide.operand(type);
    gradients.push_back(g);
    std::string square =
        wide.op("pg.mul " + g + ", " + g, type + ", " + type, type);
    bool matrix = llvm::StringRef(shape).count('x') == 2;
    std::string one = tensor(matrix ? "1x1xf32" : "1xf32");
    std::string sum = wide.op("pg.reduce sum " + square + " axes " +
                                  (matrix ? "[0, 1]" : "[0]"),
                              type, one);
    sum = wide.op("pg.reshape " + sum, one, number);
    norm = norm.empty() ? sum
                        : wide.op("pg.add " + norm + ", " + sum,
                                  number + ", " + number, number);
  }
  std::string scale = wide.op("pg.rsqrt " + norm, number, number);
  for (size_t i = 0; i < shapes.size(); ++i) {
    std::string type = tensor(shapes[i]), both = type + ", " + type;
    std::string m = wide.operand(type), p = wide.operand(type);
    std::string g = wide.op("pg.mul " + gradients[i] + ", " + scale,
                            type + ", " + number, type);
    std::string next = wide.op("pg.add " + m + ", " + g, both, type);
    std::string step = wide.op("pg.tanh " + next, type, type);
    wide.yield(next, type);
    wide.yield(wide.op("pg.sub " + p + ", " + step, both, type), type);
    // Reads what the two others are written over.
    if (i % 3 == 0)
      wide.yield(wide.op("pg.max " + m + ", " + p, both, type), type);
  }
  return wide.text();
}

TEST(GpuRegisters, UpdateOfManyParameters) {
  for (const char *width : {"200", "37", "1"}) {
    std::vector<std::string> shapes;
    for (int i = 0; i < 24; ++i) {
      shapes.push_back(width + std::string("xf32"));
      shapes.push_back("8xf32");
      if (i % 4 == 0)
        shapes.push_back("3x" + std::string(width) + "xf32");
    }
    EXPECT_EQ("", checkGpuKernels(update(shapes), {.tolerance = 1e-5}))
        << width;
  }
}

// No sums: each thread has some elements of each of many results.
TEST(GpuRegisters, ManyMatrices) {
  for (const char *shape : {"7x64x", "5x3x"})
    for (const char *element : {"f32", "bf16", "f64"}) {
      Wide wide;
      std::string type = tensor(std::string(shape) + element),
                  working = *element == 'b' ? tensor(shape + std::string("f32"))
                                            : type;
      for (int i = 0; i < 30; ++i) {
        std::string a = wide.operand(type), b = wide.operand(type);
        if (working != type)
          for (std::string *each : {&a, &b})
            *each = wide.op("pg.convert " + *each, type, working);
        std::string sum = wide.op("pg.sub " + a + ", " + b,
                                  working + ", " + working, working);
        if (working != type)
          sum = wide.op("pg.convert " + sum, working, type);
        wide.yield(sum, type, i % 5 == 0 ? "accumulate" : "store");
      }
      EXPECT_EQ("", checkGpuKernels(wide.text(1, 2)))
          << shape << element;
    }
}

// One result of very many operands cannot be cut: its vectors are narrower.
TEST(GpuRegisters, OneResultOfManyOperands) {
  Wide wide;
  std::string type = tensor("6x64xbf16"), working = tensor("6x64xf32"),
              both = working + ", " + working, sum;
  std::vector<std::string> operands;
  for (int i = 0; i < 60; ++i)
    operands.push_back(
        wide.op("pg.convert " + wide.operand(type), type, working));
  for (int i = 0; i < 60; ++i) {
    // All are read before any is used up.
    std::string term = wide.op(
        "pg.mul " + operands[i] + ", " + operands[59 - i], both, working);
    sum = sum.empty() ? term
                      : wide.op("pg.add " + sum + ", " + term, both, working);
  }
  wide.yield(sum, working);
  EXPECT_EQ("", checkGpuKernels(wide.text(1), {.tolerance = 1e-5}));
}

// Sums of a row and over rows, of many values.
TEST(GpuRegisters, ManySumsOfEachRow) {
  Wide wide;
  std::string type = tensor("5x48xf32"), column = tensor("5x1xf32"),
              partial = tensor("2x48xf32");
  for (int i = 0; i < 40; ++i) {
    std::string x = wide.operand(type);
    std::string largest =
        wide.op("pg.reduce max " + x + " axes [1]", type, column);
    std::string y =
        wide.op("pg.sub " + x + ", " + largest, type + ", " + column, type);
    wide.yield(y, type);
    wide.yield(
        wide.op("pg.partial_sum " + y + " {chunks = 2 : i64, outer = 1 : i64}",
                type, partial),
        partial);
  }
  EXPECT_EQ("", checkGpuKernels(wide.text(1, 2)));
}

} // namespace
