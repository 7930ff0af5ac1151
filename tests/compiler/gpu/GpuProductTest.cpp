// Products for a GPU against the interpreter: all forms, types and ragged
// sizes, on tensor cores and by multiply-adds.
#include "mlir/Parser/Parser.h"
#include "tests/support/GpuKernelRunner.h"
#include <gtest/gtest.h>

using namespace pgtest;

namespace {

std::string tensor(std::vector<int64_t> shape, const std::string &element) {
  std::string text = "tensor<";
  for (int64_t size : shape)
    text += std::to_string(size) + "x";
  return text + element + ">";
}

/// A kernel of `op` on operands %a and %b, which it rounds to `element` where
/// they are stored otherwise. It negates the product: one without an epilogue
/// could be left to a library.
std::string plain(const std::string &name, std::vector<int64_t> aShape,
                  std::vector<int64_t> bShape, const std::string &element,
                  const std::string &op, std::vector<int64_t> result,
                  const std::string &mode, const std::string &aStored = "",
                  const std::string &bStored = "") {
  std::string a = tensor(aShape, element), b = tensor(bShape, element),
              sum = tensor(result, element == "f64" ? "f64" : "f32");
  std::string storedA = aStored.empty() ? a : tensor(aShape, aStored),
              storedB = bStored.empty() ? b : tensor(bShape, bStored);
  auto rounded = [](const std::string &name, const std::string &from,
                    const std::string &to) {
    return from == to ? ""
                      : "  %" + name + "r = pg.convert %" + name + " : (" +
                            from + ") -> " + to + "\n";
  };
  std::string operands = std::string("%a") + (storedA == a ? "" : "r") +
                         ", %b" + (storedB == b ? "" : "r");
  std::string form = op;
  form.replace(form.find("$"), 1, operands);
  return "sched.kernel @" + name + "(%a: " + storedA + ", %b: " + storedB +
         ") attributes {kind = \"product\", result_modes = [\"" + mode +
         "\"]} {\n" + rounded("a", storedA, a) + rounded("b", storedB, b) +
         "  %y = " + form + " : (" + a + ", " + b + ") -> " + sum +
         "\n  %z = pg.neg %y : (" + sum + ") -> " + sum +
         "\n  sched.yield %z : " + sum + "\n}\n";
}

struct Sizes {
  int64_t m, n, k;
};

/// Every form of product at a size.
std::string allForms(const Sizes &size, const std::string &element) {
  auto [m, n, k] = size;
  std::string text =
      plain("linear", {m, k}, {n, k}, element, "pg.linear $", {m, n}, "store");
  for (bool ta : {false, true})
    for (bool tb : {false, true})
      text +=
          plain(std::string("matmul") + (ta ? "t" : "n") + (tb ? "t" : "n"),
                ta ? std::vector{k, m} : std::vector{m, k},
                tb ? std::vector{n, k} : std::vector{k, n}, element,
                std::string("pg.matmul $ {") + (ta ? "transpose_a" : "") +
                    (ta && tb ? ", " : "") + (tb ? "transpose_b" : "") + "}",
                {m, n}, ta ? "accumulate" : "store");
  return text;
}

std::string check(const std::string &text, double tolerance) {
  std::string wrong = checkGpuKernels(text, {.tolerance = tolerance});
  return wrong.empty() ? "" : wrong + "\n" + text;
}

// Rows that begin at multiples of 16 bytes are fetched by bulk copies, others
// by threads.
TEST(GpuProduct, Bf16) {
  for (const Sizes &size : {Sizes{1, 1, 1}, Sizes{72, 136, 200},
                            Sizes{130, 65, 66}, Sizes{37, 23, 3}})
    EXPECT_EQ("", check(allForms(size, "bf16"), 4e-6));
}

TEST(GpuProduct, F32AndF64) {
  for (const Sizes &size :
       {Sizes{1, 1, 1}, Sizes{37, 23, 3}, Sizes{70, 65, 40}}) {
    EXPECT_EQ("", check(allForms(size, "f32"), 4e-6));
    EXPECT_EQ("", check(allForms(size, "f64"), 1e-13));
  }
}

TEST(GpuProduct, RoundsOperandsOnTheWay) {
  // Stored as f32: aligned rows, others, and each beside a bulk copy.
  for (int64_t k : {72, 66})
    for (bool both : {true, false}) {
      std::string b = both ? "f32" : "";
      EXPECT_EQ("",
                check(plain("linear", {70, k}, {64, k}, "bf16", "pg.linear $",
                            {70, 64}, "store", "f32", b) +
                          plain("plain", {70, k}, {k, 72}, "bf16",
                                "pg.matmul $ {}", {70, 72}, "store", b, "f32") +
                          plain("back", {k, 65}, {k, 72}, "bf16",
                                "pg.matmul $ {transpose_a}", {65, 72},
                                "accumulate", "f32", b),
                      4e-6));
    }
}

TEST(GpuProduct, Batches) {
  for (std::string element : {"bf16", "f32"})
    EXPECT_EQ(
        "",
        check(plain("both", {2, 3, 7, 24}, {2, 3, 24, 16}, element,
                    "pg.matmul $ {}", {2, 3, 7, 16}, "store") +
                  plain("spread", {2, 1, 7, 24}, {3, 17, 24}, element,
                        "pg.matmul $ {transpose_b}", {2, 3, 7, 17},
                        "accumulate") +
                  plain("one", {2, 3, 20, 8}, {20, 18}, element,
                        "pg.matmul $ {transpose_a}", {2, 3, 8, 18}, "store") +
                  plain("odd", {2, 3, 5, 7}, {2, 1, 7, 3}, element,
                        "pg.matmul $ {}", {2, 3, 5, 3}, "store") +
                  plain("axes", {2, 2, 2, 2, 8, 8}, {2, 2, 2, 2, 8, 8}, element,
                        "pg.matmul $ {}", {2, 2, 2, 2, 8, 8}, "store"),
              4e-6));
}

// Of several forms and sizes; products by multiply-adds have blocks of another
// size than those on tensor cores.
TEST(GpuProduct, SeveralInOneLaunch) {
  std::string text =
      plain("a", {130, 64}, {72, 64}, "bf16", "pg.linear $", {130, 72},
            "store") +
      plain("b", {3, 70, 24}, {3, 24, 264}, "bf16", "pg.matmul $ {}",
            {3, 70, 264}, "store") +
      plain("c", {66, 24}, {66, 40}, "bf16", "pg.matmul $ {transpose_a}",
            {24, 40}, "accumulate") +
      plain("d", {20, 9}, {30, 9}, "f32", "pg.linear $", {20, 30}, "store") +
      plain("e", {50, 6}, {30, 6}, "f64", "pg.linear $", {50, 30}, "store");
  EXPECT_EQ("", check(groupKernels(text, {"a", "b", "c"}), 4e-6));
  EXPECT_EQ("", check(groupKernels(text, {"d", "e"}), 4e-6));
  EXPECT_EQ("", groupKernels(text, {"a", "d"}));
}

/// The MLP's products with what is around them, forward and backward, and a
/// step of an optimizer in a product's epilogue, at a size.
std::string epilogues(int64_t m, int64_t n, int64_t k,
                      const std::string &element) {
  std::string text = R"(
sched.kernel @activation(%x: MxKxE, %w: NxKxE) attributes {kind = "product", result_modes = ["store", "store"]} {
  %y = pg.linear %x, %w : (MxKxE, NxKxE) -> MxNxF
  %half = pg.constant dense<0.5> : Scalar
  %low = pg.mul %y, %half : (MxNxF, Scalar) -> MxNxF
  %leaky = pg.max %y, %low : (MxNxF, MxNxF) -> MxNxF
  %z = pg.mul %leaky, %leaky : (MxNxF, MxNxF) -> MxNxF
  %zh = pg.convert %z : (MxNxF) -> MxNxH
  sched.yield %zh, %y : MxNxH, MxNxF
}
sched.kernel @back(%g: MxKxE, %w: KxNxE, %y: MxNxF) attributes {kind = "product", result_modes = ["store"]} {
  %0 = pg.matmul %g, %w {} : (MxKxE, KxNxE) -> MxNxF
  %half = pg.constant dense<0.5> : Scalar
  %low = pg.mul %y, %half : (MxNxF, Scalar) -> MxNxF
  %leaky = pg.max %y, %low : (MxNxF, MxNxF) -> MxNxF
  %1 = pg.mul %0, %leaky : (MxNxF, MxNxF) -> MxNxF
  %2 = pg.add %1, %1 : (MxNxF, MxNxF) -> MxNxF
  %zero = pg.constant dense<0.0> : Scalar
  %above = pg.compare gt %y, %zero : (MxNxF, Scalar) -> MxNxB
  %3 = pg.mul %2, %half : (MxNxF, Scalar) -> MxNxF
  %4 = pg.select %above, %2, %3 : (MxNxB, MxNxF, MxNxF) -> MxNxF
  %5 = pg.convert %4 : (MxNxF) -> MxNxH
  sched.yield %5 : MxNxH
}
sched.kernel @residual(%x: MxKxE, %w: NxKxE, %u: MxNxF, %s: Row, %t: Column, %a: f64)
    attributes {kind = "product", result_modes = ["accumulate"], scalars = 1} {
  %y = pg.linear %x, %w : (MxKxE, NxKxE) -> MxNxF
  %scalar = pg.splat %a : (f64) -> Scalar
  %sa = pg.mul %s, %scalar : (Row, Scalar) -> Row
  %1 = pg.mul %y, %sa : (MxNxF, Row) -> MxNxF
  %2 = pg.mul %1, %t : (MxNxF, Column) -> MxNxF
  %3 = pg.add %2, %u : (MxNxF, MxNxF) -> MxNxF
  %4 = pg.sigmoid %3 : (MxNxF) -> MxNxF
  sched.yield %4 : MxNxF
}
sched.kernel @update(%x: KxMxE, %v: KxNxE, %p: MxNxF, %a: f64, %b: f64)
    attributes {kind = "product", result_modes = ["store"], scalars = 2} {
  %0 = pg.matmul %x, %v {transpose_a} : (KxMxE, KxNxE) -> MxNxF
  %sa = pg.splat %a : (f64) -> Scalar
  %sb = pg.splat %b : (f64) -> Scalar
  %1 = pg.mul %p, %sa : (MxNxF, Scalar) -> MxNxF
  %2 = pg.mul %sb, %0 : (Scalar, MxNxF) -> MxNxF
  %3 = pg.sub %1, %2 : (MxNxF, MxNxF) -> MxNxF
  sched.yield %3 : MxNxF
}
)";
  auto replace = [&](const std::string &name, const std::string &by) {
    for (size_t at = 0; (at = text.find(name, at)) != std::string::npos;
         at += by.size())
      text.replace(at, name.size(), by);
  };
  replace("MxNxF", tensor({m, n}, "f32"));
  replace("MxNxB", tensor({m, n}, "i1"));
  replace("MxNxH", tensor({m, n}, "bf16"));
  replace("MxKxE", tensor({m, k}, element));
  replace("NxKxE", tensor({n, k}, element));
  replace("KxNxE", tensor({k, n}, element));
  replace("KxMxE", tensor({k, m}, element));
  replace("Scalar", tensor({}, "f32"));
  replace("Row", tensor({n}, "f32"));
  replace("Column", tensor({m, 1}, "f32"));
  return text;
}

