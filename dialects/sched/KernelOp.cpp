// sched.kernel and sched.call: syntax and verification.
#include "dialects/sched/GpuLaunch.h"
#include "dialects/sched/Sched.h"
#include "mlir/IR/Builders.h"
#include "mlir/Interfaces/FunctionImplementation.h"

using namespace mlir;
using namespace pg::sched;

void KernelOp::build(OpBuilder &builder, OperationState &state, StringRef name,
                     StringRef kind, TypeRange operandTypes, int64_t scalars,
                     ArrayRef<StringRef> resultModes) {
  state.addAttribute(SymbolTable::getSymbolAttrName(),
                     builder.getStringAttr(name));
  state.addAttribute("kind", builder.getStringAttr(kind));
  state.addAttribute("result_modes", builder.getStrArrayAttr(resultModes));
  state.addAttribute("scalars", builder.getI64IntegerAttr(scalars));
  Region *body = state.addRegion();
  Block *block = new Block;
  body->push_back(block);
  for (Type type : operandTypes)
    block->addArgument(type, state.location);
  for (int64_t i = 0; i < scalars; ++i)
    block->addArgument(builder.getF64Type(), state.location);
}

ParseResult KernelOp::parse(OpAsmParser &parser, OperationState &result) {
  StringAttr name;
  SmallVector<OpAsmParser::Argument> arguments;
  if (parser.parseSymbolName(name, SymbolTable::getSymbolAttrName(),
                             result.attributes) ||
      parser.parseArgumentList(arguments, OpAsmParser::Delimiter::Paren,
                               /*allowType=*/true) ||
      parser.parseOptionalAttrDictWithKeyword(result.attributes))
    return failure();
  return parser.parseRegion(*result.addRegion(), arguments);
}

void KernelOp::print(OpAsmPrinter &p) {
  p << ' ';
  p.printSymbolName(getSymName());
  p << '(';
  llvm::interleaveComma(getBlock().getArguments(), p,
                        [&](BlockArgument a) { p.printRegionArgument(a); });
  p << ')';
  SmallVector<StringRef> elided{SymbolTable::getSymbolAttrName()};
  if (getScalars() == 0)
    elided.push_back("scalars");
  p.printOptionalAttrDictWithKeyword((*this)->getAttrs(), elided);
  p << ' ';
  p.printRegion(getBody(), /*printEntryBlockArgs=*/false);
}

LogicalResult KernelOp::verify() {
  static constexpr StringLiteral kinds[] = {
      "rows",  "product",    "attention", "attention_grad",
      "embed", "embed_grad", "loops"};
  if (!llvm::is_contained(kinds, getKind()))
    return emitOpError("has unknown kind '") << getKind() << "'";
  for (auto mode : getResultModes().getAsValueRange<StringAttr>())
    if (mode != "store" && mode != "accumulate")
      return emitOpError("has unknown result mode '") << mode << "'";
  if (getChunks() && *getChunks() < 1)
    return emitOpError("needs at least one chunk");
  if (getScratch() && *getScratch() < 0)
    return emitOpError("cannot have negative scratch");
  if (getGpu() && getLibrary())
    return emitOpError("is either a GPU's launch or a library's product");
  auto emitError = [&] { return emitOpError("has "); };
  if (getGpu() && failed(GpuLaunch::get(*getGpu(), emitError)))
    return failure();
  if (getLibrary() && failed(LibraryProduct::get(*getLibrary(), emitError)))
    return failure();
  return success();
}

LogicalResult KernelOp::verifyRegions() {
  int64_t n = getBlock().getNumArguments(), scalars = getScalars();
  if (scalars < 0 || scalars > n)
    return emitOpError("has ")
           << n << " arguments, but states " << scalars << " scalars";
  for (auto [i, argument] : llvm::enumerate(getBlock().getArguments())) {
    if (static_cast<int64_t>(i) >= n - scalars) {
      if (!argument.getType().isF64())
        return emitOpError("argument ") << i << " is a scalar and must be f64";
    } else if (auto type = dyn_cast<RankedTensorType>(argument.getType());
               !type || !type.hasStaticShape()) {
      return emitOpError("argument ")
             << i << " must be a tensor of static shape";
    }
  }
  if (getBlock().empty() || !isa<YieldOp>(getBlock().back()))
    return emitOpError("must end in sched.yield");
  if (getYielded().size() != getResultModes().size())
    return emitOpError("yields ") << getYielded().size() << " results, but has "
                                  << getResultModes().size() << " result modes";
  for (Type type : getYielded().getTypes())
    if (!cast<RankedTensorType>(type).hasStaticShape())
      return emitOpError("results must have static shapes");
  if (getGpu()) {
    FailureOr<GpuLaunch> launch =
        GpuLaunch::get(*getGpu(), [&] { return emitOpError("has "); });
    int64_t buffers = getTensorArguments().size() + getYielded().size();
    for (const TensorMap &map : launch->tensorMaps)
      if (map.buffer >= buffers)
        return emitOpError("has a tensor map of buffer ")
               << map.buffer << ", which it lacks";
  }
  return success();
}

LogicalResult CallOp::verifySymbolUses(SymbolTableCollection &symbolTable) {
  auto kernel =
      symbolTable.lookupNearestSymbolFrom<KernelOp>(*this, getCalleeAttr());
  if (!kernel)
    return emitOpError("calls unknown kernel ") << getCallee();
  if (getOperandTypes() != TypeRange(kernel.getBlock().getArgumentTypes()))
    return emitOpError("operands do not fit kernel ") << getCallee();
  SmallVector<Type> stored;
  unsigned accumulated = 0;
  for (auto [i, type] : llvm::enumerate(kernel.getYielded().getTypes())) {
    if (!kernel.accumulates(i)) {
      stored.push_back(type);
      continue;
    }
    if (!getAccumulates() || accumulated >= getAccumulates()->size())
      return emitOpError("names too few variables to accumulate into");
    auto name = cast<FlatSymbolRefAttr>((*getAccumulates())[accumulated++]);
    Operation *variable = symbolTable.lookupNearestSymbolFrom(*this, name);
    if (!variable)
      return emitOpError("accumulates into unknown variable ") << name;
  }
  if (getAccumulates() && accumulated != getAccumulates()->size())
    return emitOpError("names too many variables to accumulate into");
  if (getResultTypes() != TypeRange(stored))
    return emitOpError("results do not fit kernel ") << getCallee();
  return success();
}

void CallOp::getEffects(
    SmallVectorImpl<MemoryEffects::EffectInstance> &effects) {
  if (getAccumulates() && !getAccumulates()->empty()) {
    effects.emplace_back(MemoryEffects::Read::get());
    effects.emplace_back(MemoryEffects::Write::get());
  }
}
