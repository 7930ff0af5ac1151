#include "compiler/frontend/ModelFunctions.h"
#include "compiler/frontend/LossTerms.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace pgc {

using ast::SectionKind;

mlir::func::FuncOp startFunction(Session &session, mlir::ModuleOp module,
                                 llvm::StringRef name, llvm::StringRef role,
                                 llvm::StringRef phase,
                                 llvm::ArrayRef<mlir::Type> arguments) {
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(module.getBody());
  auto function =
      mlir::func::FuncOp::create(b, mlir::UnknownLoc::get(&session.context),
                                 name, b.getFunctionType(arguments, {}));
  if (!role.empty())
    function->setAttr("pg.role", b.getStringAttr(role));
  if (!phase.empty())
    function->setAttr("pg.phase", b.getStringAttr(phase));
  function.addEntryBlock();
  return function;
}

void finishFunction(mlir::func::FuncOp function, mlir::OpBuilder &builder,
                    llvm::ArrayRef<mlir::Value> results,
                    llvm::ArrayRef<std::string> names) {
  mlir::func::ReturnOp::create(builder, function.getLoc(), results);
  llvm::SmallVector<mlir::Type> types;
  for (mlir::Value v : results)
    types.push_back(v.getType());
  function.setFunctionType(
      builder.getFunctionType(function.getArgumentTypes(), types));
  for (auto [i, name] : llvm::enumerate(names))
    function.setResultAttr(i, "pg.name", builder.getStringAttr(name));
}

static void removeDeadOps(mlir::Block &block) {
  for (mlir::Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    bool unused = op.use_empty() && !op.hasTrait<mlir::OpTrait::IsTerminator>();
    if (unused && mlir::wouldOpBeTriviallyDead(&op)) {
      op.erase();
      continue;
    }
    for (mlir::Region &region : op.getRegions())
      for (mlir::Block &inner : region)
        removeDeadOps(inner);
  }
}

void removeDeadOps(mlir::func::FuncOp function) {
  for (mlir::Block &block : function.getBody())
    removeDeadOps(block);
}

/// Runs the statements of `model`, and of what they inherit.
static void runModel(Evaluator &ev, int level) {
  const auto &stack = ev.session.program.section(SectionKind::Model);
  const ast::Section &section = *stack[level].section;
  auto outer = ev.inheritedModel;
  ev.inheritedModel = [&ev, level] {
    if (level > 0)
      runModel(ev, level - 1);
  };
  Value result;
  bool before = ev.stopped();
  if (ev.run(section.body, ev.newScope(nullptr), result) ==
          Evaluator::Flow::Returned &&
      !before && !result.isPoison())
    ev.error(section.keywordRange, "'model' returns nothing; it has outputs");
  ev.inheritedModel = outer;
}

/// The output `logits`, checked: floats [B, T, V].
static std::optional<Tensor> findLogits(Evaluator &ev, int64_t batch,
                                        int64_t seq) {
  SourceRange range = ev.session.program.section(SectionKind::Model)
                          .back()
                          .section->keywordRange;
  const Value *logits = nullptr;
  for (auto &[name, value] : ev.outputs)
    if (name == "logits")
      logits = &value;
  if (!logits) {
    ev.error(range, "'model' has no output 'logits'")
        .help("output logits = …;  of shape [B, T, V]");
    return std::nullopt;
  }
  if (logits->isPoison())
    return std::nullopt;
  bool fits = logits->isTensor();
  if (fits) {
    const Dims &dims = logits->asTensor().dims;
    fits = dims.size() == 3 && dims[0].size == batch && dims[1].size == seq;
  }
  if (!fits) {
    ev.error(range,
             "the output 'logits' is [B, T, V]; this is " + describe(*logits));
    return std::nullopt;
  }
  return ev.convert(logits->asTensor(), Element::Float, range);
}

