// loadProgram: reads, traces every phase once, checks, and keeps what emission
// needs.
#include "compiler/frontend/AstPrinter.h"
#include "compiler/frontend/BatchSplit.h"
#include "compiler/frontend/Frontend.h"
#include "compiler/frontend/ModelFunctions.h"
#include "compiler/frontend/NameCheck.h"
#include "compiler/frontend/Phases.h"
#include "compiler/frontend/Sections.h"
#include "compiler/frontend/Warnings.h"
#include "dialects/pg/WeightUse.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "llvm/Support/Path.h"
#include <sstream>

namespace pgc {

namespace {

class FrontendProgram : public Program {
public:
  FrontendProgram(const FrontendOptions &options) {
    theName = llvm::sys::path::stem(options.file).str();
  }

  bool load(const FrontendOptions &options, mlir::MLIRContext &context,
            llvm::raw_ostream &os);

  llvm::StringRef name() const override { return theName; }
  const std::string &source() const override { return flattened; }
  const TrainSettings &train() const override { return settings; }
  llvm::ArrayRef<std::string> switches() const override { return switchNames; }
  llvm::ArrayRef<Phase> phases() const override { return thePhases; }
  llvm::ArrayRef<ParameterInfo> parameters() const override { return infos; }
  llvm::ArrayRef<LossTermInfo> lossTerms() const override { return terms; }
  int64_t parameterCount() const override;
  int64_t vocabulary() const override { return vocab; }
  std::optional<int64_t> leastMicroBatch() const override {
    int64_t least = 1;
    for (const auto &[phase, split] : splits) {
      if (!split)
        return std::nullopt;
      least = std::max(least, split->sequences);
    }
    return least;
  }
  llvm::ArrayRef<SectionItem> items() const override { return others.items; }
  llvm::ArrayRef<EvaluationInfo> evaluations() const override {
    return others.evaluations;
  }
  bool quantizes() const override {
    return !program->section(ast::SectionKind::Quantize).empty();
  }
  int64_t calibrationBatches() const override { return batches; }
  mlir::OwningOpRef<mlir::ModuleOp> emit(mlir::MLIRContext &context,
                                         llvm::ArrayRef<EmitRequest> requests,
                                         llvm::raw_ostream &os) override;

private:
  bool check();
  bool checkStructure();
  bool checkConstants(mlir::Block *scratch);
  bool tracePhases(mlir::ModuleOp scratch);
  void noteScored(const ModelTrace &score);
  bool checkQuantize(Evaluator &ev, mlir::ModuleOp scratch);
  void noteTerms(const std::string &phase,
                 const std::vector<TracedTerm> &traced);
  void describeParameters(const std::vector<RuleItem> &optimizers);
  void warnOfDeadParameters();
  bool checkAdapts(mlir::ModuleOp scratch);
  bool checkRequests(llvm::ArrayRef<EmitRequest> requests);
  void addVariables(mlir::ModuleOp module,
                    llvm::ArrayRef<EmitRequest> requests);
  void addAttributes(mlir::ModuleOp module);
  void addInit(mlir::ModuleOp module, llvm::ArrayRef<EmitRequest> requests);
  bool emitOne(mlir::ModuleOp module, const EmitRequest &request);
  bool emitModel(mlir::ModuleOp module, const EmitRequest &request,
                 const std::string &phase, const std::vector<bool> &on);
  const std::vector<const ParameterRecord *> *
  reachedIn(const std::string &phase, const std::vector<bool> &on);
  bool flush(llvm::raw_ostream &os) {
    std::ostringstream text;
    diagnostics.printNew(text);
    os << text.str();
    return !diagnostics.hasErrors();
  }

