// @quantize and @decode: what is stored of each parameter, and what becomes of
// that when it is loaded.
//
// A quantiser returns the decoder, an expression over codes(...) and f16(...).
// All quantisers are evaluated into one function first. Then what is behind
// those leaves stays there, to be stored, and what is in front of them goes to
// the decoder, which loads them.
#include "compiler/frontend/ModelFunctions.h"
#include "compiler/frontend/Sections.h"
#include "mlir/IR/Dominance.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Transforms/CSE.h"
#include "llvm/ADT/SetVector.h"

namespace pgc {

namespace {

/// The decoder of one parameter.
struct Decoder {
  const ParameterRecord *parameter;
  const RuleItem *rule;
  pg::StoreOp store; // of what it evaluates to, in the common function
  llvm::SmallVector<mlir::Value> leaves;  // in their order in that function
  llvm::SetVector<mlir::Operation *> ops; // from the leaves to the result
};

class QuantizeBuilder {
public:
  QuantizeBuilder(Evaluator &ev, const QuantizeSection &section,
                  mlir::func::FuncOp function)
      : ev(ev), section(section), function(function) {}

  bool evaluateRules();
  bool findLeaves();
  void declareVariables(mlir::ModuleOp module, bool hessians);
  void buildDecode(mlir::ModuleOp module);
  void storeLeaves();
  void markParameters(mlir::ModuleOp module);

private:
  std::optional<mlir::Value> apply(const RuleItem &rule,
                                   const ParameterRecord &p);
  std::optional<Value> hessianOf(const RuleItem &rule,
                                 const ParameterRecord &p);
  bool collect(Decoder &decoder, mlir::Value value,
               llvm::SetVector<mlir::Value> &leaves);
  static bool isLeaf(mlir::Operation *op) {
    return llvm::isa<pg::CodesOp, pg::RoundF16Op>(op);
  }
  static std::string leafName(const ParameterRecord &p, size_t i) {
    return p.name + ":leaf" + std::to_string(i);
  }