TEST(GpuProduct, Epilogues) {
  EXPECT_EQ("", check(epilogues(136, 72, 64, "bf16"), 2e-5));
  EXPECT_EQ("", check(epilogues(33, 65, 40, "bf16"), 2e-5));
  EXPECT_EQ("", check(epilogues(33, 65, 40, "f32"), 2e-5));
}

// bf16 is multiplied on tensor cores, whatever the form.
TEST(GpuProduct, TensorCores) {
  for (const Sizes &size : {Sizes{1, 1, 1}, Sizes{72, 136, 200}}) {
    std::string ptx = compileToPtx(allForms(size, "bf16"));
    for (size_t at = 0, next;
         (at = ptx.find(".entry", at)) != std::string::npos; at = next) {
      next = ptx.find(".entry", at + 1);
      EXPECT_NE(ptx.substr(at, next - at).find("wgmma.mma_async"),
                std::string::npos)
          << ptx.substr(at, 60);
    }
  }
  EXPECT_NE(
      compileToPtx(epilogues(136, 72, 64, "bf16")).find("cp.async.bulk.tensor"),
      std::string::npos);
}

TEST(GpuProduct, RefusesPackedWeights) {
  std::string message;
  mlir::ScopedDiagnosticHandler handler(
      &getTestContext(), [&](mlir::Diagnostic &d) { message += d.str(); });
  checkGpuKernels(plain("packed", {4, 8}, {1, 4, 16, 2}, "bf16",
                        "pg.packed_matmul $ {n = 16 : i64}", {4, 16}, "store"));
  EXPECT_NE(message.find("packed weights are for processors"),
            std::string::npos)
      << message;
}

