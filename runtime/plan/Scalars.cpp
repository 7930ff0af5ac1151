#include "runtime/plan/Scalars.h"

#include <algorithm>
#include <cmath>

namespace pgrt {

using Expr = plan::ScalarExpr;

int scalarArity(Expr::Op op) {
  switch (op) {
  case Expr::CONSTANT:
  case Expr::STEP:
  case Expr::PROGRESS:
  case Expr::SOLVED:
  case Expr::SEQUENCES:
  case Expr::MICRO_BATCH:
    return 0;
  case Expr::NEG:
  case Expr::ABS:
  case Expr::SQRT:
  case Expr::EXP:
  case Expr::LOG:
  case Expr::TANH:
  case Expr::SIGMOID:
  case Expr::COS:
  case Expr::SIN:
  case Expr::FLOOR:
  case Expr::ROUND:
  case Expr::TRUNC:
  case Expr::NOT:
  case Expr::RSQRT:
    return 1;
  case Expr::ADD:
  case Expr::SUB:
  case Expr::MUL:
  case Expr::DIV:
  case Expr::FLOORDIV:
  case Expr::MOD:
  case Expr::POW:
  case Expr::MIN:
  case Expr::MAX:
  case Expr::EQ:
  case Expr::NE:
  case Expr::LT:
  case Expr::LE:
  case Expr::GT:
  case Expr::GE:
  case Expr::AND:
  case Expr::OR:
    return 2;
  case Expr::SELECT:
    return 3;
  default:
    return -1;
  }
}

static double apply(Expr::Op op, double a, double b, double c) {
  switch (op) {
  case Expr::ADD:
    return a + b;
  case Expr::SUB:
    return a - b;
  case Expr::MUL:
    return a * b;
  case Expr::DIV:
    return a / b;
  case Expr::FLOORDIV:
    return std::floor(a / b);
  case Expr::MOD:
    return a - b * std::floor(a / b);
  case Expr::POW:
    return std::pow(a, b);
  case Expr::MIN:
    return std::min(a, b);
  case Expr::MAX:
    return std::max(a, b);
  case Expr::NEG:
    return -a;
  case Expr::ABS:
    return std::fabs(a);
  case Expr::SQRT:
    return std::sqrt(a);
  case Expr::RSQRT:
    return 1 / std::sqrt(a);
  case Expr::EXP:
    return std::exp(a);
  case Expr::LOG:
    return std::log(a);
  case Expr::TANH:
    return std::tanh(a);
  case Expr::SIGMOID:
    return 1 / (1 + std::exp(-a));
  case Expr::COS:
    return std::cos(a);
  case Expr::SIN:
    return std::sin(a);
  case Expr::FLOOR:
    return std::floor(a);
  case Expr::ROUND:
    return std::nearbyint(a);
  case Expr::TRUNC:
    return std::trunc(a);
  case Expr::EQ:
    return a == b;
  case Expr::NE:
    return a != b;
  case Expr::LT:
    return a < b;
  case Expr::LE:
    return a <= b;
  case Expr::GT:
    return a > b;
  case Expr::GE:
    return a >= b;
  case Expr::AND:
    return a != 0 && b != 0;
  case Expr::OR:
    return a != 0 || b != 0;
  case Expr::NOT:
    return a == 0;
  case Expr::SELECT:
    return a != 0 ? b : c;
  default:
    return 0;
  }
}

std::vector<double> evaluateScalars(const plan::Plan &plan,
                                    const ScalarInputs &inputs) {
  std::vector<double> values;
  values.reserve(size_t(plan.scalars_size()));
  for (const Expr &expr : plan.scalars()) {
    auto arg = [&](int i) {
      return i < expr.args_size() ? values[expr.args(i)] : 0.0;
    };
    switch (expr.op()) {
    case Expr::CONSTANT:
      values.push_back(expr.value());
      break;
    case Expr::STEP:
      values.push_back(double(inputs.step));
      break;
    case Expr::PROGRESS:
      values.push_back(inputs.progress);
      break;
    case Expr::SEQUENCES:
      values.push_back(double(inputs.sequences));
      break;
    case Expr::MICRO_BATCH:
      values.push_back(double(inputs.microBatch));
      break;
    case Expr::SOLVED:
      values.push_back(inputs.solved.value_or(expr.value()));
      break;
    default:
      values.push_back(apply(expr.op(), arg(0), arg(1), arg(2)));
    }
  }
  return values;
}

std::optional<double> solvedValue(const plan::Plan &plan) {
  for (const Expr &expr : plan.scalars())
    if (expr.op() == Expr::SOLVED)
      return expr.value();
  return std::nullopt;
}

} // namespace pgrt