  SourceManager sources;
  DiagnosticEngine diagnostics{sources};
  std::unique_ptr<SourceProgram> program;
  std::unique_ptr<Session> session;
  std::string theName, flattened;
  int64_t vocab = 0;
  TrainSettings settings;
  bool averages = false;
  std::map<std::string, std::optional<BatchSplit>> splits; // by phase
  int64_t batches = 0;                                     // of calibration
  PackSection packing;
  std::vector<std::string> switchNames;
  std::vector<Phase> thePhases;
  std::vector<ParameterInfo> infos;
  std::vector<LossTermInfo> terms;
  /// By parameter: the terms that give it a gradient in some phase.
  std::map<std::string, std::vector<std::string>> reachedBy;
  OtherSections others;
  /// By phase: the parameters that its loss depends on.
  std::map<std::string, std::vector<const ParameterRecord *>> reached;
  /// The parameters that scores depend on.
  std::vector<const ParameterRecord *> scored;
  /// By evaluation: those of them that its test-time training changes.
  std::vector<std::vector<const ParameterRecord *>> adapted;
};

} // namespace

int64_t FrontendProgram::parameterCount() const {
  int64_t count = 0;
  for (const ParameterInfo &info : infos)
    count += info.elements();
  return count;
}

bool FrontendProgram::load(const FrontendOptions &options,
                           mlir::MLIRContext &context, llvm::raw_ostream &os) {
  context.loadDialect<pg::PgDialect, mlir::func::FuncDialect,
                      mlir::arith::ArithDialect, mlir::math::MathDialect>();
  diagnostics.useColor(options.color);
  if (options.warningsAsErrors)
    diagnostics.treatWarningsAsErrors();
  program = pgc::load(options.file, options.defines, sources, diagnostics);
  if (!flush(os) || !program)
    return false;
  session = std::make_unique<Session>(*program, sources, diagnostics, context);
  if (options.doubles)
    session->floatType = mlir::Float64Type::get(&context);
  bool good = check();
  return flush(os) && good;
}

/// Sections that a program cannot do without.
bool FrontendProgram::checkStructure() {
  using ast::SectionKind;
  SourceRange start{program->mainFile, 0, 0};
  for (SectionKind kind :
       {SectionKind::Model, SectionKind::Loss, SectionKind::Train})
    if (program->section(kind).empty())
      diagnostics.error(start, std::string("there is no '") +
                                   ast::spelling(kind) +
                                   "' section, here or in what is included");
  if (session->switches.size() > 8)
    diagnostics.error(session->switches[8]->range,
                      "at most 8 switches are possible");
  return !diagnostics.hasErrors();
}

/// Assertions, and that overrides keep the kind of a number.
bool FrontendProgram::checkConstants(mlir::Block *scratch) {
  Pass pass;
  pass.switches.assign(session->switches.size(), true);
  pass.place = "assert";
  Evaluator ev(*session, pass, scratch);
  for (const auto &symbol : program->symbols) {
    const std::vector<Definition> &stack = symbol->stack;
    if (symbol->kind != SymbolKind::Constant || stack.size() < 2)
      continue;
    auto isNumber = [](const ast::Expr &e) {
      auto *sign = llvm::dyn_cast<ast::Unary>(&e);
      const ast::Expr &inner = sign ? *sign->operand : e;
      return llvm::isa<ast::Integer, ast::Float>(inner);
    };
    const ast::Let &first = stack[0].let(), &last = stack.back().let();
    if (!isNumber(*first.value))
      continue;
    Value before = ev.constant(*symbol, 0, first.value->range);
    Value after = ev.constant(*symbol, stack.size() - 1, last.value->range);
    bool same = before.isInteger() ? after.isInteger()
                                   : after.isNumber() || after.isStep();
    if (!after.isPoison() && before.isNumber() && !same)
      ev.error(last.value->range, "'" + symbol->name + "' is " +
                                      before.kindName().str() + "; this is " +
                                      after.kindName().str())
          .note(Symbol::nameRange(stack[0]), "declared here");
  }
  if (diagnostics.hasErrors())
    return false;
  Scope &scope = ev.newScope(nullptr);
  for (const ast::Assert *assertion : program->assertions)
    ev.checkAssert(*assertion, scope);
  return !diagnostics.hasErrors();
}

/// Traces every phase, which finds the parameters.
bool FrontendProgram::tracePhases(mlir::ModuleOp scratch) {
  ModelRequest request;
  request.batch = settings.sequencesPerPart();
  request.seq = settings.seq;
  DeadSkips skips;
  for (const Phase &phase : thePhases) {
    if (!phase.trains)
      continue;
    request.name = "forward." + phase.name;
    request.phase = phase.name;
    request.switches = phase.switches;
    ModelTrace trace = buildModel(*session, scratch, request);
    if (!trace.function)
      return false;
    for (const ParameterRecord *p : trace.declared)
      session->parameters.find(p->name)->trained = true;
    reached[phase.name] = trace.reached;
    noteTerms(phase.name, traceTerms(*session, trace));
    warnOfBoundaryReads(*session, trace);
    skips.add(phase.name, trace);
    splits[phase.name] = splitBatch(trace.function);
  }
  request.name = "score";
  request.phase = "";
  request.role = EmitRequest::Role::Score;
  request.switches.assign(session->switches.size(), true);
  ModelTrace score = buildModel(*session, scratch, request);
  if (!score.function)
    return false;
  noteScored(score);
  checkCausality(*session, score);
  scored = score.reached;
  score.function.walk([&](pg::TokenNllOp nll) {
    vocab = llvm::cast<mlir::RankedTensorType>(nll.getZ().getType())
                .getShape()
                .back();
  });
  skips.warn(*session);
  return !diagnostics.hasErrors();
}

/// Runs the rules of test-time training once, which finds their states.
bool FrontendProgram::checkAdapts(mlir::ModuleOp scratch) {
  for (unsigned i = 0; i < others.evaluations.size(); ++i) {
    adapted.push_back(findAdapted(others.adapts[i], scored));
    if (others.evaluations[i].kind == "ttt" &&
        !buildAdaptUpdate(*session, scratch,
                          "adapt_update." + std::to_string(i), i, scored))
      return false;
  }
  return !diagnostics.hasErrors();
}

/// Notes which parameters the scores read, and what they multiply with them.
void FrontendProgram::noteScored(const ModelTrace &score) {
  for (const ParameterRecord *p : score.reached)
    session->parameters.find(p->name)->scored = true;
  std::map<ParameterRecord *, int64_t> axes;
  score.function->walk([&](mlir::Operation *op) {
    auto use = pg::getWeightUse(op);
    ParameterRecord *p =
        use ? session->parameters.find(use->weight.getVariable()) : nullptr;
    if (!p)
      return;
    auto [axis, isFirst] = axes.try_emplace(p, use->axis);
    if (isFirst)
      p->contracted = use->contracted;
    else if (axis->second != use->axis)
      p->contracted = -1;
  });
}

/// Builds the quantisers once, which checks them.
bool FrontendProgram::checkQuantize(Evaluator &ev, mlir::ModuleOp scratch) {
  if (!quantizes())
    return true;
  QuantizeSection section = readQuantize(ev);
  if (diagnostics.hasErrors() || !buildQuantize(*session, scratch, true, true))
    return false;
  for (const ParameterRecord &p : session->parameters.all())
    if (const RuleItem *rule = section.ruleOf(p);
        rule && section.readsHessian(*rule) && p.contracted > 0)
      batches = section.batches;
  return true;
}

void FrontendProgram::noteTerms(const std::string &phase,
                                const std::vector<TracedTerm> &traced) {
  for (const TracedTerm &term : traced) {
    auto known = llvm::find_if(
        terms, [&](const LossTermInfo &t) { return t.name == term.name; });
    if (known == terms.end())
      known = terms.insert(terms.end(),
                           {term.name, sources.place(term.expr->range), {}});
    if (!term.parameters.empty())
      known->phases.push_back(phase);
    for (const std::string &parameter : term.parameters) {
      std::vector<std::string> &by = reachedBy[parameter];
      if (!llvm::is_contained(by, term.name))
        by.push_back(term.name);
    }
  }
}

/// Fills `infos`.
void FrontendProgram::describeParameters(
    const std::vector<RuleItem> &optimizers) {
  for (const ParameterRecord &p : session->parameters.all()) {
    ParameterInfo info;
    info.name = p.name;
    info.group = p.group;
    info.place = sources.place(p.nameRange);
    for (const Dim &d : p.dims)
      info.shape.push_back(d.size);
    auto rule = llvm::find_if(
        optimizers, [&](const RuleItem &item) { return item.fits(p); });
    if (p.trained && rule != optimizers.end())
      info.optimizer = rule->rule->what->calleeName();
    info.reachedBy = reachedBy[p.name];
    for (const Phase &phase : thePhases)
      if (auto found = reached.find(phase.name);
          found != reached.end() && llvm::is_contained(found->second, &p))
        info.phases.push_back(phase.name);
    infos.push_back(std::move(info));
  }
}

void FrontendProgram::warnOfDeadParameters() {
  std::set<const ParameterRecord *> used;
  for (auto &[phase, parameters] : reached)
    used.insert(parameters.begin(), parameters.end());
  for (const ParameterRecord &p : session->parameters.all())
    if (p.trained && !used.count(&p))
      diagnostics.warning(p.nameRange, "dead-parameter",
                          "the parameter '" + p.name +
                              "' is dead: no result depends on it in any "
                              "phase");
}

bool FrontendProgram::check() {
  if (!checkStructure())
    return false;
  checkNames(*session);
  if (diagnostics.hasErrors())
    return false;
  mlir::OwningOpRef<mlir::ModuleOp> scratch =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&session->context));
  auto function = startFunction(*session, *scratch, "settings", "", "", {});
  mlir::Block *block = &function.getBody().front();
  if (!checkConstants(block))
    return false;
  std::vector<Value> conditions = evaluateSwitches(*session);
  if (diagnostics.hasErrors())
    return false;
  for (const ast::Switch *s : session->switches)
    switchNames.push_back(s->name.text);
  thePhases = findPhases(*session, conditions);

  Pass pass;
  pass.switches.assign(session->switches.size(), true);
  pass.place = "train";
  Evaluator ev(*session, pass, block);
  std::optional<TrainSection> train = readTrain(ev);
  if (!train)
    return false;
  settings = train->settings;
  averages = train->average.has_value();
  if (!tracePhases(*scratch))
    return false;
  checkCoverage(ev, ast::SectionKind::Train, train->rules, true);
  others = readOtherSections(ev);
  packing = readPack(ev);
  if (diagnostics.hasErrors() || !checkAdapts(*scratch) ||
      !checkQuantize(ev, *scratch))
    return false;
  for (const Phase &phase : thePhases)
    if (phase.trains &&
        !buildUpdate(*session, *scratch, "update." + phase.name, phase.name,
                     phase.switches, reached[phase.name]))
      return false;
  warnOfDeadParameters();
  warnOfUnusedConstants(*session);
  describeParameters(train->rules);
  flattened = printFlattened(*program);
  return !diagnostics.hasErrors();
}