/// What a function of the model is called in IR.
static llvm::StringRef roleName(EmitRequest::Role role) {
  switch (role) {
  case EmitRequest::Role::Score:
    return "score";
  case EmitRequest::Role::Logits:
    return "logits";
  case EmitRequest::Role::Adapt:
    return "adapt";
  default:
    return "forward";
  }
}

/// The nll of each position; of the last ones alone if the request says so.
static mlir::Value buildNll(Evaluator &ev, mlir::Value logits,
                            const ModelRequest &request,
                            mlir::Location location) {
  mlir::Value nll =
      pg::TokenNllOp::create(ev.builder, location, logits, ev.pass.targets);
  if (request.scored == 0 || request.scored == request.seq)
    return nll;
  int64_t offsets[] = {0, request.seq - request.scored},
          sizes[] = {request.batch, request.scored};
  return pg::SliceOp::create(ev.builder, location, nll, offsets, sizes);
}

ModelTrace buildModel(Session &session, mlir::ModuleOp module,
                      const ModelRequest &request) {
  using Role = EmitRequest::Role;
  ModelTrace trace;
  auto ids =
      mlir::RankedTensorType::get({request.batch, request.seq},
                                  mlir::IntegerType::get(&session.context, 64));
  // Logits are those of tokens alone: there is no target to read.
  llvm::SmallVector<mlir::Type> arguments(request.role == Role::Logits ? 1 : 2,
                                          ids);
  auto function =
      startFunction(session, module, request.name, roleName(request.role),
                    request.phase, arguments);
  mlir::Block *block = &function.getBody().front();
  Pass pass;
  pass.switches = request.switches;
  pass.training = request.role == Role::Forward;
  pass.adapting = request.adapting;
  pass.tokens = block->getArgument(0);
  if (request.role != Role::Logits)
    pass.targets = block->getArgument(1);
  Evaluator ev(session, pass, block);
  unsigned errors = session.diagnostics.numErrors();
  auto failed = [&] { return session.diagnostics.numErrors() != errors; };

  const auto &models = session.program.section(SectionKind::Model);
  runModel(ev, int(models.size()) - 1);
  std::optional<Tensor> logits;
  if (!failed())
    logits = findLogits(ev, request.batch, request.seq);
  trace.declared = ev.declared;
  if (failed() || !logits)
    return trace;

  std::vector<mlir::Value> results;
  std::vector<std::string> names;
  SourceRange place = models.back().section->keywordRange;
  if (request.role != Role::Forward) {
    mlir::Value z = ev.load(*logits, place);
    mlir::Location at = ev.location(place);
    if (request.role == Role::Score) {
      z = buildNll(ev, z, request, at);
      if (request.scored != 0)
        function->setAttr("pg.scored",
                          ev.builder.getI64IntegerAttr(request.scored));
    } else if (request.role == Role::Adapt) {
      z = pg::CrossEntropyOp::create(ev.builder, at, z, pass.targets);
    }
    results.push_back(z);
    names.push_back(request.role == Role::Score    ? "nll"
                    : request.role == Role::Logits ? "logits"
                                                   : "loss");
  } else {
    ev.pass.place = "loss";
    std::optional<Loss> loss = evaluateLoss(ev);
    trace.declared = ev.declared;
    if (failed() || !loss)
      return trace;
    results.push_back(loss->value);
    names.push_back("loss");
    trace.terms = loss->exprs;
    for (auto &[name, value] : loss->terms) {
      results.push_back(value);
      names.push_back("term." + name);
    }
    if (request.wantLogits) {
      results.push_back(ev.load(*logits, place));
      names.push_back("logits");
    }
  }
  finishFunction(function, ev.builder, results, names);
  removeDeadOps(function);
  std::set<std::string> loaded;
  function.walk(
      [&](pg::LoadOp load) { loaded.insert(load.getVariable().str()); });
  for (const ParameterRecord *p : ev.declared)
    if (loaded.count(p->name))
      trace.reached.push_back(p);
  trace.function = function;
  trace.origins = std::move(ev.origins);
  trace.firstReads = std::move(ev.firstReads);
  return trace;
}

} // namespace pgc
