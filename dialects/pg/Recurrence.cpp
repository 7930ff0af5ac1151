// `pg.recur`: how it is built, checked, read and written.
#include "dialects/pg/Pg.h"

using namespace mlir;
using namespace pg;

int64_t RecurOp::countLayers(ArrayRef<int64_t> order) {
  return order.empty() ? 0 : *llvm::max_element(order) + 1;
}

int64_t RecurOp::countMerges(int64_t visits, int64_t skips) {
  return std::min(skips,
                  visits / 2); // the second half is never the shorter one
}

void RecurOp::build(OpBuilder &builder, OperationState &state, ValueRange init,
                    ArrayRef<int64_t> order, int64_t skips, ArrayAttr labels) {
  state.addOperands(init);
  state.addTypes(init.getTypes());
  Properties &properties = state.getOrAddProperties<Properties>();
  properties.order = builder.getDenseI64ArrayAttr(order);
  properties.skips = builder.getI64IntegerAttr(skips);
  properties.labels = labels;
  int64_t layers = countLayers(order),
          merges = countMerges(order.size(), skips);
  for (int64_t i = 0; i < layers + merges; ++i) {
    Block &block = state.addRegion()->emplaceBlock();
    for (int times = 0; times < (i < layers ? 1 : 2); ++times)
      for (Value value : init)
        block.addArgument(value.getType(), value.getLoc());
  }
}

LogicalResult RecurOp::verify() {
  ArrayRef<int64_t> order = getOrder();
  if (getInit().empty())
    return emitOpError("has no state");
  if (order.empty())
    return emitOpError("visits nothing");
  if (getSkips() < 0)
    return emitOpError("cannot have ") << getSkips() << " skips";
  if (getInit().getTypes() != getResultTypes())
    return emitOpError("returns what it takes: the types of the state and of "
                       "the results differ");
  if (getLabels() && getLabels()->size() != order.size())
    return emitOpError("needs a label for each of its ")
           << order.size() << " visits";
  SmallVector<bool> visited(countLayers(order));
  for (int64_t layer : order) {
    if (layer < 0)
      return emitOpError("has no layer ") << layer;
    visited[layer] = true;
  }
  if (llvm::is_contained(visited, false))
    return emitOpError("never visits layer ")
           << std::distance(visited.begin(), llvm::find(visited, false));
  int64_t expected = getNumLayers() + getNumMerges();
  if (static_cast<int64_t>(getBodies().size()) != expected)
    return emitOpError("needs ")
           << getNumLayers() << " layers and " << getNumMerges()
           << " merges, but has " << getBodies().size() << " regions";
  return success();
}

LogicalResult RecurOp::verifyRegions() {
  SmallVector<Type> state(getInit().getTypes()), pair(state);
  llvm::append_range(pair, state);
  for (auto [index, region] : llvm::enumerate(getBodies())) {
    bool isLayer = static_cast<int64_t>(index) < getNumLayers();
    if (region.getArgumentTypes() != TypeRange(isLayer ? state : pair))
      return emitOpError(isLayer ? "has a layer" : "has a merge")
             << " whose arguments are not "
             << (isLayer ? "the state" : "the state and a skip");
    auto yield = dyn_cast<YieldOp>(region.front().back());
    if (!yield)
      return emitOpError("has a region that does not end in pg.yield");
    if (yield.getState().getTypes() != TypeRange(state))
      return yield.emitOpError("must give the state that the recurrence takes");
  }
  return success();
}

void RecurOp::print(OpAsmPrinter &printer) {
  printer << '(' << getInit() << ") order [";
  llvm::interleaveComma(getOrder(), printer);
  printer << "] skips " << getSkips();
  if (getLabels())
    printer << " labels " << *getLabels();
  printer.printOptionalAttrDict((*this)->getAttrs(),
                                {"order", "skips", "labels"});
  printer << " : " << getInit().getTypes();
  for (auto [index, region] : llvm::enumerate(getBodies())) {
    bool isLayer = static_cast<int64_t>(index) < getNumLayers();
    if (index == 0)
      printer.printNewline();
    else
      printer << ' ';
    printer << (isLayer ? "layer (" : "merge (");
    llvm::interleaveComma(
        region.getArguments(), printer,
        [&](BlockArgument argument) { printer.printRegionArgument(argument); });
    printer << ") ";
    printer.printRegion(region, /*printEntryBlockArgs=*/false);
  }
}

ParseResult RecurOp::parse(OpAsmParser &parser, OperationState &state) {
  SmallVector<OpAsmParser::UnresolvedOperand> init;
  SmallVector<int64_t> order;
  int64_t skips;
  Properties &properties = state.getOrAddProperties<Properties>();
  auto parseVisit = [&] { return parser.parseInteger(order.emplace_back()); };
  if (parser.parseOperandList(init, OpAsmParser::Delimiter::Paren) ||
      parser.parseKeyword("order") ||
      parser.parseCommaSeparatedList(OpAsmParser::Delimiter::Square,
                                     parseVisit) ||
      parser.parseKeyword("skips") || parser.parseInteger(skips))
    return failure();
  properties.order = parser.getBuilder().getDenseI64ArrayAttr(order);
  properties.skips = parser.getBuilder().getI64IntegerAttr(skips);
  if (succeeded(parser.parseOptionalKeyword("labels")) &&
      parser.parseAttribute(properties.labels))
    return failure();
  SMLoc place = parser.getCurrentLocation();
  SmallVector<Type> types;
  if (parser.parseOptionalAttrDict(state.attributes) ||
      parser.parseColonTypeList(types) ||
      parser.resolveOperands(init, types, place, state.operands))
    return failure();
  state.addTypes(types);
  StringRef keyword;
  bool merging = false;
  while (succeeded(parser.parseOptionalKeyword(&keyword, {"layer", "merge"}))) {
    if (merging && keyword == "layer")
      return parser.emitError(parser.getCurrentLocation(),
                              "layers come before merges");
    merging = keyword == "merge";
    SmallVector<OpAsmParser::Argument> arguments;
    if (parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren,
                                 /*allowType=*/true) ||
        parser.parseRegion(*state.addRegion(), arguments))
      return failure();
  }
  return success();
}
