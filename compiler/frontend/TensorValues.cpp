// Tensors as values: parameters are loaded, numbers become constants, kinds of
// elements are converted.
#include "compiler/frontend/Evaluator.h"

namespace pgc {

mlir::Type Evaluator::elementType(Element element) {
  switch (element) {
  case Element::Float:
    return session.floatType;
  case Element::Integer:
    return builder.getI64Type();
  case Element::Truth:
    return builder.getI1Type();
  }
  return {};
}

mlir::RankedTensorType Evaluator::typeOf(llvm::ArrayRef<Dim> dims,
                                         Element element) {
  llvm::SmallVector<int64_t, 4> shape;
  for (const Dim &d : dims)
    shape.push_back(d.size);
  return mlir::RankedTensorType::get(shape, elementType(element));
}

mlir::DenseElementsAttr Evaluator::denseFloats(mlir::RankedTensorType type,
                                               llvm::ArrayRef<double> values) {
  auto dense =
      mlir::DenseElementsAttr::get(type.clone(builder.getF64Type()), values);
  if (type.getElementType().isF64())
    return dense;
  return dense.mapValues(session.floatType, [&](const llvm::APFloat &value) {
    llvm::APFloat rounded = value;
    bool inexact;
    rounded.convert(session.floatType.getFloatSemantics(),
                    llvm::APFloat::rmNearestTiesToEven, &inexact);
    return rounded.bitcastToAPInt();
  });
}

Value Evaluator::wrap(mlir::Value value, Dims dims, Element element) {
  Tensor t{std::move(dims), element};
  t.value = value;
  return Value::tensor(std::move(t));
}

mlir::Value Evaluator::load(const Tensor &tensor, SourceRange range) {
  if (tensor.value)
    return tensor.value;
  // One load a use: each use adds to the gradient on its own, so that no
  // gradient of a whole parameter is ever held twice.
  mlir::Location loc = mlir::NameLoc::get(
      builder.getStringAttr(tensor.parameter->name), location(range));
  return pg::LoadOp::create(builder, loc, typeOf(tensor.dims, tensor.element),
                            tensor.parameter->name);
}

mlir::Value Evaluator::emitStep(const StepExpr *expr, SourceRange range) {
  return stepEmitter->emit(expr, location(range));
}

Value Evaluator::constantTensor(double value, SourceRange range,
                                Element element) {
  auto type = typeOf({}, element);
  mlir::Value v = pg::ConstantOp::create(builder, location(range), type, value);
  Tensor t{{}, element};
  t.value = v;
  t.constants = std::make_shared<std::vector<double>>(1, value);
  return Value::tensor(t);
}

Tensor Evaluator::convert(const Tensor &tensor, Element element,
                          SourceRange range) {
  if (tensor.element == element)
    return tensor;
  Tensor t = tensor;
  t.element = element;
  t.parameter = nullptr;
  mlir::Value x = load(tensor, range);
  t.value =
      pg::ConvertOp::create(builder, location(range), x, elementType(element));
  return t;
}

std::optional<Tensor> Evaluator::toTensor(const Value &value, Element element,
                                          SourceRange range,
                                          llvm::StringRef what) {
  if (value.isTensor()) {
    const Tensor &t = value.asTensor();
    if (element == Element::Integer && t.element == Element::Float) {
      error(range, what.str() + " takes integers; this tensor holds floats");
      return std::nullopt;
    }
    return convert(t, element, range);
  }
  if (value.isNumber())
    return constantTensor(value.asDouble(), range, element).asTensor();
  if (value.isStep()) {
    mlir::Value scalar = emitStep(value.asStep(), range);
    Tensor t{{}, Element::Float};
    t.value = pg::SplatOp::create(builder, location(range), scalar,
                                  session.floatType);
    return convert(t, element, range);
  }
  if (!value.isPoison())
    error(range,
          what.str() + " takes a tensor; this is " + value.kindName().str());
  return std::nullopt;
}

std::optional<Dims>
Evaluator::broadcast(llvm::ArrayRef<const Tensor *> operands, SourceRange range,
                     llvm::StringRef spelling) {
  size_t rank = 0;
  for (const Tensor *t : operands)
    rank = std::max(rank, t->rank());
  Dims result(rank);
  const Tensor *wide = nullptr; // gave the result its size so far
  for (size_t fromEnd = 1; fromEnd <= rank; ++fromEnd) {
    Dim &dim = result[rank - fromEnd];
    bool first = true;
    for (const Tensor *t : operands) {
      if (t->rank() < fromEnd)
        continue;
      const Dim &other = t->dims[t->rank() - fromEnd];
      if (first || dim.size == 1) {
        if (first || other.size != 1) {
          dim = other;
          wide = t;
        }
        first = false;
        continue;
      }
      if (other.size == 1)
        continue;
      if (other.size != dim.size) {
        Report report =
            error(range, "'" + spelling.str() + "' cannot line up " +
                             describe(wide->dims, false) + " and " +
                             describe(t->dims, false));
        report.detail("axis -" + std::to_string(fromEnd) + ": " +
                      describe(dim) + " against " + describe(other));
        // [B, T, heads] meant for [B, T, heads, d]: one number a row.
        const Tensor *large = wide->rank() > t->rank() ? wide : t;
        const Tensor *small = large == wide ? t : wide;
        bool leading = small->rank() + 1 == large->rank() && small->rank() > 0;
        for (size_t i = 0; leading && i < small->rank(); ++i)
          leading = small->dims[i].size == large->dims[i].size;
        if (leading) {
          const Dim &last = small->dims.back();
          std::string name =
              last.name.empty() ? std::to_string(last.size) : last.name.str();
          llvm::StringRef unit = last.name;
          std::string over = unit.consume_back("s") && !unit.empty()
                                 ? "each " + unit.str()
                                 : "the last axis";
          report.help("to spread one number over " + over +
                      ", write reshape(…, [..., " + name + ", 1])");
        }
        report.defines(wide->dims).defines(t->dims);
        return std::nullopt;
      }
      if (dim.name.empty())
        dim.name = other.name;
    }
  }
  if (!countElements(result)) {
    error(range,
          "the result " + describe(result) + " holds more than 2^40 elements")
        .defines(result);
    return std::nullopt;
  }
  return result;
}

} // namespace pgc
