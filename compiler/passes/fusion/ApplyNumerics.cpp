// apply-numerics: settles in which precision everything is computed. See
// Numerics.md.
#include "compiler/passes/fusion/FusionPasses.h"
#include "compiler/passes/fusion/OpFacts.h"
#include "compiler/passes/fusion/RowDomain.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_APPLYNUMERICS
#include "compiler/passes/fusion/FusionPasses.h.inc"

namespace {

//===----------------------------------------------------------------------===//
// bf16: operands of products are rounded; autocast: their results too
//===----------------------------------------------------------------------===//

/// Whether the value is exempt: it is what `pg.f32` gave, perhaps in another
/// shape.
bool isExempt(Value value) {
  while (auto reshape = value.getDefiningOp<pg::ReshapeOp>())
    value = reshape.getX();
  return value.getDefiningOp<pg::F32Op>() != nullptr;
}

/// The operands of a product that are multiplied: all but the saved results and
/// masks of attention.
SmallVector<OpOperand *> getFactors(Operation *op) {
  SmallVector<OpOperand *> factors;
  auto add = [&](unsigned index) {
    factors.push_back(&op->getOpOperand(index));
  };
  if (isa<pg::LinearOp, pg::MatmulOp>(op)) {
    add(0);
    add(1);
  } else if (isa<pg::AttentionOp>(op)) {
    add(0);
    add(1);
    add(2);
  } else if (auto grad = dyn_cast<pg::AttentionGradOp>(op)) {
    for (Value value : {grad.getQ(), grad.getK(), grad.getV(), grad.getDO()})
      for (OpOperand &operand : op->getOpOperands())
        if (operand.get() == value && !llvm::is_contained(factors, &operand))
          factors.push_back(&operand);
  }
  return factors;
}

/// The results of a product that may be activations.
ResultRange getProducts(Operation *op) {
  // Of attention, lse is none.
  return isa<pg::AttentionOp>(op) ? op->getResults().take_front(1)
                                  : op->getResults();
}

class RoundProducts {
public:
  /// `results`: those that are activations are rounded too.
  explicit RoundProducts(bool results) : roundsResults(results) {}

  void run(func::FuncOp function) {
    rounded.clear();
    SmallVector<Domain> tokens = getTokenDomains(function);
    SmallVector<Operation *> products;
    function.walk([&](Operation *op) {
      if (isa<pg::LinearOp, pg::MatmulOp, pg::AttentionOp, pg::AttentionGradOp>(
              op))
        products.push_back(op);
    });
    // One exempt operand makes the whole product float32: there is none of
    // mixed precision.
    llvm::erase_if(products, [](Operation *op) {
      return llvm::any_of(getFactors(op), [](OpOperand *factor) {
        return isExempt(factor->get());
      });
    });
    if (roundsResults)
      for (Operation *op : products)
        for (Value result : getProducts(op))
          if (isActivation(pg::getTensorType(result), tokens))
            roundResult(result);
    for (Operation *op : products) {
      for (OpOperand *factor : getFactors(op))
        if (pg::getTensorType(factor->get()).getElementType().isF32())
          factor->set(round(factor->get()));
      // What attention gave is read as it is stored.
      if (auto grad = dyn_cast<pg::AttentionGradOp>(op))
        if (Value narrow = getNarrow(grad.getO()))
          grad.getOMutable().assign(narrow);
    }
  }

private:
  /// The value in bf16, if it is widened from that; else null.
  static Value getNarrow(Value value) {
    auto widen = value.getDefiningOp<pg::ConvertOp>();
    return widen && pg::getTensorType(widen.getX()).getElementType().isBF16()
               ? widen.getX()
               : Value();
  }

  /// Has all that read the result of a product read it rounded.
  void roundResult(Value value) {
    if (!pg::getTensorType(value).getElementType().isF32() ||
        llvm::any_of(value.getUsers(), llvm::IsaPred<pg::F32Op>))
      return;
    OpBuilder b(value.getContext());
    b.setInsertionPointAfterValue(value);
    auto narrow =
        pg::ConvertOp::create(b, value.getLoc(), value, b.getBF16Type());
    auto wide =
        pg::ConvertOp::create(b, value.getLoc(), narrow, b.getF32Type());
    value.replaceAllUsesExcept(wide, narrow);
    // A part of it is as narrow as the whole.
    for (Operation *user : llvm::make_early_inc_range(wide->getUsers()))
      if (auto slice = dyn_cast<pg::SliceOp>(user)) {
        b.setInsertionPoint(slice);
        Value part = pg::SliceOp::create(b, slice.getLoc(), narrow,
                                         slice.getOffsets(), slice.getSizes());
        slice.getResult().replaceAllUsesWith(
            pg::ConvertOp::create(b, slice.getLoc(), part, b.getF32Type()));
        slice.erase();
      }
  }