/// The attribute `library` of a kernel of `op`, after planning; empty if it has
/// none.
std::string planLibrary(const std::string &a, const std::string &b,
                        const std::string &op, const std::string &result,
                        const std::string &mode = "store",
                        const std::string &stored = "") {
  std::string yield = "sched.yield %y : " + result;
  if (!stored.empty())
    yield = "%z = pg.convert %y : (" + result + ") -> " + stored +
            "\n  sched.yield %z : " + stored;
  std::string text = "sched.kernel @k(%a: " + a + ", %b: " + b +
                     ") attributes {kind = \"product\", result_modes = [\"" +
                     mode + "\"]} {\n  %y = " + op + " : (" + a + ", " + b +
                     ") -> " + result + "\n  " + yield + "\n}\n";
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::parseSourceString<mlir::ModuleOp>(text, &getTestContext());
  if (!module)
    return "does not parse";
  auto kernel = *module->getOps<pg::sched::KernelOp>().begin();
  if (failed(pgc::planGpuKernel(kernel)))
    return "cannot be planned";
  EXPECT_NE(bool(kernel.getGpu()), bool(kernel.getLibrary()));
  std::string attribute;
  if (kernel.getLibrary())
    llvm::raw_string_ostream(attribute) << *kernel.getLibrary();
  return attribute;
}

