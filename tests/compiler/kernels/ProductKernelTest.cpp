// Kernels of kind product against the interpreter: all forms, types and ragged
// sizes.
#include "tests/support/KernelRunner.h"
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

std::string checkOnTargets(const std::string &text, KernelCheck check) {
  check.targets = {"x86-64-v3", "wide", "wide+dot"};
  std::string wrong = checkKernels(text, check);
  return wrong.empty() ? "" : wrong + "\n" + text;
}

std::string tensor(std::vector<int64_t> shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

std::string sumOf(const std::string &element) {
  return element == "f64" ? "f64" : "f32";
}

struct Sizes {
  int64_t m, n, k;
};

const Sizes sizes[] = {{1, 1, 1},    {1, 16, 7},    {6, 1, 33},    {5, 17, 2},
                       {7, 15, 16},  {12, 64, 5},   {37, 23, 3},   {64, 65, 8},
                       {100, 37, 9}, {13, 70, 401}, {150, 280, 20}};

/// A kernel of `op` on operands %a and %b, without an epilogue.
std::string plain(const std::string &name, const std::string &a,
                  const std::string &b, const std::string &op,
                  const std::string &result, const std::string &mode) {
  return "sched.kernel @" + name + "(%a: " + a + ", %b: " + b +
         ") attributes {kind = \"product\", result_modes = [\"" + mode +
         "\"]} {\n  %y = " + op + " : (" + a + ", " + b + ") -> " + result +
         "\n  sched.yield %y : " + result + "\n}\n";
}

/// Every form of product at a size.
std::string allForms(const Sizes &size, const std::string &element,
                     int number) {
  auto [m, n, k] = size;
  std::string text, sum = sumOf(element), id = std::to_string(number);
  text += plain("linear" + id, tensor({m, k}, element), tensor({n, k}, element),
                "pg.linear %a, %b", tensor({m, n}, sum), "store");
  for (bool ta : {false, true})
    for (bool tb : {false, true})
      text +=
          plain("matmul" + id + (ta ? "t" : "n") + (tb ? "t" : "n"),
                tensor(ta ? std::vector{k, m} : std::vector{m, k}, element),
                tensor(tb ? std::vector{n, k} : std::vector{k, n}, element),
                std::string("pg.matmul %a, %b {") + (ta ? "transpose_a" : "") +
                    (ta && tb ? ", " : "") + (tb ? "transpose_b" : "") + "}",
                tensor({m, n}, sum), ta ? "accumulate" : "store");
  bool half = element == "bf16";
  std::vector<int64_t> packed{(n + 15) / 16, half ? (k + 1) / 2 : k, 16};
  if (half)
    packed.push_back(2);
  text += plain("packed" + id, tensor({m, k}, element), tensor(packed, element),
                "pg.packed_matmul %a, %b {n = " + std::to_string(n) + " : i64}",
                tensor({m, n}, sum), "store");
  return text;
}

TEST(ProductKernel, AllFormsTypesAndSizes) {
  for (std::string element : {"f32", "f64", "bf16"}) {
    std::string text;
    for (auto [i, size] : llvm::enumerate(sizes))
      text += allForms(size, element, i);
    EXPECT_EQ("", checkOnTargets(
                      text, {.tolerance = element == "f64" ? 1e-13 : 4e-6}));
  }
}

TEST(ProductKernel, PacksWeights) {
  std::string text;
  for (std::string element : {"f32", "f64", "bf16"})
    for (auto [i, size] : llvm::enumerate(sizes))
      for (bool nk : {false, true}) {
        std::vector<int64_t> shape =
            nk ? std::vector{size.n, size.k} : std::vector{size.k, size.n};
        bool half = element == "bf16";
        std::vector<int64_t> packed{(size.n + 15) / 16,
                                    half ? (size.k + 1) / 2 : size.k, 16};
        if (half)
          packed.push_back(2);
        std::string from = tensor(shape, element), to = tensor(packed, element),
                    stored = tensor(shape, half ? "f32" : element);
        std::string convert =
            half ? "  %w = pg.convert %x : (" + stored + ") -> " + from + "\n"
                 : "";
        text += "sched.kernel @pack_" + element + std::to_string(i) +
                (nk ? "nk" : "kn") + "(%x: " + stored +
                ") attributes {kind = \"product\", result_modes = [\"store\"]} "
                "{\n" +
                convert + "  %p = pg.pack " + (nk ? "nk" : "kn") +
                (half ? " %w" : " %x") + " {panel = 16 : i64" +
                (half ? ", group = 2 : i64" : "") + "} : (" + from + ") -> " +
                to + "\n  sched.yield %p : " + to + "\n}\n";
      }
  EXPECT_EQ("", checkOnTargets(text, {.tolerance = 0}));
}

TEST(ProductKernel, Batches) {
  std::string text;
  text += plain("both", "tensor<2x3x7x20xf32>", "tensor<2x3x20x18xf32>",
                "pg.matmul %a, %b {}", "tensor<2x3x7x18xf32>", "store");
  text += plain("spread", "tensor<2x1x7x20xf32>", "tensor<3x18x20xf32>",
                "pg.matmul %a, %b {transpose_b}", "tensor<2x3x7x18xf32>",
                "accumulate");
  text +=
      plain("one", "tensor<2x3x20x7xf32>", "tensor<20x18xf32>",
            "pg.matmul %a, %b {transpose_a}", "tensor<2x3x7x18xf32>", "store");
  text += plain("rows", "tensor<2x3x7x20xf64>", "tensor<1x20x18xf64>",
                "pg.matmul %a, %b {}", "tensor<2x3x7x18xf64>", "store");
  text += plain("lead", "tensor<2x3x7x20xf32>", "tensor<18x20xf32>",
                "pg.linear %a, %b", "tensor<2x3x7x18xf32>", "store");
  EXPECT_EQ("", checkOnTargets(text, {.tolerance = 4e-6}));
}

TEST(ProductKernel, Epilogues) {
  // The MLP's activation, with what the backward pass keeps.
  std::string text = R"(
sched.kernel @activation(%x: tensor<2x33x50xf32>, %w: tensor<130x50xf32>)
    attributes {kind = "product", result_modes = ["store", "store", "store"]} {
  %y = pg.linear %x, %w : (tensor<2x33x50xf32>, tensor<130x50xf32>) -> tensor<2x33x130xf32>
  %half = pg.constant dense<0.5> : tensor<f32>
  %low = pg.mul %y, %half : (tensor<2x33x130xf32>, tensor<f32>) -> tensor<2x33x130xf32>
  %leaky = pg.max %y, %low : (tensor<2x33x130xf32>, tensor<2x33x130xf32>) -> tensor<2x33x130xf32>
  %z = pg.mul %leaky, %leaky : (tensor<2x33x130xf32>, tensor<2x33x130xf32>) -> tensor<2x33x130xf32>
  %zh = pg.convert %z : (tensor<2x33x130xf32>) -> tensor<2x33x130xbf16>
  sched.yield %zh, %y, %z : tensor<2x33x130xbf16>, tensor<2x33x130xf32>, tensor<2x33x130xf32>
}
sched.kernel @residual(%x: tensor<2x33x50xf32>, %w: tensor<37x50xf32>, %u: tensor<2x33x37xf32>, %s: tensor<37xf32>,
                       %t: tensor<33x1xf32>, %b: tensor<2x1x37xf32>, %a: f64)
    attributes {kind = "product", result_modes = ["accumulate"], scalars = 1} {
  %y = pg.linear %x, %w : (tensor<2x33x50xf32>, tensor<37x50xf32>) -> tensor<2x33x37xf32>
  %scalar = pg.splat %a : (f64) -> tensor<f32>
  %sa = pg.mul %s, %scalar : (tensor<37xf32>, tensor<f32>) -> tensor<37xf32>
  %1 = pg.mul %y, %sa : (tensor<2x33x37xf32>, tensor<37xf32>) -> tensor<2x33x37xf32>
  %2 = pg.mul %1, %t : (tensor<2x33x37xf32>, tensor<33x1xf32>) -> tensor<2x33x37xf32>
  %3 = pg.add %2, %b : (tensor<2x33x37xf32>, tensor<2x1x37xf32>) -> tensor<2x33x37xf32>
  %4 = pg.add %3, %u : (tensor<2x33x37xf32>, tensor<2x33x37xf32>) -> tensor<2x33x37xf32>
  %5 = pg.sigmoid %4 : (tensor<2x33x37xf32>) -> tensor<2x33x37xf32>
  sched.yield %5 : tensor<2x33x37xf32>
}
sched.kernel @reshaped(%x: tensor<10x8xf32>, %w: tensor<12x8xf32>, %u: tensor<10x3x4xf32>)
    attributes {kind = "product", result_modes = ["store"]} {
  %xb = pg.convert %x : (tensor<10x8xf32>) -> tensor<10x8xbf16>
  %wb = pg.convert %w : (tensor<12x8xf32>) -> tensor<12x8xbf16>
  %y = pg.linear %xb, %wb : (tensor<10x8xbf16>, tensor<12x8xbf16>) -> tensor<10x12xf32>
  %r = pg.reshape %y : (tensor<10x12xf32>) -> tensor<10x3x4xf32>
  %s = pg.sub %u, %r : (tensor<10x3x4xf32>, tensor<10x3x4xf32>) -> tensor<10x3x4xf32>
  sched.yield %s : tensor<10x3x4xf32>
}
)";
  EXPECT_EQ("", checkOnTargets(text, {.tolerance = 4e-6}));
}