void FrontendProgram::addVariables(mlir::ModuleOp module,
                                   llvm::ArrayRef<EmitRequest> requests) {
  using Role = EmitRequest::Role;
  bool trains = false;
  std::set<const ParameterRecord *> differentiated;
  std::set<unsigned> adapting;
  for (const EmitRequest &request : requests) {
    trains |= request.role == Role::Update || request.role == Role::Forward;
    if (request.role != Role::AdaptUpdate && request.role != Role::Adapt)
      continue;
    adapting.insert(request.evaluation);
    differentiated.insert(adapted[request.evaluation].begin(),
                          adapted[request.evaluation].end());
  }
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(module.getBody());
  auto add = [&](const std::string &name, const Dims &dims,
                 llvm::StringRef space, SourceRange range) {
    llvm::SmallVector<int64_t> shape;
    for (const Dim &d : dims)
      shape.push_back(d.size);
    auto type = mlir::RankedTensorType::get(shape, session->floatType);
    return pg::VariableOp::create(b, session->location(range), name, type,
                                  space);
  };
  for (const ParameterRecord &p : session->parameters.all()) {
    auto variable = add(p.name, p.dims, "parameter", p.nameRange);
    variable.setGroup(p.group);
    variable.setInitAttr(p.init);
  }
  for (const ParameterRecord &p : session->parameters.all())
    if ((trains && p.trained) || differentiated.count(&p))
      add(p.name + ":grad", p.dims, "gradient", p.nameRange);
  for (const StateRecord &s : session->states.all()) {
    if (s.evaluation ? !adapting.count(*s.evaluation) : !trains)
      continue;
    auto variable = add(s.name, s.dims, "state", {});
    variable.setInitAttr(s.init);
    if (s.evaluation)
      variable->setAttr("pg.evaluation", b.getI64IntegerAttr(*s.evaluation));
  }
  if (averages && trains)
    for (const ParameterRecord &p : session->parameters.all())
      if (p.trained)
        add(p.name + ":average", p.dims, "average", p.nameRange);
}

