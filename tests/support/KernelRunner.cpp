// Compiles sched.kernels, runs them on random numbers, and compares with the
// interpreter.
#include "tests/support/KernelRunner.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/raw_ostream.h"
#include <cmath>
#include <cstring>
#include <dlfcn.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using pg::sched::KernelOp;

namespace pgtest {

MLIRContext &getTestContext() {
  static MLIRContext context;
  context.loadDialect<pg::PgDialect, pg::sched::SchedDialect,
                      arith::ArithDialect, func::FuncDialect>();
  return context;
}

namespace {

using KernelFunction = void (*)(int64_t, void *const *, const double *, void *);

/// A buffer as kernels see it: 64-byte aligned, and guarded on both sides.
class Buffer {
public:
  explicit Buffer(size_t bytes)
      : bytes(bytes), storage(bytes + 3 * 64 + 4096, guard) {
    start = reinterpret_cast<char *>(
        (reinterpret_cast<uintptr_t>(storage.data()) + 127) & ~uintptr_t(63));
  }
  bool isGuardIntact() const {
    auto whole = [](const char *from, const char *to) {
      return std::all_of(from, to, [](char c) { return c == guard; });
    };
    return whole(storage.data(), start) &&
           whole(start + bytes, storage.data() + storage.size());
  }
  char *data() { return start; }
  const size_t bytes;

private:
  // As a float32 and as a bf16 this pattern is NaN.
  static constexpr char guard = static_cast<char>(0xFF);
  std::vector<char> storage;
  char *start;
};

void writeElement(char *at, Type element, double x) {
  auto put = [&](auto value) { std::memcpy(at, &value, sizeof value); };
  if (element.isF64())
    return put(x);
  if (element.isF32())
    return put(static_cast<float>(x));
  if (element.isInteger(64))
    return put(static_cast<int64_t>(x));
  if (element.isInteger(1))
    return put(static_cast<char>(x != 0));
  float f = static_cast<float>(roundToBf16(x));
  uint32_t bits;
  std::memcpy(&bits, &f, 4);
  put(static_cast<uint16_t>(bits >> 16));
}

double readElement(const char *at, Type element) {
  auto get = [&](auto value) {
    std::memcpy(&value, at, sizeof value);
    return static_cast<double>(value);
  };
  if (element.isF64())
    return get(double());
  if (element.isF32())
    return get(float());
  if (element.isInteger(64))
    return get(int64_t());
  if (element.isInteger(1))
    return *at;
  uint16_t half;
  std::memcpy(&half, at, 2);
  uint32_t bits = static_cast<uint32_t>(half) << 16;
  float f;
  std::memcpy(&f, &bits, 4);
  return f;
}

size_t elementBytes(Type element) {
  return (element.getIntOrFloatBitWidth() + 7) / 8;
}

void write(Buffer &buffer, Type element, const Tensor &value) {
  for (int64_t i = 0; i < value.size(); ++i)
    writeElement(buffer.data() + i * elementBytes(element), element,
                 value.data[i]);
}

Tensor read(Buffer &buffer, RankedTensorType type) {
  Tensor result(type.getShape().vec());
  for (int64_t i = 0; i < result.size(); ++i)
    result.data[i] =
        readElement(buffer.data() + i * elementBytes(type.getElementType()),
                    type.getElementType());
  return result;
}

Tensor draw(RankedTensorType type, std::mt19937 &random,
            const KernelCheck &check) {
  Tensor result(type.getShape().vec());
  Type element = type.getElementType();
  std::normal_distribution<double> normal(check.mean, check.deviation);
  std::uniform_int_distribution<int64_t> integer(
      check.low, std::max(check.low, check.high - 1));
  for (double &x : result.data)
    x = element.isInteger(1)        ? static_cast<double>(random() & 1)
        : isa<IntegerType>(element) ? static_cast<double>(integer(random))
                                    : normal(random);
  return result;
}

/// `value` as memory holds it.
Tensor roundTrip(const Tensor &value, RankedTensorType type) {
  Buffer buffer(value.size() * elementBytes(type.getElementType()));
  write(buffer, type.getElementType(), value);
  return read(buffer, type);
}

std::string compare(const Tensor &got, const Tensor &wanted, double tolerance) {
  double largest = 1e-30;
  for (double x : wanted.data)
    if (std::isfinite(x))
      largest = std::max(largest, std::fabs(x));
  int64_t wrong = 0, first = -1;
  for (int64_t i = 0; i < wanted.size(); ++i) {
    double x = got.data[i], y = wanted.data[i];
    bool same = x == y || (std::isnan(x) && std::isnan(y)) ||
                std::fabs(x - y) <= tolerance * largest;
    if (!same && wrong++ == 0)
      first = i;
  }
  if (wrong == 0)
    return "";
  std::string text;
  llvm::raw_string_ostream(text)
      << wrong << " of " << wanted.size() << " elements differ, first at "
      << first << ": " << got.data[first] << ", should be "
      << wanted.data[first];
  return text;
}

/// A shared object in memory.
class Library {
public:
  explicit Library(llvm::StringRef bytes) : file(memfd_create("kernels", 0)) {
    if (file >= 0 && ::write(file, bytes.data(), bytes.size()) ==
                         static_cast<ssize_t>(bytes.size()))
      handle = dlopen(("/proc/self/fd/" + std::to_string(file)).c_str(),
                      RTLD_NOW | RTLD_LOCAL);
  }
  ~Library() {
    if (handle)
      dlclose(handle);
    if (file >= 0)
      close(file);
  }
  void *find(llvm::StringRef name) {
    return handle ? dlsym(handle, name.str().c_str()) : nullptr;
  }

private:
  int file;
  void *handle = nullptr;
};

std::string runKernel(KernelOp kernel, Library &library,
                      const KernelCheck &check) {
  auto function =
      reinterpret_cast<KernelFunction>(library.find(kernel.getSymName()));
  if (!function)
    return "the symbol is missing from the shared object";
  std::mt19937 random(check.seed);
  std::vector<Tensor> operands;
  std::vector<RankedTensorType> types;
  for (BlockArgument argument : kernel.getTensorArguments()) {
    types.push_back(cast<RankedTensorType>(argument.getType()));
    Tensor value = draw(types.back(), random, check);
    if (check.edit)
      check.edit(operands.size(), value);
    operands.push_back(roundTrip(value, types.back()));
  }
  size_t count = operands.size();
  std::vector<double> scalars = check.scalars;
  while (scalars.size() < static_cast<size_t>(kernel.getScalars()))
    scalars.push_back(0.5 + static_cast<double>(random() % 1000) / 1000);
  std::vector<Tensor> initial;
  for (auto [i, value] : llvm::enumerate(kernel.getYielded())) {
    auto type = cast<RankedTensorType>(value.getType());
    types.push_back(type);
    initial.push_back(
        kernel.accumulates(i)
            ? roundTrip(draw(type, random, check), type)
            : Tensor(type.getShape().vec(),
                     isa<FloatType>(type.getElementType()) ? NAN : 1));
  }

  std::vector<std::vector<Tensor>> runs;
  for (bool falling : {false, true}) {
    std::vector<Buffer> buffers;
    buffers.reserve(types.size() + 1);
    std::vector<void *> pointers;
    for (auto [i, type] : llvm::enumerate(types)) {
      buffers.emplace_back(type.getNumElements() *
                           elementBytes(type.getElementType()));
      write(buffers.back(), type.getElementType(),
            i < count ? operands[i] : initial[i - count]);
      pointers.push_back(buffers.back().data());
    }
    buffers.emplace_back(*kernel.getScratch());
    int64_t chunks = *kernel.getChunks();
    for (int64_t c = 0; c < chunks; ++c)
      function(falling ? chunks - 1 - c : c, pointers.data(), scalars.data(),
               buffers.back().data());
    for (auto [i, buffer] : llvm::enumerate(buffers))
      if (!buffer.isGuardIntact())
        return "it writes beyond " + (i < types.size()
                                          ? "buffer " + std::to_string(i)
                                          : "the scratch");
    for (size_t i = 0; i < count; ++i)
      if (std::string error =
              compare(read(buffers[i], types[i]), operands[i], 0);
          !error.empty())
        return "it changes operand " + std::to_string(i);
    runs.emplace_back();
    for (size_t i = count; i < types.size(); ++i)
      runs.back().push_back(read(buffers[i], types[i]));
  }

  std::vector<Tensor> arguments = operands;
  for (double x : scalars)
    arguments.push_back(Tensor({}, x));
  std::vector<Tensor> wanted = Interpreter().run(kernel.getBlock(), arguments);
  for (size_t i = 0; i < wanted.size(); ++i) {
    if (kernel.accumulates(i))
      for (int64_t k = 0; k < wanted[i].size(); ++k)
        wanted[i].data[k] += initial[i].data[k];
    wanted[i] = roundTrip(wanted[i], types[count + i]);
    double tolerance = types[count + i].getElementType().isBF16()
                           ? std::max(check.tolerance, 0.0079)
                           : check.tolerance;
    if (std::string error = compare(runs[0][i], wanted[i], tolerance);
        !error.empty())
      return "result " + std::to_string(i) + ": " + error;
    if (std::string error = compare(runs[0][i], runs[1][i], 0); !error.empty())
      return "result " + std::to_string(i) +
             " depends on the order of the chunks: " + error;
  }
  return "";
}

OwningOpRef<ModuleOp> parseAndPlan(llvm::StringRef text) {
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(text, &getTestContext());
  if (!module)
    return nullptr;
  for (KernelOp kernel : module->getOps<KernelOp>())
    if (failed(pgc::planKernel(kernel)))
      return nullptr;
  return module;
}

} // namespace

std::string checkKernels(llvm::StringRef text, const KernelCheck &check) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  if (!module)
    return "does not parse, or cannot be planned";
  for (const std::string &name : check.targets) {
    std::string error;
    bool dot = name == "wide+dot", wide = name == "wide" || dot;
    FailureOr<pgc::Target> target =
        pgc::getTarget(wide ? "x86-64-v3" : name, error);
    if (failed(target))
      return error;
    if (wide)
      target->vectorBits = 512;
    if (dot)
      target->bf16Dot = target->emulateDot = true;
    FailureOr<std::string> code = pgc::compileKernels(*module, *target, 1);
    if (failed(code))
      return "does not compile for " + name;
    Library library(*code);
    for (KernelOp kernel : module->getOps<KernelOp>())
      if (std::string wrong = runKernel(kernel, library, check); !wrong.empty())
        return ("@" + kernel.getSymName() + " for " + name + ": ").str() +
               wrong;
  }
  return "";
}

std::string compileToAssembly(llvm::StringRef text,
                              llvm::StringRef targetName) {
  OwningOpRef<ModuleOp> module = parseAndPlan(text);
  std::string error;
  FailureOr<pgc::Target> target = pgc::getTarget(targetName, error);
  if (!module || failed(target))
    return "";
  FailureOr<std::string> code =
      pgc::compileKernels(*module, *target, 1, /*assembly=*/true);
  return succeeded(code) ? *code : "";
}

} // namespace pgtest