TEST(ProductKernel, LargeResultsPassTheCaches) {
  std::string text = R"(
sched.kernel @kept(%x: tensor<2053x3xf32>, %w: tensor<1024x3xf32>)
    attributes {kind = "product", result_modes = ["store", "store"]} {
  %y = pg.linear %x, %w : (tensor<2053x3xf32>, tensor<1024x3xf32>) -> tensor<2053x1024xf32>
  %z = pg.convert %y : (tensor<2053x1024xf32>) -> tensor<2053x1024xbf16>
  sched.yield %y, %z : tensor<2053x1024xf32>, tensor<2053x1024xbf16>
}
)";
  EXPECT_NE(compileToAssembly(text, "x86-64-v3").find("vmovntps"),
            std::string::npos);
  EXPECT_EQ("", checkKernels(text, {.targets = {"x86-64-v3", "native"}}));
}

TEST(ProductKernel, RefusesWhatItCannotCompute) {
  auto refuses = [](const std::string &body) {
    std::string text = "sched.kernel @k(%x: tensor<4x8xf32>, %w: "
                       "tensor<6x8xf32>, %v: tensor<4xf32>) attributes {kind = "
                       "\"product\", result_modes = [\"store\"]} {\n" +
                       body + "}\n";
    std::string message;
    mlir::ScopedDiagnosticHandler handler(
        &getTestContext(), [&](mlir::Diagnostic &d) { message += d.str(); });
    checkKernels(text);
    return message;
  };
  EXPECT_NE("", refuses("sched.yield %x : tensor<4x8xf32>\n"));
  EXPECT_NE("", refuses("%y = pg.linear %x, %w : (tensor<4x8xf32>, "
                        "tensor<6x8xf32>) -> tensor<4x6xf32>\n"
                        "%s = pg.reduce sum %y axes [1] : (tensor<4x6xf32>) -> "
                        "tensor<4x1xf32>\n"
                        "sched.yield %s : tensor<4x1xf32>\n"));
  EXPECT_NE("",
            refuses("%e = pg.exp %x : (tensor<4x8xf32>) -> tensor<4x8xf32>\n"
                    "%y = pg.linear %e, %w : (tensor<4x8xf32>, "
                    "tensor<6x8xf32>) -> tensor<4x6xf32>\n"
                    "sched.yield %y : tensor<4x6xf32>\n"));
}

} // namespace