void FrontendProgram::addAttributes(mlir::ModuleOp module) {
  mlir::Builder b(&session->context);
  auto named = [&](llvm::StringRef key, mlir::Attribute value) {
    return b.getNamedAttr(key, value);
  };
  const TrainSettings &t = settings;
  module->setAttr(
      "pg.train",
      b.getDictionaryAttr(
          {named("data", b.getStringAttr(t.dataName)),
           named("order", b.getStringAttr(t.order)),
           named("seq", b.getI64IntegerAttr(t.seq)),
           named("batch_tokens", b.getI64IntegerAttr(t.batchTokens)),
           named("parts", b.getI64IntegerAttr(t.parts)),
           named("seconds", b.getF64FloatAttr(t.seconds)),
           named("reserve", b.getF64FloatAttr(t.reserve)),
           named("steps", b.getI64IntegerAttr(t.steps))}));
  llvm::SmallVector<mlir::Attribute> list;
  for (const std::string &name : switchNames)
    list.push_back(b.getDictionaryAttr(
        {named("name", b.getStringAttr(name)),
         named("condition", mlir::FlatSymbolRefAttr::get(&session->context,
                                                         "switch." + name))}));
  module->setAttr("pg.switches", b.getArrayAttr(list));
  module->setAttr("pg.vocabulary", b.getI64IntegerAttr(vocab));
  llvm::SmallVector<mlir::Attribute> codecs;
  for (const PackSection::Codec &codec : packing.codecs)
    codecs.push_back(b.getDictionaryAttr(
        {named("name", b.getStringAttr(codec.name)),
         named("argument", b.getI64IntegerAttr(codec.argument))}));
  if (!packing.items.empty())
    module->setAttr(
        "pg.pack",
        b.getDictionaryAttr(
            {named("codecs", b.getArrayAttr(codecs)),
             named("cap", b.getI64IntegerAttr(packing.cap)),
             named("solve",
                   b.getStringAttr(packing.solve ? packing.solve->name : "")),
             named("zero_ones", b.getF64FloatAttr(packing.zeroOnes))}));
  module->setAttr("pg.model", b.getStringAttr(theName));
  module->setAttr("pg.source", b.getStringAttr(flattened));
}

