// Evaluation of blocks, and of the elementwise and shape operations.
#include "tests/support/Interpreter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "tests/support/InterpreterProducts.h"
#include "tests/support/InterpreterQuantize.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/ErrorHandling.h"
#include <cmath>
#include <cstring>

using namespace mlir;

namespace pgtest {

Tensor::Tensor(std::vector<int64_t> shape, double value)
    : shape(std::move(shape)) {
  int64_t n = 1;
  for (int64_t d : this->shape)
    n *= d;
  data.assign(n, value);
}

int64_t Tensor::stride(int64_t axis) const {
  int64_t n = 1;
  for (int64_t i = axis + 1; i < rank(); ++i)
    n *= shape[i];
  return n;
}

double Tensor::broadcastAt(llvm::ArrayRef<int64_t> c) const {
  int64_t flat = 0, skip = static_cast<int64_t>(c.size()) - rank();
  for (int64_t i = 0; i < rank(); ++i)
    flat = flat * shape[i] + (shape[i] == 1 ? 0 : c[i + skip]);
  return data[flat];
}

void forEach(llvm::ArrayRef<int64_t> shape,
             llvm::function_ref<void(llvm::ArrayRef<int64_t>)> visit) {
  std::vector<int64_t> c(shape.size());
  for (int64_t d : shape)
    if (d == 0)
      return;
  while (true) {
    visit(c);
    int64_t i = static_cast<int64_t>(shape.size()) - 1;
    for (; i >= 0 && ++c[i] == shape[i]; --i)
      c[i] = 0;
    if (i < 0)
      return;
  }
}

double roundToBf16(double x) {
  float f = static_cast<float>(x);
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  if (std::isnan(f))
    return x;
  bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000;
  std::memcpy(&f, &bits, 4);
  return f;
}

static std::vector<int64_t> shapeOf(Value value) {
  return cast<RankedTensorType>(value.getType()).getShape().vec();
}

static Tensor map(Operation *op, llvm::ArrayRef<Tensor> operands,
                  std::function<double(llvm::ArrayRef<double>)> f) {
  Tensor result(shapeOf(op->getResult(0)));
  int64_t i = 0;
  std::vector<double> x(operands.size());
  forEach(result.shape, [&](llvm::ArrayRef<int64_t> c) {
    for (size_t k = 0; k < operands.size(); ++k)
      x[k] = operands[k].broadcastAt(c);
    result.data[i++] = f(x);
  });
  return result;
}

static double compare(pg::Predicate predicate, double a, double b) {
  switch (predicate) {
  case pg::Predicate::eq:
    return a == b;
  case pg::Predicate::ne:
    return a != b;
  case pg::Predicate::lt:
    return a < b;
  case pg::Predicate::le:
    return a <= b;
  case pg::Predicate::gt:
    return a > b;
  case pg::Predicate::ge:
    return a >= b;
  }
  llvm_unreachable("all predicates are listed");
}

static double convert(double x, Type from, Type to) {
  if (to.isInteger(1))
    return x != 0;
  if (to.isBF16())
    return roundToBf16(x);
  return isa<IntegerType>(to) && isa<FloatType>(from) ? std::trunc(x) : x;
}

/// Elementwise operations; an empty tensor without shape and data for others.
static std::optional<Tensor> evaluateElementwise(Operation *op,
                                                 llvm::ArrayRef<Tensor> v) {
  using Row = llvm::ArrayRef<double>;
  auto is = [&](std::function<double(Row)> f) {
    return std::optional<Tensor>(map(op, v, std::move(f)));
  };
  bool isFloat = op->getNumOperands() > 0 &&
                 isa<FloatType>(getElementTypeOrSelf(op->getOperand(0)));
  return TypeSwitch<Operation *, std::optional<Tensor>>(op)
      .Case<pg::AddOp>(
          [&](auto) { return is([](Row x) { return x[0] + x[1]; }); })
      .Case<pg::SubOp>(
          [&](auto) { return is([](Row x) { return x[0] - x[1]; }); })
      .Case<pg::MulOp>(
          [&](auto) { return is([](Row x) { return x[0] * x[1]; }); })
      .Case<pg::DivOp>(
          [&](auto) { return is([](Row x) { return x[0] / x[1]; }); })
      .Case<pg::PowOp>(
          [&](auto) { return is([](Row x) { return std::pow(x[0], x[1]); }); })
      .Case<pg::MaxOp>(
          [&](auto) { return is([](Row x) { return std::max(x[0], x[1]); }); })
      .Case<pg::MinOp>(
          [&](auto) { return is([](Row x) { return std::min(x[0], x[1]); }); })
      .Case<pg::FloorDivOp>([&](auto) {
        return is([=](Row x) {
          return !isFloat && x[1] == 0 ? 0 : std::floor(x[0] / x[1]);
        });
      })
      .Case<pg::ModOp>([&](auto) {
        return is([=](Row x) {
          return !isFloat && x[1] == 0 ? 0
                                       : x[0] - x[1] * std::floor(x[0] / x[1]);
        });
      })
      .Case<pg::XorOp>([&](auto) {
        return is([](Row x) {
          return static_cast<double>(static_cast<int64_t>(x[0]) ^
                                     static_cast<int64_t>(x[1]));
        });
      })
      .Case<pg::AndOp>(
          [&](auto) { return is([](Row x) { return x[0] && x[1]; }); })
      .Case<pg::OrOp>(
          [&](auto) { return is([](Row x) { return x[0] || x[1]; }); })
      .Case<pg::NegOp>([&](auto) { return is([](Row x) { return -x[0]; }); })
      .Case<pg::AbsOp>(
          [&](auto) { return is([](Row x) { return std::fabs(x[0]); }); })
      .Case<pg::SqrtOp>(
          [&](auto) { return is([](Row x) { return std::sqrt(x[0]); }); })
      .Case<pg::RsqrtOp>(
          [&](auto) { return is([](Row x) { return 1 / std::sqrt(x[0]); }); })
      .Case<pg::ExpOp>(
          [&](auto) { return is([](Row x) { return std::exp(x[0]); }); })
      .Case<pg::LogOp>(
          [&](auto) { return is([](Row x) { return std::log(x[0]); }); })
      .Case<pg::TanhOp>(
          [&](auto) { return is([](Row x) { return std::tanh(x[0]); }); })
      .Case<pg::SigmoidOp>([&](auto) {
        return is([](Row x) { return 1 / (1 + std::exp(-x[0])); });
      })
      .Case<pg::CosOp>(
          [&](auto) { return is([](Row x) { return std::cos(x[0]); }); })
      .Case<pg::SinOp>(
          [&](auto) { return is([](Row x) { return std::sin(x[0]); }); })
      .Case<pg::FloorOp>(
          [&](auto) { return is([](Row x) { return std::floor(x[0]); }); })
      .Case<pg::RoundOp>(
          [&](auto) { return is([](Row x) { return std::nearbyint(x[0]); }); })
      .Case<pg::RoundF16Op>(
          [&](auto) { return is([](Row x) { return roundToF16(x[0]); }); })
      .Case<pg::StopGradientOp, pg::F32Op, pg::BroadcastOp, pg::CodesOp>(
          [&](auto) { return is([](Row x) { return x[0]; }); })
      .Case<pg::CompareOp>([&](pg::CompareOp c) {
        return is([=](Row x) mutable {
          return compare(c.getPredicate(), x[0], x[1]);
        });
      })
      .Case<pg::SelectOp>(
          [&](auto) { return is([](Row x) { return x[0] ? x[1] : x[2]; }); })
      .Case<pg::ConvertOp>([&](pg::ConvertOp c) {
        Type from = getElementTypeOrSelf(c.getX()),
             to = getElementTypeOrSelf(c.getResult());
        return is([=](Row x) { return convert(x[0], from, to); });
      })
      .Case<pg::LeakyReluOp>([&](pg::LeakyReluOp c) {
        double slope = c.getSlope().convertToDouble();
        return is([=](Row x) { return x[0] > 0 ? x[0] : slope * x[0]; });
      })
      .Case<pg::ClampOp>([&](pg::ClampOp c) {
        double lo = c.getLo().convertToDouble(),
               hi = c.getHi().convertToDouble();
        return is([=](Row x) { return std::min(std::max(x[0], lo), hi); });
      })
      .Case<pg::LerpOp>([&](auto) {
        return is([](Row x) { return x[0] + x[2] * (x[1] - x[0]); });
      })
      .Case<pg::SkipGateOp>([&](auto) {
        return is(
            [](Row x) { return x[1] + (x[0] - x[1]) / (1 + std::exp(-x[2])); });
      })
      .Case<pg::TanhCapOp>([&](pg::TanhCapOp c) {
        double cap = c.getCap().convertToDouble();
        return is([=](Row x) { return cap * std::tanh(x[0] / cap); });
      })
      .Default([](Operation *) { return std::nullopt; });
}

static Tensor reduce(const Tensor &x, llvm::ArrayRef<int64_t> axes, bool isMax,
                     std::vector<int64_t> shape) {
  Tensor result(shape, isMax ? -INFINITY : 0);
  int64_t i = 0;
  forEach(x.shape, [&](llvm::ArrayRef<int64_t> c) {
    int64_t flat = 0;
    for (int64_t a = 0; a < x.rank(); ++a)
      flat = flat * shape[a] + (llvm::is_contained(axes, a) ? 0 : c[a]);
    double &y = result.data[flat], value = x.data[i++];
    y = isMax ? std::max(y, value) : y + value;
  });
  return result;
}

/// The result whose element at c is that of x at source(c), or 0 where source
/// gives nothing within x.
static Tensor
move(const Tensor &x, std::vector<int64_t> shape,
     std::function<std::vector<int64_t>(llvm::ArrayRef<int64_t>)> source) {
  Tensor result(std::move(shape));
  int64_t i = 0;
  forEach(result.shape, [&](llvm::ArrayRef<int64_t> c) {
    std::vector<int64_t> from = source(c);
    bool inside = true;
    for (size_t a = 0; a < from.size(); ++a)
      inside &= from[a] >= 0 && from[a] < x.shape[a];
    result.data[i++] = inside ? x.broadcastAt(from) : 0;
  });
  return result;
}

/// Operations that move, spread or sum up elements.
static std::optional<Tensor> evaluateShape(Operation *op,
                                           llvm::ArrayRef<Tensor> v) {
  std::vector<int64_t> shape = shapeOf(op->getResult(0));
  using C = llvm::ArrayRef<int64_t>;
  return TypeSwitch<Operation *, std::optional<Tensor>>(op)
      .Case<pg::ConstantOp>([&](pg::ConstantOp c) {
        Tensor result(shape);
        auto values = cast<DenseElementsAttr>(c.getValue());
        int64_t i = 0;
        if (isa<FloatType>(values.getElementType()))
          for (APFloat x : values.getValues<APFloat>()) {
            bool lost;
            x.convert(APFloat::IEEEdouble(), APFloat::rmNearestTiesToEven,
                      &lost);
            result.data[i++] = x.convertToDouble();
          }
        else
          for (APInt x : values.getValues<APInt>())
            result.data[i++] = static_cast<double>(
                x.getBitWidth() == 1 ? x.getZExtValue() : x.getSExtValue());
        return result;
      })
      .Case<pg::SplatOp>([&](auto) {
        Tensor result(shape, v[0].data[0]);
        if (isa<IntegerType>(getElementTypeOrSelf(op->getResult(0))))
          result.data[0] = std::trunc(result.data[0]);
        return result;
      })
      .Case<pg::IotaOp>([&](pg::IotaOp c) {
        Tensor result(shape);
        int64_t i = 0;
        forEach(shape, [&](C at) {
          result.data[i++] = static_cast<double>(at[c.getAxis()]);
        });
        return result;
      })
      .Case<pg::ReduceOp>([&](pg::ReduceOp c) {
        return reduce(v[0], c.getAxes(), c.getKind() == pg::ReduceKind::max,
                      shape);
      })
      .Case<pg::PartialSumOp>([&](pg::PartialSumOp c) {
        Tensor result(shape);
        int64_t rows = 1;
        for (int64_t a = 0; a < static_cast<int64_t>(c.getOuter()); ++a)
          rows *= v[0].shape[a];
        int64_t inner = rows == 0 ? 0 : v[0].size() / rows,
                each = (rows + c.getChunks() - 1) / c.getChunks();
        for (int64_t r = 0; r < rows; ++r)
          for (int64_t j = 0; j < inner; ++j)
            result.data[r / each * inner + j] += v[0].data[r * inner + j];
        return result;
      })
      .Case<pg::CumsumOp>([&](pg::CumsumOp c) {
        Tensor result = v[0];
        int64_t axis = c.getAxis(), n = shape[axis], stride = v[0].stride(axis);
        for (int64_t i = 0; i < v[0].size(); ++i) {
          int64_t k = c.getReverse() ? v[0].size() - 1 - i : i,
                  at = k / stride % n;
          if (c.getReverse() ? at + 1 < n : at > 0)
            result.data[k] +=
                result.data[c.getReverse() ? k + stride : k - stride];
        }
        return result;
      })
      .Case<pg::ShiftOp>([&](pg::ShiftOp c) {
        return move(v[0], shape, [=](C at) mutable {
          std::vector<int64_t> from = at.vec();
          from[c.getAxis()] -= c.getAmount();
          return from;
        });
      })
      .Case<pg::ReshapeOp>([&](auto) {
        Tensor result = v[0];
        result.shape = shape;
        return result;
      })
      .Case<pg::TransposeOp>([&](pg::TransposeOp c) {
        return move(v[0], shape, [=](C at) mutable {
          std::vector<int64_t> from(at.size());
          for (size_t i = 0; i < at.size(); ++i)
            from[c.getPermutation()[i]] = at[i];
          return from;
        });
      })
      .Case<pg::SliceOp>([&](pg::SliceOp c) {
        return move(v[0], shape, [=](C at) mutable {
          std::vector<int64_t> from = at.vec();
          for (size_t i = 0; i < at.size(); ++i)
            from[i] += c.getOffsets()[i];
          return from;
        });
      })
      .Case<pg::PadOp>([&](pg::PadOp c) {
        return move(v[0], shape, [=](C at) mutable {
          std::vector<int64_t> from = at.vec();
          for (size_t i = 0; i < at.size(); ++i)
            from[i] -= c.getLow()[i];
          return from;
        });
      })
      .Case<pg::ConcatOp>([&](auto) {
        Tensor result(shape);
        result.data.clear();
        for (const Tensor &part : v)
          result.data.insert(result.data.end(), part.data.begin(),
                             part.data.end());
        return result;
      })
      .Default([](Operation *) { return std::nullopt; });
}

std::vector<Tensor> evaluate(Operation *op, llvm::ArrayRef<Tensor> operands) {
  if (auto result = evaluateElementwise(op, operands))
    return {*result};
  if (auto result = evaluateShape(op, operands))
    return {*result};
  std::vector<Tensor> results = evaluateProducts(op, operands);
  if (results.empty())
    results = evaluateQuantizer(op, operands);
  if (results.empty())
    llvm::report_fatal_error("the test interpreter does not know " +
                             op->getName().getStringRef());
  return results;
}

/// Arithmetic on step values.
static std::optional<double> evaluateScalar(Operation *op,
                                            llvm::ArrayRef<double> x) {
  return TypeSwitch<Operation *, std::optional<double>>(op)
      .Case<arith::ConstantOp>(
          [](arith::ConstantOp c) -> std::optional<double> {
            if (auto value = dyn_cast<FloatAttr>(c.getValue()))
              return value.getValueAsDouble();
            if (auto value = dyn_cast<IntegerAttr>(c.getValue()))
              return value.getValue().getBoolValue();
            return std::nullopt;
          })
      .Case<arith::CmpFOp>([&](arith::CmpFOp c) -> std::optional<double> {
        switch (c.getPredicate()) {
        case arith::CmpFPredicate::OEQ:
          return x[0] == x[1];
        case arith::CmpFPredicate::UNE:
        case arith::CmpFPredicate::ONE:
          return x[0] != x[1];
        case arith::CmpFPredicate::OLT:
          return x[0] < x[1];
        case arith::CmpFPredicate::OLE:
          return x[0] <= x[1];
        case arith::CmpFPredicate::OGT:
          return x[0] > x[1];
        case arith::CmpFPredicate::OGE:
          return x[0] >= x[1];
        default:
          return std::nullopt;
        }
      })
      .Case<arith::SelectOp>([&](auto) { return x[0] != 0 ? x[1] : x[2]; })
      .Case<arith::AndIOp>([&](auto) { return x[0] != 0 && x[1] != 0; })
      .Case<arith::OrIOp>([&](auto) { return x[0] != 0 || x[1] != 0; })
      .Case<arith::UIToFPOp>([&](auto) { return x[0]; })
      .Case<arith::AddFOp>([&](auto) { return x[0] + x[1]; })
      .Case<arith::SubFOp>([&](auto) { return x[0] - x[1]; })
      .Case<arith::MulFOp>([&](auto) { return x[0] * x[1]; })
      .Case<arith::DivFOp>([&](auto) { return x[0] / x[1]; })
      .Case<arith::NegFOp>([&](auto) { return -x[0]; })
      .Case<arith::MaximumFOp, arith::MaxNumFOp>(
          [&](auto) { return std::max(x[0], x[1]); })
      .Case<arith::MinimumFOp, arith::MinNumFOp>(
          [&](auto) { return std::min(x[0], x[1]); })
      .Case<math::SqrtOp>([&](auto) { return std::sqrt(x[0]); })
      .Case<math::ExpOp>([&](auto) { return std::exp(x[0]); })
      .Case<math::LogOp>([&](auto) { return std::log(x[0]); })
      .Case<math::CosOp>([&](auto) { return std::cos(x[0]); })
      .Case<math::TanhOp>([&](auto) { return std::tanh(x[0]); })
      .Case<math::PowFOp>([&](auto) { return std::pow(x[0], x[1]); })
      .Case<math::FloorOp>([&](auto) { return std::floor(x[0]); })
      .Case<math::AbsFOp>([&](auto) { return std::fabs(x[0]); })
      .Default([](Operation *) { return std::nullopt; });
}

std::vector<Tensor> Interpreter::run(Block &block,
                                     llvm::ArrayRef<Tensor> arguments) {
  llvm::DenseMap<Value, Tensor> values;
  for (auto [argument, value] : llvm::zip(block.getArguments(), arguments))
    values[argument] = value;
  for (Operation &op : block) {
    std::vector<Tensor> operands;
    for (Value operand : op.getOperands())
      operands.push_back(values.at(operand));
    if (op.hasTrait<OpTrait::IsTerminator>())
      return operands;
    if (auto load = dyn_cast<pg::LoadOp>(op)) {
      values[load.getResult()] = variables.at(load.getVariable());
    } else if (auto store = dyn_cast<pg::StoreOp>(op)) {
      variables[store.getVariable()] = operands[0];
    } else if (auto accumulate = dyn_cast<pg::AccumulateOp>(op)) {
      Tensor &variable = variables[accumulate.getVariable()];
      if (variable.data.empty())
        variable = Tensor(operands[0].shape);
      for (int64_t i = 0; i < variable.size(); ++i)
        variable.data[i] += operands[0].data[i];
    } else if (auto call = dyn_cast<pg::sched::CallOp>(op)) {
      auto kernel = SymbolTable::lookupNearestSymbolFrom<pg::sched::KernelOp>(
          call, call.getCalleeAttr());
      std::vector<Tensor> results = run(kernel.getBlock(), operands);
      unsigned stored = 0, accumulated = 0;
      for (auto [i, result] : llvm::enumerate(results)) {
        if (!kernel.accumulates(i)) {
          values[call.getResult(stored++)] = result;
          continue;
        }
        auto name =
            cast<FlatSymbolRefAttr>((*call.getAccumulates())[accumulated++]);
        Tensor &variable = variables[name.getValue()];
        if (variable.data.empty())
          variable = Tensor(result.shape);
        for (int64_t i = 0; i < variable.size(); ++i)
          variable.data[i] += result.data[i];
      }
    } else if (isa<pg::StepOp, pg::ProgressOp, pg::SequencesOp,
                   pg::MicroBatchOp>(op)) {
      values[op.getResult(0)] =
          Tensor({}, isa<pg::StepOp>(op)         ? step
                     : isa<pg::ProgressOp>(op)   ? progress
                     : isa<pg::MicroBatchOp>(op) ? microBatch
                                                 : sequences);
    } else if (auto solved = dyn_cast<pg::SolvedOp>(op)) {
      values[solved] = Tensor({}, solved.getStart().convertToDouble());
    } else if (op.getNumResults() == 1 &&
               !isa<RankedTensorType>(op.getResult(0).getType())) {
      std::vector<double> x;
      for (const Tensor &operand : operands)
        x.push_back(operand.data[0]);
      std::optional<double> result = evaluateScalar(&op, x);
      if (!result)
        llvm::report_fatal_error("the test interpreter does not know " +
                                 op.getName().getStringRef());
      values[op.getResult(0)] = Tensor({}, *result);
    } else {
      for (auto [result, value] :
           llvm::zip(op.getResults(), evaluate(&op, operands)))
        values[result] = value;
    }
  }
  return {};
}

} // namespace pgtest
