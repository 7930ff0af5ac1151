#include "tests/support/KernelData.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>
#include <random>

using namespace mlir;
using pg::sched::KernelOp;

namespace pgtest {

MLIRContext &getTestContext() {
  static MLIRContext context;
  context.loadDialect<pg::PgDialect, pg::sched::SchedDialect,
                      arith::ArithDialect, func::FuncDialect>();
  return context;
}

namespace {

void writeElement(char *at, Type element, double x) {
  auto put = [&](auto value) { std::memcpy(at, &value, sizeof value); };
  if (element.isF64())
    return put(x);
  if (element.isF32())
    return put(static_cast<float>(x));
  if (element.isInteger(64))
    return put(static_cast<int64_t>(x));
  if (element.isInteger(1))
    return put(static_cast<char>(x != 0));
  float f = static_cast<float>(roundToBf16(x));
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  put(static_cast<uint16_t>(bits >> 16));
}

double readElement(const char *at, Type element) {
  auto get = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  if (element.isF64())
    return get(double());
  if (element.isF32())
    return get(float());
  if (element.isInteger(64))
    return get(int64_t());
  if (element.isInteger(1))
    return *at;
  uint16_t half;
  std::memcpy(&half, at, 2);
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

Tensor draw(RankedTensorType type, std::mt19937 &random,
            const KernelCheck &check) {
  Tensor result(type.getShape().vec());
  Type element = type.getElementType();
  std::normal_distribution<double> normal(check.mean, check.deviation);
  std::uniform_int_distribution<int64_t> integer(
      check.low, std::max(check.low, check.high - 1));
  for (double &x : result.data)
    x = element.isInteger(1)        ? static_cast<double>(random() & 1)
        : isa<IntegerType>(element) ? static_cast<double>(integer(random))
                                    : normal(random);
  return result;
}

/// `value` as memory holds it.
Tensor roundTrip(const Tensor &value, RankedTensorType type) {
  std::vector<char> memory(value.size() * elementBytes(type.getElementType()));
  encode(value, type.getElementType(), memory.data());
  return decode(memory.data(), type);
}

} // namespace

size_t elementBytes(Type element) {
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

void encode(const Tensor &value, Type element, char *to) {
  for (int64_t i = 0; i < value.size(); ++i)
    writeElement(to + i * elementBytes(element), element, value.data[i]);
}

Tensor decode(const char *from, RankedTensorType type) {
  Tensor result(type.getShape().vec());
  for (int64_t i = 0; i < result.size(); ++i)
    result.data[i] = readElement(from + i * elementBytes(type.getElementType()),
                                 type.getElementType());
  return result;
}

std::string compare(const Tensor &got, const Tensor &wanted, double tolerance) {
  double largest = 1e-30;
  for (double x : wanted.data)
    if (std::isfinite(x))
      largest = std::max(largest, std::fabs(x));
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < wanted.size(); ++i) {
    double x = got.data[i], y = wanted.data[i];
    bool same = x == y || (std::isnan(x) && std::isnan(y)) ||
                std::fabs(x - y) <= tolerance * largest;
    if (!same && wrong++ == 0)
      first = i;
  }
  if (wrong == 0)
    return "";
  std::string text;
  llvm::raw_string_ostream(text)
      << wrong << " of " << wanted.size() << " elements differ, first at "
      << first << ": " << got.data[first] << ", should be "
      << wanted.data[first];
  return text;
}

KernelData::KernelData(KernelOp kernel, const KernelCheck &check)
    : scalars(check.scalars) {
  std::mt19937 random(check.seed);
  for (BlockArgument argument : kernel.getTensorArguments()) {
    types.push_back(cast<RankedTensorType>(argument.getType()));
    Tensor value = draw(types.back(), random, check);
    if (check.edit)
      check.edit(operands.size(), value);
    operands.push_back(roundTrip(value, types.back()));
  }
  while (scalars.size() < static_cast<size_t>(kernel.getScalars()))
    scalars.push_back(0.5 + static_cast<double>(random() % 1000) / 1000);
  for (auto [i, value] : llvm::enumerate(kernel.getYielded())) {
    auto type = cast<RankedTensorType>(value.getType());
    types.push_back(type);
    initial.push_back(
        kernel.accumulates(i)
            ? roundTrip(draw(type, random, check), type)
            : Tensor(type.getShape().vec(),
                     isa<FloatType>(type.getElementType()) ? NAN : 1));
  }
}

std::string KernelData::check(KernelOp kernel, const KernelCheck &check,
                              const std::vector<Tensor> &results) const {
  std::vector<Tensor> arguments = operands;
  for (double x : scalars)
    arguments.push_back(Tensor({}, x));
  std::vector<Tensor> wanted = Interpreter().run(kernel.getBlock(), arguments);
  for (size_t i = 0; i < wanted.size(); ++i) {
    RankedTensorType type = types[operands.size() + i];
    if (kernel.accumulates(i))
      for (int64_t k = 0; k < wanted[i].size(); ++k)
        wanted[i].data[k] += initial[i].data[k];
    wanted[i] = roundTrip(wanted[i], type);
    double tolerance =
        i < check.tolerances.size() ? check.tolerances[i] : check.tolerance;
    if (type.getElementType().isBF16())
      tolerance = std::max(tolerance, 0.0079);
    if (std::string error = compare(results[i], wanted[i], tolerance);
        !error.empty())
      return "result " + std::to_string(i) + ": " + error;
  }
  return "";
}

} // namespace pgtest