/// Appends @init if training starts from values that are computed.
void FrontendProgram::addInit(mlir::ModuleOp module,
                              llvm::ArrayRef<EmitRequest> requests) {
  bool trains = llvm::any_of(requests, [](const EmitRequest &request) {
    return request.role == EmitRequest::Role::Forward;
  });
  if (!trains || !session->initModule)
    return;
  auto functions = session->initModule->getOps<mlir::func::FuncOp>();
  mlir::func::FuncOp init =
      llvm::cast<mlir::func::FuncOp>((*functions.begin())->clone());
  module.push_back(init);
  mlir::OpBuilder b = mlir::OpBuilder::atBlockEnd(&init.getBody().front());
  finishFunction(init, b, {}, {});
  removeDeadOps(init);
  if (init.getOps<pg::StoreOp>().empty())
    init.erase();
}

const std::vector<const ParameterRecord *> *
FrontendProgram::reachedIn(const std::string &phase,
                           const std::vector<bool> &on) {
  auto it = reached.find(phase);
  if (it != reached.end())
    return &it->second;
  // A phase that cannot occur, but was asked for.
  mlir::OwningOpRef<mlir::ModuleOp> scratch =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&session->context));
  ModelRequest request;
  request.name = "forward";
  request.phase = phase;
  request.switches = on;
  request.batch = settings.sequencesPerPart();
  request.seq = settings.seq;
  ModelTrace trace = buildModel(*session, *scratch, request);
  if (!trace.function)
    return nullptr;
  return &(reached[phase] = trace.reached);
}

/// Whether all requests for test-time training name an item that has it.
bool FrontendProgram::checkRequests(llvm::ArrayRef<EmitRequest> requests) {
  using Role = EmitRequest::Role;
  for (const EmitRequest &request : requests) {
    bool adapts =
        request.role == Role::Adapt || request.role == Role::AdaptUpdate;
    if (!adapts || (request.evaluation < others.evaluations.size() &&
                    others.evaluations[request.evaluation].kind == "ttt"))
      continue;
    diagnostics.error({}, "item " + std::to_string(request.evaluation) +
                              " of 'evaluate' is no 'ttt'");
    return false;
  }
  return true;
}

