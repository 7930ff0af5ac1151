// The conversions to LLVM's dialect, LLVM's optimizer and its code generator.
#include "compiler/target/Lower.h"
#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/NVVMToLLVM/NVVMToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Target/LLVMIR/Dialect/Builtin/BuiltinToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Dialect/LLVMIR/LLVMToLLVMIRTranslation.h"
#include "mlir/Target/LLVMIR/Export.h"
#include "mlir/Transforms/DialectConversion.h"
#include "llvm/IR/DiagnosticHandler.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/LegacyPassManager.h"
#include "llvm/IR/Module.h"
#include "llvm/MC/TargetRegistry.h"
#include "llvm/Passes/PassBuilder.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/Target/TargetMachine.h"
#include <mutex>

using namespace mlir;

namespace pgc {

/// What makes a kernel of a function is LLVM's dialect's alone to say.
static void markKernels(ModuleOp module) {
  for (auto function : module.getOps<LLVM::LLVMFuncOp>()) {
    auto threads = function->getAttrOfType<IntegerAttr>(gpuThreadsAttr);
    if (!threads)
      continue;
    Builder b(module.getContext());
    function->removeAttr(gpuThreadsAttr);
    function->setAttr(NVVM::NVVMDialect::getKernelFuncAttrName(),
                      b.getUnitAttr());
    function->setAttr(
        NVVM::NVVMDialect::getReqntidAttrName(),
        b.getDenseI32ArrayAttr({static_cast<int32_t>(threads.getInt())}));
    // With it ptxas knows how many registers a thread begins with, which those
    // of tensor-core kernels then exchange.
    function->setAttr(NVVM::NVVMDialect::getMinctasmAttrName(),
                      b.getI32IntegerAttr(1));
    // Which of a launch's parts a block does is found by halving.
    function.setPassthroughAttr(
        b.getArrayAttr({b.getStrArrayAttr({"no-jump-tables", "true"})}));
    for (unsigned i = 0; i < function.getNumArguments(); ++i)
      if (function.getArgAttr(i, LLVM::LLVMDialect::getByValAttrName()))
        function.setArgAttr(i, NVVM::NVVMDialect::getGridConstantAttrName(),
                            b.getUnitAttr());
  }
}

LogicalResult lowerToLLVM(ModuleOp module) {
  MLIRContext *context = module.getContext();
  context->loadDialect<cf::ControlFlowDialect, LLVM::LLVMDialect,
                       NVVM::NVVMDialect>();
  {
    RewritePatternSet patterns(context);
    populateSCFToControlFlowConversionPatterns(patterns);
    ConversionTarget target(*context);
    target.addIllegalDialect<scf::SCFDialect>();
    target.markUnknownOpDynamicallyLegal([](Operation *) { return true; });
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      return failure();
  }
  { // Operations that are spelled as assembly text.
    RewritePatternSet patterns(context);
    populateNVVMToLLVMConversionPatterns(patterns);
    ConversionTarget target(*context);
    target.addLegalDialect<LLVM::LLVMDialect>();
    if (failed(applyPartialConversion(module, target, std::move(patterns))))
      return failure();
  }
  LLVMTypeConverter types(context);
  RewritePatternSet patterns(context);
  arith::populateArithToLLVMConversionPatterns(types, patterns);
  populateVectorToLLVMConversionPatterns(types, patterns);
  cf::populateControlFlowToLLVMConversionPatterns(types, patterns);
  populateFuncToLLVMConversionPatterns(types, patterns);
  LLVMConversionTarget target(*context);
  target.addLegalOp<ModuleOp>();
  target.addLegalDialect<NVVM::NVVMDialect>();
  if (failed(applyFullConversion(module, target, std::move(patterns))))
    return failure();
  // What kernels call of each other's objects is nobody else's.
  for (auto function : module.getOps<LLVM::LLVMFuncOp>())
    if (SymbolTable::getSymbolVisibility(function) ==
        SymbolTable::Visibility::Private)
      function.setVisibility_(LLVM::Visibility::Hidden);
  markKernels(module);
  return success();
}

/// LLVM's code generators register once in a process.
static void initializeTargets() {
  static std::once_flag once;
  std::call_once(once, [] {
    LLVMInitializeX86TargetInfo();
    LLVMInitializeX86Target();
    LLVMInitializeX86TargetMC();
    LLVMInitializeX86AsmPrinter();
    LLVMInitializeNVPTXTargetInfo();
    LLVMInitializeNVPTXTarget();
    LLVMInitializeNVPTXTargetMC();
    LLVMInitializeNVPTXAsmPrinter();
    // Kernels are emitted with the accesses they should have; joining them
    // would read between what was written.
    auto &flags = llvm::cl::getRegisteredOptions();
    if (auto *flag = flags.lookup("disable-nvptx-load-store-vectorizer"))
      static_cast<llvm::cl::opt<bool> *>(flag)->setValue(true);
  });
}

static void optimize(llvm::Module &module, llvm::TargetMachine &machine,
                     bool unroll) {
  llvm::PipelineTuningOptions options;
  // Kernels are emitted as machine vectors: the vectorizers would only spend
  // time, and on a CPU unrolling too.
  options.LoopVectorization = false;
  options.SLPVectorization = false;
  options.LoopUnrolling = unroll;
  llvm::PassBuilder builder(&machine, options);
  llvm::LoopAnalysisManager loops;
  llvm::FunctionAnalysisManager functions;
  llvm::CGSCCAnalysisManager components;
  llvm::ModuleAnalysisManager modules;
  builder.registerModuleAnalyses(modules);
  builder.registerCGSCCAnalyses(components);
  builder.registerFunctionAnalyses(functions);
  builder.registerLoopAnalyses(loops);
  builder.crossRegisterProxies(loops, functions, components, modules);
  builder.buildPerModuleDefaultPipeline(llvm::OptimizationLevel::O3)
      .run(module, modules);
}

namespace {
/// Reads stack sizes and spills off the remarks that the code generator makes
/// on each function.
class FrameReader : public llvm::DiagnosticHandler {
public:
  explicit FrameReader(std::vector<FunctionFrame> &frames) : frames(frames) {}