TEST(GpuProduct, LeavesPlainProductsToTheLibrary) {
  EXPECT_EQ(planLibrary("tensor<3x40x16xbf16>", "tensor<24x16xbf16>",
                        "pg.linear %a, %b", "tensor<3x40x24xf32>"),
            "{a_type = bf16, b_type = bf16, d_type = f32, k = 16 : i64, m = "
            "120 : i64, n = 24 : i64, stride_d = 2880 : i64, transpose_b}");
  EXPECT_EQ(planLibrary("tensor<2x3x16x40xf32>", "tensor<2x3x16x24xf32>",
                        "pg.matmul %a, %b {transpose_a}",
                        "tensor<2x3x40x24xf32>", "accumulate"),
            "{a_type = f32, accumulate, b_type = f32, batch = 6 : i64, d_type "
            "= f32, k = 16 : i64, m = 40 : i64, n = 24 : i64, stride_a = 640 "
            ": i64, stride_b = 384 : i64, stride_d = 960 : i64, transpose_a}");
  // A result that is rounded as it is stored.
  EXPECT_EQ(planLibrary("tensor<3x40x16xbf16>", "tensor<24x16xbf16>",
                        "pg.linear %a, %b", "tensor<3x40x24xf32>", "store",
                        "tensor<3x40x24xbf16>"),
            "{a_type = bf16, b_type = bf16, d_type = bf16, k = 16 : i64, m = "
            "120 : i64, n = 24 : i64, stride_d = 2880 : i64, transpose_b}");
  // Rows that begin anywhere, and matrices at several distances.
  EXPECT_EQ(planLibrary("tensor<40x15xbf16>", "tensor<24x15xbf16>",
                        "pg.linear %a, %b", "tensor<40x24xf32>"),
            "");
  EXPECT_EQ(planLibrary("tensor<2x1x8x16xbf16>", "tensor<2x3x16x24xbf16>",
                        "pg.matmul %a, %b {}", "tensor<2x3x8x24xf32>"),
            "");
}

} // namespace