  /// The value in bf16, computed once, where it is made: behind reshapes, so
  /// that its bytes are those that are stored; and each part of what is joined.
  Value round(Value value) {
    Value &result = rounded[value];
    if (result)
      return result;
    if (Value narrow = getNarrow(value))
      return result = narrow;
    OpBuilder b(value.getContext());
    b.setInsertionPointAfterValue(value);
    if (auto reshape = value.getDefiningOp<pg::ReshapeOp>()) {
      Value before = round(reshape.getX());
      return rounded[value] =
                 pg::ReshapeOp::create(b, value.getLoc(), before,
                                       pg::getTensorType(value).getShape());
    }
    if (auto concat = value.getDefiningOp<pg::ConcatOp>()) {
      SmallVector<Value> parts;
      for (Value part : concat.getParts())
        parts.push_back(round(part));
      return rounded[value] = pg::ConcatOp::create(b, value.getLoc(), parts);
    }
    return result =
               pg::ConvertOp::create(b, value.getLoc(), value, b.getBF16Type());
  }

  bool roundsResults;
  llvm::DenseMap<Value, Value> rounded;
};

//===----------------------------------------------------------------------===//
// f64: every float is a double
//===----------------------------------------------------------------------===//

Type widen(Type type) {
  if (auto tensor = dyn_cast<RankedTensorType>(type);
      tensor && tensor.getElementType().isF32())
    return tensor.clone(Float64Type::get(type.getContext()));
  return type;
}

Attribute widen(Attribute attribute) {
  if (auto elements = dyn_cast<DenseFPElementsAttr>(attribute);
      elements && elements.getElementType().isF32()) {
    SmallVector<double> numbers;
    if (elements.isSplat())
      numbers.push_back(elements.getSplatValue<APFloat>().convertToDouble());
    else
      for (APFloat number : elements.getValues<APFloat>())
        numbers.push_back(number.convertToDouble());
    return DenseElementsAttr::get(
        cast<RankedTensorType>(widen(elements.getType())),
        ArrayRef<double>(numbers));
  }
  if (auto type = dyn_cast<TypeAttr>(attribute))
    return TypeAttr::get(widen(type.getValue()));
  return attribute;
}

void widenAll(ModuleOp module) {
  for (auto function : module.getOps<func::FuncOp>()) {
    FunctionType type = function.getFunctionType();
    SmallVector<Type> inputs, results;
    for (Type input : type.getInputs())
      inputs.push_back(widen(input));
    for (Type result : type.getResults())
      results.push_back(widen(result));
    function.setFunctionType(
        FunctionType::get(module.getContext(), inputs, results));
    function.walk([](Block *block) {
      for (BlockArgument argument : block->getArguments())
        argument.setType(widen(argument.getType()));
    });
  }
  module.walk([&](Operation *op) {
    for (Value result : op->getResults())
      result.setType(widen(result.getType()));
    if (auto constant = dyn_cast<pg::ConstantOp>(op))
      constant.setValueAttr(cast<ElementsAttr>(widen(constant.getValueAttr())));
    if (auto variable = dyn_cast<pg::VariableOp>(op)) {
      variable.setTypeAttr(cast<TypeAttr>(widen(variable.getTypeAttr())));
      if (DictionaryAttr init = variable.getInitAttr()) {
        SmallVector<NamedAttribute> entries;
        for (NamedAttribute entry : init)
          entries.push_back({entry.getName(), widen(entry.getValue())});
        variable.setInitAttr(DictionaryAttr::get(module.getContext(), entries));
      }
    }
  });
}

struct ApplyNumericsPass : impl::ApplyNumericsBase<ApplyNumericsPass> {
  using Base::Base;
  void runOnOperation() override {
    ModuleOp module = getOperation();
    if (mode != "bf16" && mode != "autocast" && mode != "f32" &&
        mode != "f64") {
      module.emitError("apply-numerics: there is no mode '")
          << mode << "', only autocast, bf16, f32 and f64";
      return signalPassFailure();
    }
    if (mode == "bf16" || mode == "autocast") {
      RoundProducts products(/*results=*/mode == "autocast");
      for (auto function : module.getOps<func::FuncOp>()) {
        auto role = function->getAttrOfType<StringAttr>("pg.role");
        // What is stored, and what becomes of it, hangs on no machine.
        if (!role ||
            !llvm::is_contained({"quantize", "decode"}, role.getValue()))
          products.run(function);
      }
    } else if (mode == "f64") {
      widenAll(module);
    }
    module.walk([](pg::F32Op op) {
      op.getResult().replaceAllUsesWith(op.getX());
      op.erase();
    });
    module->setAttr("pg.numerics", StringAttr::get(&getContext(), mode));
  }
};

} // namespace
} // namespace pgc