  Evaluator &ev;
  const QuantizeSection &section;
  mlir::func::FuncOp function;
  std::vector<Decoder> decoders; // one for each parameter
};

} // namespace

//===----------------------------------------------------------------------===//
// From rules to one function
//===----------------------------------------------------------------------===//

/// Where nothing multiplies p all errors weigh the same: h is the identity.
static mlir::Value buildIdentity(mlir::OpBuilder &b, mlir::Location loc,
                                 int64_t n, mlir::Type elementType) {
  mlir::Value row = pg::IotaOp::create(b, loc, {n, n}, 0),
              column = pg::IotaOp::create(b, loc, {n, n}, 1);
  mlir::Value same =
      pg::CompareOp::create(b, loc, pg::Predicate::eq, row, column);
  return pg::ConvertOp::create(b, loc, same, elementType);
}

std::optional<Value> QuantizeBuilder::hessianOf(const RuleItem &rule,
                                                const ParameterRecord &p) {
  SourceRange range = rule.rule->what->range;
  if (p.dims.size() != 2 || p.contracted < 0) {
    ev.error(range, "this quantiser reads the Hessian of '" + p.name +
                        "', but " +
                        (p.dims.size() != 2
                             ? "it is no matrix: " + describe(p.dims)
                             : "the scores multiply along both of its axes"))
        .note(p.nameRange, "declared here")
        .help("give it a quantiser without 'h' ahead of this rule, as "
              "rounded(…) or half()");
    return std::nullopt;
  }
  mlir::Location loc = ev.location(range);
  if (p.contracted == 0) {
    Dims dims{p.dims[1], p.dims[1]};
    return ev.wrap(
        buildIdentity(ev.builder, loc, dims[0].size, ev.session.floatType),
        dims);
  }
  Dim n{p.contracted, {}};
  for (const Dim &d : p.dims)
    if (d.size == n.size)
      n.name = d.name;
  Dims dims{n, n};
  mlir::Value value = pg::LoadOp::create(
      ev.builder, loc, ev.typeOf(dims, Element::Float), p.name + ":hessian");
  return ev.wrap(value, dims);
}

std::optional<mlir::Value> QuantizeBuilder::apply(const RuleItem &rule,
                                                  const ParameterRecord &p) {
  std::vector<Actual> actuals = rule.actuals;
  SourceRange range = rule.rule->what->range;
  for (const ast::Formal &formal : rule.function.asFunction().fn->formals) {
    if (formal.name.text == "p") {
      // One load for all that reads it: nothing is differentiated here.
      mlir::Location loc = mlir::NameLoc::get(ev.builder.getStringAttr(p.name),
                                              ev.location(p.nameRange));
      mlir::Value value = pg::LoadOp::create(
          ev.builder, loc, ev.typeOf(p.dims, Element::Float), p.name);
      actuals.push_back({"p", ev.wrap(value, p.dims), range});
    } else if (formal.name.text == "h") {
      auto hessian = hessianOf(rule, p);
      if (!hessian)
        return std::nullopt;
      actuals.push_back({"h", *hessian, range});
    }
  }
  Value result =
      ev.call(rule.function, actuals, range, rule.rule->what->callee->range);
  if (result.isPoison())
    return std::nullopt;
  auto tensor = ev.toTensor(result, Element::Float, range, "a quantiser");
  if (!tensor)
    return std::nullopt;
  if (describe(tensor->dims, false) != describe(p.dims, false)) {
    ev.error(range, "the decoder gives " + describe(tensor->dims) + " for '" +
                        p.name + "' of the shape " + describe(p.dims));
    return std::nullopt;
  }
  return ev.load(*tensor, range);
}

bool QuantizeBuilder::evaluateRules() {
  bool good = true;
  for (const ParameterRecord &p : ev.session.parameters.all()) {
    const RuleItem *rule = section.ruleOf(p);
    if (!rule)
      continue; // said by checkCoverage
    SourceRange range = rule->rule->what->range;
    std::optional<mlir::Value> value;
    if (rule->function.isFunction()) {
      value = apply(*rule, p);
    } else if (p.scored) {
      ev.error(range, "'" + p.name +
                          "' cannot be dropped: the scores depend "
                          "on it")
          .note(p.nameRange, "declared here");
    } else {
      value = pg::ConstantOp::create(ev.builder, ev.location(range),
                                     ev.typeOf(p.dims, Element::Float), 0.0);
    }
    good &= value.has_value();
    if (value)
      decoders.push_back(
          {&p,
           rule,
           pg::StoreOp::create(ev.builder, ev.location(range), *value, p.name),
           {},
           {}});
  }
  finishFunction(function, ev.builder, {}, {});
  if (!good)
    return false;
  // Two leaves of the same values would be stored twice.
  mlir::IRRewriter rewriter(function.getContext());
  mlir::DominanceInfo dominance(function);
  mlir::eliminateCommonSubExpressions(rewriter, dominance, function);
  return true;
}

//===----------------------------------------------------------------------===//
// Leaves
//===----------------------------------------------------------------------===//

/// Walks from a decoder's result to its leaves.
bool QuantizeBuilder::collect(Decoder &decoder, mlir::Value value,
                              llvm::SetVector<mlir::Value> &leaves) {
  mlir::Operation *op = value.getDefiningOp();
  if (isLeaf(op)) {
    leaves.insert(value);
    return true;
  }
  if (decoder.ops.contains(op))
    return true;
  SourceRange range = decoder.rule->rule->what->range;
  const std::string &name = decoder.parameter->name;
  if (llvm::isa<pg::LoadOp>(op)) {
    ev.error(range, "the decoder of '" + name +
                        "' reads more than what is stored: the weights or "
                        "their Hessian themselves")
        .note(decoder.rule->function.asFunction().fn->name.range,
              "what this function returns is evaluated when the artifact is "
              "loaded")
        .help("what the artifact is to hold of a value is written f16(…), or "
              "codes(…, lo, hi) for whole numbers");
    return false;
  }
  if (llvm::isa<pg::SolvedOp>(op)) {
    ev.error(range, "the decoder of '" + name + "' depends on '" +
                        ev.pass.solved->name +
                        "', which 'solve' raises: the artifact would be read "
                        "with the file's value")
        .help("store what depends on it: f16(…)");
    return false;
  }
  for (mlir::Value operand : op->getOperands())
    if (!collect(decoder, operand, leaves))
      return false;
  decoder.ops.insert(op);
  return true;
}

bool QuantizeBuilder::findLeaves() {
  bool good = true;
  for (Decoder &decoder : decoders) {
    llvm::SetVector<mlir::Value> leaves;
    good &= collect(decoder, decoder.store.getValue(), leaves);
    decoder.leaves = leaves.takeVector();
    llvm::sort(decoder.leaves, [](mlir::Value a, mlir::Value b) {
      return a.getDefiningOp()->isBeforeInBlock(b.getDefiningOp());
    });
  }
  return good;
}

void QuantizeBuilder::storeLeaves() {
  for (Decoder &decoder : decoders) {
    mlir::OpBuilder b(decoder.store);
    for (auto [i, leaf] : llvm::enumerate(decoder.leaves))
      pg::StoreOp::create(b, leaf.getLoc(), leaf,
                          leafName(*decoder.parameter, i));
    decoder.store.erase();
  }
  removeDeadOps(function);
}

void QuantizeBuilder::buildDecode(mlir::ModuleOp module) {
  auto decode = startFunction(ev.session, module, "decode", "decode", "", {});
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(&decode.getBody().front());
  for (Decoder &decoder : decoders) {
    mlir::IRMapping map;
    for (auto [i, leaf] : llvm::enumerate(decoder.leaves))
      map.map(leaf, pg::LoadOp::create(
                        b, leaf.getLoc(),
                        llvm::cast<mlir::RankedTensorType>(leaf.getType()),
                        leafName(*decoder.parameter, i))
                        .getResult());
    for (mlir::Operation *op : decoder.ops) // operands come first
      b.clone(*op, map);
    pg::StoreOp::create(b, decoder.store.getLoc(),
                        map.lookup(decoder.store.getValue()),
                        decoder.parameter->name);
  }
  finishFunction(decode, b, {}, {});
}

//===----------------------------------------------------------------------===//
// Variables
//===----------------------------------------------------------------------===//

static mlir::DictionaryAttr describeLeaf(mlir::Builder &b, mlir::Value leaf) {
  auto named = [&](llvm::StringRef name, mlir::Attribute value) {
    return b.getNamedAttr(name, value);
  };
  auto codes = leaf.getDefiningOp<pg::CodesOp>();
  if (!codes)
    return b.getDictionaryAttr(named("kind", b.getStringAttr("f16")));
  return b.getDictionaryAttr({named("kind", b.getStringAttr("codes")),
                              named("lo", b.getI64IntegerAttr(codes.getLo())),
                              named("hi", b.getI64IntegerAttr(codes.getHi()))});
}

void QuantizeBuilder::declareVariables(mlir::ModuleOp module, bool hessians) {
  mlir::SymbolTable symbols(module);
  mlir::OpBuilder b = mlir::OpBuilder::atBlockBegin(module.getBody());
  for (auto variable : module.getOps<pg::VariableOp>())
    b.setInsertionPointAfter(variable);
  for (Decoder &decoder : decoders) {
    const ParameterRecord &p = *decoder.parameter;
    for (auto [i, leaf] : llvm::enumerate(decoder.leaves)) {
      std::string name = leafName(p, i);
      if (symbols.lookup(name))
        continue;
      auto variable = pg::VariableOp::create(
          b, leaf.getLoc(), name,
          llvm::cast<mlir::RankedTensorType>(leaf.getType()), "leaf");
      variable->setAttr("leaf", describeLeaf(b, leaf));
    }
  }
  if (!hessians)
    return;
  for (auto load : function.getOps<pg::LoadOp>())
    if (load.getVariable().ends_with(":hessian"))
      pg::VariableOp::create(b, load.getLoc(), load.getVariable(),
                             load.getType(), "hessian");
}

void QuantizeBuilder::markParameters(mlir::ModuleOp module) {
  for (Decoder &decoder : decoders)
    if (auto variable =
            module.lookupSymbol<pg::VariableOp>(decoder.parameter->name))
      variable->setAttr("quantizer", mlir::StringAttr::get(module.getContext(),
                                                           decoder.rule->text));
}

//===----------------------------------------------------------------------===//

bool buildQuantize(Session &session, mlir::ModuleOp module, bool quantize,
                   bool decode) {
  auto function =
      startFunction(session, module, "quantize", "quantize", "", {});
  Pass pass;
  pass.switches.assign(session.switches.size(), true);
  pass.training = false;
  pass.place = "pack";
  PackSection pack;
  {
    Evaluator ev(session, pass, &function.getBody().front());
    pack = readPack(ev);
  }
  pass.place = "quantize";
  pass.quantizes = true;
  pass.solved = pack.solve;
  Evaluator ev(session, pass, &function.getBody().front());
  unsigned errors = session.diagnostics.numErrors();
  QuantizeSection section = readQuantize(ev);
  QuantizeBuilder builder(ev, section, function);
  if (session.diagnostics.numErrors() != errors || !builder.evaluateRules() ||
      !builder.findLeaves())
    return false;
  builder.markParameters(module);
  builder.declareVariables(module, quantize);
  if (decode)
    builder.buildDecode(module);
  builder.storeLeaves();
  if (!quantize)
    function.erase();
  return session.diagnostics.numErrors() == errors;
}

} // namespace pgc
