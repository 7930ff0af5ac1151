// Reverse-mode differentiation of the functions that the front end emits: one
// block of operations on tensors.
#include "compiler/passes/Passes.h"
#include "dialects/pg/Building.h"
#include "mlir/Dialect/Arith/IR/Arith.h"

using namespace mlir;

namespace pgc {
#define GEN_PASS_DEF_DIFFERENTIATE
#include "compiler/passes/Passes.h.inc"
} // namespace pgc

namespace {

/// The variable that holds a parameter's gradient.
std::string gradientName(StringRef parameter) {
  return (parameter + ":grad").str();
}

bool hasFloats(Value value) {
  auto type = dyn_cast<RankedTensorType>(value.getType());
  return type && isa<FloatType>(type.getElementType());
}

/// Whether `a` is -`b`.
bool isNegation(Value a, Value b) {
  auto neg = a.getDefiningOp<pg::NegOp>();
  return neg && neg.getX() == b;
}

/// Whether the function wants no gradient of the parameter.
bool freezes(func::FuncOp function, pg::VariableOp parameter) {
  auto frozen = function->getAttrOfType<ArrayAttr>("pg.frozen");
  return frozen &&
         llvm::is_contained(frozen.getValue(), parameter.getSymNameAttr());
}

/// Adds the backward pass to one function.
class Backward {
public:
  explicit Backward(func::FuncOp function)
      : function(function), builder(function.front().getTerminator()),
        symbols(function->getParentOfType<ModuleOp>()) {}

  /// `seed`: the gradient of the loss, of its type.
  LogicalResult run(Value loss, llvm::function_ref<Value(OpBuilder &)> seed) {
    findActive();
    if (!active.contains(loss))
      return success(); // no parameter is in it
    SmallVector<Operation *> forward;
    for (Operation &op : function.front().without_terminator())
      forward.push_back(&op);
    gradients[loss] = seed(builder);
    for (Operation *op : llvm::reverse(forward))
      if (failed(passThrough(op)))
        return failure();
    return success();
  }

private:
  /// Finds the values through which a change of a parameter reaches others.
  void findActive() {
    for (Operation &op : function.front().without_terminator()) {
      bool reached = static_cast<bool>(getParameter(&op));
      if (!op.hasTrait<pg::ZeroGradient>())
        reached |= llvm::any_of(op.getOperands(), [&](Value operand) {
          return active.contains(operand);
        });
      if (reached)
        for (Value result : op.getResults())
          if (hasFloats(result))
            active.insert(result);
    }
  }

  /// The parameter that the operation loads, or null.
  pg::VariableOp getParameter(Operation *op) {
    auto load = dyn_cast<pg::LoadOp>(op);
    if (!load)
      return nullptr;
    auto variable = symbols.lookup<pg::VariableOp>(load.getVariable());
    return variable && variable.getSpace() == "parameter" &&
                   !freezes(function, variable)
               ? variable
               : nullptr;
  }

  /// Turns the gradients of the operation's results into those of its operands.
  LogicalResult passThrough(Operation *op) {
    SmallVector<Value> results, operands(op->getNumOperands());
    for (Value result : op->getResults())
      results.push_back(gradients.lookup(result));
    if (!llvm::any_of(results, [](Value gradient) {
          return static_cast<bool>(gradient);
        }))
      return success();
    auto differentiable = dyn_cast<pg::DifferentiableOp>(op);
    if (!differentiable)
      return op->emitOpError(
          "has no gradient, but the loss depends on a parameter through it");
    if (auto attention = dyn_cast<pg::AttentionOp>(op); attention && results[1])
      return op->emitOpError("has no gradient of its log-sum-exp");
    if (auto attention = dyn_cast<pg::AttentionOp>(op);
        attention && pg::getTensorType(attention.getQ()).getDimSize(1) !=
                         pg::getTensorType(attention.getK()).getDimSize(1))
      return op->emitOpError("has no gradient with fewer queries than keys");
    differentiable.buildGradient(builder, results, operands);
    for (auto [operand, gradient] :
         llvm::zip_equal(op->getOperands(), operands))
      if (gradient && active.contains(operand))
        contribute(operand, gradient, op->getLoc());
    return success();
  }