bool FrontendProgram::emitOne(mlir::ModuleOp module,
                              const EmitRequest &request) {
  using Role = EmitRequest::Role;
  std::vector<bool> on(switchNames.size(), true);
  std::string phase;
  if (request.role == Role::AdaptUpdate)
    return bool(buildAdaptUpdate(
        *session, module, request.name.empty() ? "adapt_update" : request.name,
        request.evaluation, scored));
  if (request.role == Role::Quantize || request.role == Role::Decode)
    return buildQuantize(*session, module, request.role == Role::Quantize,
                         request.role == Role::Decode);
  if (request.role == Role::Forward || request.role == Role::Update) {
    auto parsed = parsePhase(*session, request.phase);
    if (!parsed) {
      diagnostics.error({}, "there is no phase '" + request.phase + "'");
      return false;
    }
    on = *parsed;
    phase = phaseName(*session, on);
  }
  if (request.role == Role::Update) {
    auto *parameters = reachedIn(phase, on);
    std::string name = request.name.empty() ? "update." + phase : request.name;
    return parameters &&
           buildUpdate(*session, module, name, phase, on, *parameters);
  }
  return emitModel(module, request, phase, on);
}

bool FrontendProgram::emitModel(mlir::ModuleOp module,
                                const EmitRequest &request,
                                const std::string &phase,
                                const std::vector<bool> &on) {
  using Role = EmitRequest::Role;
  ModelRequest model;
  bool captures = request.role == Role::Capture;
  model.role = captures ? Role::Score : request.role;
  model.name = !request.name.empty()           ? request.name
               : captures                      ? "capture"
               : request.role == Role::Score   ? "score"
               : request.role == Role::Logits  ? "logits"
               : request.role == Role::Forward ? "forward." + phase
                                               : "adapt";
  model.phase = phase;
  model.switches = on;
  model.batch = request.batch;
  model.seq = request.seq;
  model.wantLogits = request.wantLogits;
  model.scored = request.scored;
  if (model.batch < 1 || model.seq < 1 ||
      model.batch > (int64_t(1) << 40) / model.seq) {
    diagnostics.error({}, "no program has tokens of the shape [" +
                              std::to_string(model.batch) + ", " +
                              std::to_string(model.seq) + "]");
    return false;
  }
  if (model.scored < 0 || model.scored > model.seq) {
    diagnostics.error({}, "no program scores the last " +
                              std::to_string(model.scored) + " of " +
                              std::to_string(model.seq) + " positions");
    return false;
  }
  mlir::func::FuncOp function = buildModel(*session, module, model).function;
  mlir::Builder b(&session->context);
  if (function && captures) {
    function->setAttr("pg.role", b.getStringAttr("capture"));
    function->setAttr("pg.batches", b.getI64IntegerAttr(batches));
  }
  if (function && request.role == Role::Forward && request.micros > 1) {
    const BatchSplit &split = *splits.at(phase);
    if (split.gathers)
      removeDeadOps(buildMeasure(function, phase));
    joinMicroBatches(function, split, phase, request.micros);
    removeDeadOps(function);
  }
  if (!function || request.role != Role::Adapt)
    return bool(function);
  // Gradients of parameters that no rule is for are not needed.
  llvm::SmallVector<mlir::Attribute> frozen;
  for (const ParameterRecord *p : scored)
    if (!llvm::is_contained(adapted[request.evaluation], p))
      frozen.push_back(b.getStringAttr(p->name));
  if (!frozen.empty())
    function->setAttr("pg.frozen", b.getArrayAttr(frozen));
  return true;
}

mlir::OwningOpRef<mlir::ModuleOp>
FrontendProgram::emit(mlir::MLIRContext &context,
                      llvm::ArrayRef<EmitRequest> requests,
                      llvm::raw_ostream &os) {
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  if (!checkRequests(requests)) {
    flush(os);
    return nullptr;
  }
  addVariables(*module, requests);
  addAttributes(*module);
  bool good = buildScalarFunctions(*session, *module);
  for (const EmitRequest &request : requests)
    good = good && emitOne(*module, request);
  if (good)
    addInit(*module, requests);
  flush(os);
  if (!good)
    return nullptr;
  return module;
}

std::unique_ptr<Program> loadProgram(const FrontendOptions &options,
                                     mlir::MLIRContext &context,
                                     llvm::raw_ostream &diagnostics) {
  auto program = std::make_unique<FrontendProgram>(options);
  if (!program->load(options, context, diagnostics))
    return nullptr;
  return program;
}

} // namespace pgc