  bool isAnalysisRemarkEnabled(StringRef pass) const override {
    return pass == "prologepilog";
  }
  bool isMissedOptRemarkEnabled(StringRef pass) const override {
    return pass == "regalloc";
  }
  bool isAnyRemarkEnabled() const override { return true; }

  bool handleDiagnostics(const llvm::DiagnosticInfo &info) override {
    auto *remark = dyn_cast<llvm::DiagnosticInfoOptimizationBase>(&info);
    if (!remark)
      return false;
    // Those of the allocator on single loops are part of the function's.
    if (remark->getRemarkName() != "StackSize" &&
        remark->getRemarkName() != "SpillReloadCopies")
      return true;
    FunctionFrame &frame = frameOf(remark->getFunction().getName());
    for (const auto &argument : remark->getArgs()) {
      int64_t number = 0;
      if (StringRef(argument.Val).getAsInteger(10, number))
        continue;
      if (argument.Key == "NumStackBytes")
        frame.stackBytes = number;
      else if (argument.Key == "NumSpills" || argument.Key == "NumFoldedSpills")
        frame.spills += number;
      else if (argument.Key == "NumReloads" ||
               argument.Key == "NumFoldedReloads")
        frame.reloads += number;
    }
    return true;
  }

private:
  FunctionFrame &frameOf(StringRef name) {
    for (FunctionFrame &frame : frames)
      if (frame.name == name)
        return frame;
    frames.push_back({name.str()});
    return frames.back();
  }
  std::vector<FunctionFrame> &frames;
};
} // namespace

FailureOr<std::string> compileModule(ModuleOp module, const Target &target,
                                     CodeForm form,
                                     std::vector<FunctionFrame> &frames) {
  initializeTargets();
  llvm::LLVMContext context;
  context.setDiagnosticHandler(std::make_unique<FrameReader>(frames));
  std::unique_ptr<llvm::Module> code =
      translateModuleToLLVMIR(module, context, "kernels");
  if (!code)
    return module.emitError("cannot be translated to LLVM IR"), failure();

  // Without a triple LLVM does not know the C library's functions, and turns a
  // zero fill into a loop over bytes.
  llvm::Triple triple(target.triple);
  std::string error;
  const llvm::Target *backend =
      llvm::TargetRegistry::lookupTarget(triple, error);
  if (!backend)
    return module.emitError("LLVM cannot compile for ")
               << target.triple << ": " << error,
           failure();
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Standard;
  std::unique_ptr<llvm::TargetMachine> machine(backend->createTargetMachine(
      triple, target.cpu, target.features, options, llvm::Reloc::PIC_,
      std::nullopt, llvm::CodeGenOptLevel::Aggressive));
  code->setTargetTriple(triple);
  code->setDataLayout(machine->createDataLayout());
  for (llvm::Function &function : *code) {
    if (function.isDeclaration())
      continue;
    function.addFnAttr("target-cpu", target.cpu);
    if (!target.features.empty())
      function.addFnAttr("target-features", target.features);
    // LLVM prefers narrower vectors on some AVX-512 machines; kernels are laid
    // out for the width that they name.
    if (!target.isGpu())
      function.addFnAttr("prefer-vector-width",
                         std::to_string(target.vectorBits));
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
  optimize(*code, *machine, target.isGpu());

  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream stream(bytes);
  llvm::legacy::PassManager passes;
  if (machine->addPassesToEmitFile(passes, stream, nullptr,
                                   form == CodeForm::Object
                                       ? llvm::CodeGenFileType::ObjectFile
                                       : llvm::CodeGenFileType::AssemblyFile))
    return module.emitError("LLVM cannot write code for ") << target.triple,
           failure();
  passes.run(*code);
  return std::string(bytes.begin(), bytes.end());
}

} // namespace pgc