  /// Adds to the gradient of a value what one of its uses gives.
  void contribute(Value value, Value gradient, Location location) {
    ImplicitLocOpBuilder b(location, builder);
    RankedTensorType type = pg::getTensorType(value);
    gradient = pg::buildSumToShape(b, gradient, type.getShape());
    gradient = pg::buildBroadcast(b, gradient, type.getShape());
    if (gradient.getType() != type)
      gradient = pg::ConvertOp::create(b, gradient, type.getElementType());
    if (Operation *op = value.getDefiningOp())
      if (pg::VariableOp parameter = getParameter(op)) {
        pg::AccumulateOp::create(b, gradient,
                                 gradientName(parameter.getSymName()));
        return;
      }
    Value &sum = gradients[value];
    if (!sum)
      sum = gradient;
    else if (isNegation(sum, gradient) || isNegation(gradient, sum))
      gradients.erase(value); // they cancel: nothing flows
    else
      sum = pg::AddOp::create(b, sum, gradient);
  }

  func::FuncOp function;
  OpBuilder builder;
  SymbolTable symbols;
  DenseSet<Value> active;
  DenseMap<Value, Value> gradients;
};

/// Declares the gradients that the functions want and that are missing, in the
/// order of the parameters.
void declareGradients(ModuleOp module, ArrayRef<func::FuncOp> functions) {
  SymbolTable symbols(module);
  SmallVector<pg::VariableOp> variables(module.getOps<pg::VariableOp>());
  if (variables.empty())
    return;
  OpBuilder builder(module.getContext());
  builder.setInsertionPointAfter(variables.back());
  for (pg::VariableOp variable : variables) {
    std::string name = gradientName(variable.getSymName());
    bool wanted = llvm::any_of(functions, [&](func::FuncOp function) {
      return !freezes(function, variable);
    });
    if (wanted && variable.getSpace() == "parameter" && !symbols.lookup(name))
      pg::VariableOp::create(builder, variable.getLoc(), name,
                             variable.getTensorType(), "gradient");
  }
}

/// The result of that name, or null.
Value findResult(func::FuncOp function, StringRef name) {
  Operation *terminator = function.front().getTerminator();
  for (unsigned i = 0; i < function.getNumResults(); ++i)
    if (auto attr = function.getResultAttrOfType<StringAttr>(i, "pg.name");
        attr && attr == name)
      return terminator->getOperand(i);
  return nullptr;
}

/// Composites without a gradient of their own take that of what they stand for.
void decomposeForGradient(func::FuncOp function) {
  bool changed = true;
  while (changed) {
    changed = false;
    function.walk([&](pg::DecomposableOp op) {
      if (isa<pg::DifferentiableOp>(op.getOperation()) ||
          op->hasTrait<pg::ZeroGradient>())
        return;
      pgc::decompose(op);
      changed = true;
    });
  }
}

struct Differentiate : pgc::impl::DifferentiateBase<Differentiate> {
  void runOnOperation() override {
    ModuleOp module = getOperation();
    SmallVector<func::FuncOp> functions;
    for (auto function : module.getOps<func::FuncOp>())
      if (llvm::is_contained({"forward", "adapt"}, pgc::getRole(function)))
        functions.push_back(function);
    declareGradients(module, functions);
    for (func::FuncOp function : functions) {
      auto seed = function->getAttrOfType<FloatAttr>("pg.seed");
      if (!seed)
        seed = module->getAttrOfType<FloatAttr>("pg.seed");
      if (failed(pgc::differentiate(function,
                                    seed ? seed.getValueAsDouble() : 1.0)))
        return signalPassFailure();
    }
  }
};

} // namespace

LogicalResult pgc::differentiate(func::FuncOp function, double seed) {
  if (!llvm::hasSingleElement(function.getBody()))
    return function.emitOpError("must have one block to be differentiated");
  decomposeForGradient(function);
  Value loss = findResult(function, "loss");
  if (!loss)
    return function.emitOpError("has no result named 'loss' to differentiate");
  auto type = dyn_cast<RankedTensorType>(loss.getType());
  if (!type || type.getRank() != 0 || !isa<FloatType>(type.getElementType()))
    return function.emitOpError("needs a loss of shape [] and of floats, not ")
           << loss.getType();
  bool adapts = getRole(function) == "adapt";
  auto makeSeed = [&](OpBuilder &b) -> Value {
    Location at = loss.getLoc();
    if (!adapts)
      return pg::ConstantOp::create(b, at, type, seed);
    Value numerator = arith::ConstantFloatOp::create(b, at, b.getF64Type(),
                                                     llvm::APFloat(seed)),
          sequences = pg::SequencesOp::create(b, at);
    return pg::SplatOp::create(
        b, at, arith::DivFOp::create(b, at, numerator, sequences),
        type.getElementType());
  };
  if (failed(Backward(function).run(loss, makeSeed)))
    return failure();
  eraseDeadOperations(function);
  if (adapts)
    return success();

  StringRef name = function.getSymName();
  if (name.consume_front("forward"))
    function.setSymName(("train" + name).str());
  function->setAttr("pg.role", StringAttr::get(function.getContext(), "train"));
  return success();
}
