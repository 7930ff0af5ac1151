#include "compiler/passes/fusion/KernelLibrary.h"
#include "dialects/pg/Pg.h"
#include "mlir/IR/SymbolTable.h"

using namespace mlir;
using pg::sched::KernelOp;

namespace pgc {

KernelLibrary::~KernelLibrary() {
  for (Entry &entry : entries)
    if (entry.kernel && !entry.kernel->getBlock())
      entry.kernel->erase();
}

/// All that distinguishes a kernel, as a list of uniqued pointers and small
/// numbers.
KernelLibrary::Key KernelLibrary::makeKey(KernelOp kernel) {
  Key key;
  auto addNumber = [&](size_t n) {
    key.push_back(reinterpret_cast<const void *>(n));
  };
  llvm::DenseMap<Value, size_t> numbers;
  Block &block = kernel.getBlock();
  for (BlockArgument argument : block.getArguments()) {
    numbers.try_emplace(argument, numbers.size());
    key.push_back(argument.getType().getAsOpaquePointer());
  }
  for (NamedAttribute attribute : kernel->getAttrs()) {
    if (attribute.getName() == SymbolTable::getSymbolAttrName())
      continue;
    key.push_back(attribute.getName().getAsOpaquePointer());
    key.push_back(attribute.getValue().getAsOpaquePointer());
  }
  for (Operation &op : block) {
    key.push_back(op.getName().getAsOpaquePointer());
    key.push_back(op.getAttrDictionary().getAsOpaquePointer());
    addNumber(op.getNumOperands());
    for (Value operand : op.getOperands())
      addNumber(numbers.lookup(operand));
    for (Value result : op.getResults()) {
      numbers.try_emplace(result, numbers.size());
      key.push_back(result.getType().getAsOpaquePointer());
    }
  }
  return key;
}

KernelLibrary::Use KernelLibrary::add(KernelOp kernel,
                                      SmallVector<Slot> slots) {
  auto [found, isNew] = index.try_emplace(makeKey(kernel), entries.size());
  if (isNew)
    entries.push_back({kernel, {}, {}});
  else
    kernel->erase();
  Entry &entry = entries[found->second];
  entry.instances.push_back(std::move(slots));
  return {found->second, static_cast<unsigned>(entry.instances.size() - 1)};
}

/// Slots with one constant everywhere become that constant; slots that always
/// have the same number become one argument.
void KernelLibrary::settle(Entry &entry) {
  KernelOp kernel = entry.kernel;
  Block &block = kernel.getBlock();
  unsigned count = entry.instances.front().size(),
           tensors = block.getNumArguments() - count;
  llvm::BitVector unused(block.getNumArguments());
  for (unsigned i = 0; i < count; ++i) {
    BlockArgument argument = block.getArgument(tensors + i);
    auto agrees = [&](unsigned other) {
      return llvm::all_of(entry.instances, [&](auto &instance) {
        return instance[i] == instance[other];
      });
    };
    Slot &first = entry.instances.front()[i];
    bool isConstant =
        !first.stepValue && llvm::all_of(entry.instances, [&](auto &instance) {
          return instance[i] == first;
        });
    if (isConstant) {
      auto splat = cast<pg::SplatOp>(*argument.user_begin());
      OpBuilder b(splat);
      Value constant = pg::ConstantOp::create(
          b, splat.getLoc(), pg::getTensorType(splat.getResult()),
          first.constant);
      splat.getResult().replaceAllUsesWith(constant);
      splat->erase();
      unused.set(tensors + i);
      continue;
    }
    auto same = llvm::find_if(entry.arguments, agrees);
    if (same != entry.arguments.end()) {
      argument.replaceAllUsesWith(block.getArgument(tensors + *same));
      unused.set(tensors + i);
      continue;
    }
    entry.arguments.push_back(i);
  }
  block.eraseArguments(unused);
  kernel.setScalars(entry.arguments.size());
}

void KernelLibrary::finish() {
  llvm::StringMap<unsigned> counts;
  OpBuilder b = OpBuilder::atBlockEnd(module.getBody());
  for (Entry &entry : entries) {
    settle(entry);
    StringRef kind = entry.kernel.getKind();
    std::string name;
    do
      name = (kind + "_" + Twine(counts[kind]++)).str();
    while (module.lookupSymbol(name));
    entry.kernel.setSymName(name);
    b.insert(entry.kernel);
  }
}

SmallVector<Slot> KernelLibrary::getScalars(Use use) const {
  const Entry &entry = entries[use.kernel];
  SmallVector<Slot> scalars;
  for (unsigned slot : entry.arguments)
    scalars.push_back(entry.instances[use.instance][slot]);
  return scalars;
}

} // namespace pgc
