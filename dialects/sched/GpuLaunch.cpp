// The attributes `gpu` and `library` of sched.kernel, read and written.
#include "dialects/sched/GpuLaunch.h"
#include "mlir/IR/Builders.h"

using namespace mlir;
using namespace pg::sched;

namespace {

/// Takes the entries of a dictionary one by one, and finds what is left.
class Reader {
public:
  Reader(DictionaryAttr attr, EmitError emitError)
      : attr(attr), emitError(emitError) {}

  bool failed = false;

  int64_t number(StringRef name, int64_t least, int64_t otherwise) {
    auto value = take<IntegerAttr>(name, "a whole number");
    if (value && value.getInt() < least)
      fail() << "a '" << name << "' of " << value.getInt();
    return value ? value.getInt() : otherwise;
  }
  int64_t required(StringRef name, int64_t least) {
    demand(name);
    return number(name, least, least);
  }
  FlatSymbolRefAttr symbol(StringRef name) {
    return take<FlatSymbolRefAttr>(name, "a symbol");
  }
  DictionaryAttr dictionary(StringRef name) {
    demand(name);
    return take<DictionaryAttr>(name, "a dictionary");
  }
  bool flag(StringRef name) { return bool(take<UnitAttr>(name, "a unit")); }
  Type type(StringRef name) {
    demand(name);
    auto value = take<TypeAttr>(name, "a type");
    return value ? value.getValue() : Type();
  }
  ArrayRef<int64_t> numbers(StringRef name) {
    auto value = take<DenseI64ArrayAttr>(name, "an array<i64>");
    return value ? value.asArrayRef() : ArrayRef<int64_t>();
  }
  ArrayRef<Attribute> list(StringRef name) {
    auto value = take<ArrayAttr>(name, "a list");
    return value ? value.getValue() : ArrayRef<Attribute>();
  }
  InFlightDiagnostic fail() {
    failed = true;
    return emitError();
  }
  /// Whether all was well, and nothing is left.
  bool finish() {
    if (!failed && taken != attr.size())
      fail() << "unknown entries in " << attr;
    return !failed;
  }

private:
  void demand(StringRef name) {
    if (!failed && !attr.contains(name))
      fail() << "no '" << name << "' in " << attr;
  }
  template <typename Kind> Kind take(StringRef name, StringRef what) {
    Attribute value = failed ? nullptr : attr.get(name);
    if (!value)
      return nullptr;
    ++taken;
    auto typed = dyn_cast<Kind>(value);
    if (!typed)
      fail() << "a '" << name << "' that is not " << what << ": " << value;
    return typed;
  }

  DictionaryAttr attr;
  EmitError emitError;
  size_t taken = 0;
};

/// Builds a dictionary.
class Writer {
public:
  explicit Writer(MLIRContext *context) : b(context) {}
  void number(StringRef name, int64_t value) {
    entries.push_back(b.getNamedAttr(name, b.getI64IntegerAttr(value)));
  }
  void numbers(StringRef name, ArrayRef<int64_t> values) {
    entries.push_back(b.getNamedAttr(name, b.getDenseI64ArrayAttr(values)));
  }
  void type(StringRef name, Type value) {
    entries.push_back(b.getNamedAttr(name, TypeAttr::get(value)));
  }
  void flag(StringRef name, bool value) {
    if (value)
      entries.push_back(b.getNamedAttr(name, b.getUnitAttr()));
  }
  void symbol(StringRef name, FlatSymbolRefAttr value) {
    entries.push_back(b.getNamedAttr(name, value));
  }
  void dictionary(StringRef name, DictionaryAttr value) {
    entries.push_back(b.getNamedAttr(name, value));
  }
  void list(StringRef name, ArrayRef<Attribute> values) {
    entries.push_back(b.getNamedAttr(name, b.getArrayAttr(values)));
  }
  DictionaryAttr finish() { return b.getDictionaryAttr(entries); }

private:
  Builder b;
  SmallVector<NamedAttribute> entries;
};

} // namespace

static FailureOr<TensorMap> getTensorMap(Attribute attr, EmitError emitError) {
  auto dictionary = dyn_cast<DictionaryAttr>(attr);
  if (!dictionary)
    return emitError() << "a tensor map that is no dictionary: " << attr,
           failure();
  Reader reader(dictionary, emitError);
  TensorMap map;
  map.buffer = reader.required("buffer", 0);
  map.type = reader.type("type");
  map.sizes.assign(reader.numbers("sizes"));
  map.strides.assign(reader.numbers("strides"));
  map.box.assign(reader.numbers("box"));
  map.swizzle = reader.number("swizzle", 0, 0);
  if (!reader.failed && (map.sizes.empty() || map.sizes.size() > 5 ||
                         map.box.size() != map.sizes.size() ||
                         map.strides.size() + 1 != map.sizes.size()))
    reader.fail() << "a tensor map of " << map.sizes.size() << " sizes, "
                  << map.strides.size() << " strides and a box of "
                  << map.box.size() << " axes";
  if (!reader.finish())
    return failure();
  return map;
}

static FailureOr<GpuLaunch::Part> getPart(Attribute attr, EmitError emitError) {
  auto dictionary = dyn_cast<DictionaryAttr>(attr);
  if (!dictionary)
    return emitError() << "a part that is no dictionary: " << attr, failure();
  Reader reader(dictionary, emitError);
  GpuLaunch::Part part;
  part.kernel = reader.symbol("kernel");
  part.gpu = reader.dictionary("gpu");
  if (!reader.failed && !part.kernel)
    reader.fail() << "a part without a kernel: " << attr;
  if (!reader.finish() || failed(GpuLaunch::get(part.gpu, emitError)))
    return failure();
  return part;
}

FailureOr<GpuLaunch> GpuLaunch::get(DictionaryAttr attr, EmitError emitError) {
  Reader reader(attr, emitError);
  GpuLaunch launch;
  ArrayRef<int64_t> grid = reader.numbers("grid");
  if (!reader.failed &&
      (grid.size() != 3 || llvm::any_of(grid, [](int64_t n) { return n < 1; })))
    reader.fail() << "no 'grid' of three numbers of blocks in " << attr;
  if (grid.size() == 3)
    llvm::copy(grid, launch.grid.begin());
  launch.threads = reader.required("threads", 1);
  launch.sharedBytes = reader.number("shared", 0, 0);
  launch.cluster = reader.number("cluster", 1, 1);
  if (!reader.failed &&
      (launch.threads > 1024 || launch.grid[0] % launch.cluster != 0))
    reader.fail() << "blocks or clusters of a size that no GPU has: " << attr;
  for (Attribute map : reader.list("tensor_maps")) {
    FailureOr<TensorMap> read = getTensorMap(map, emitError);
    if (mlir::failed(read))
      return failure();
    launch.tensorMaps.push_back(*read);
  }
  launch.copies = reader.number("copies", 2, 1);
  launch.copyOf = reader.symbol("copy_of");
  if (!reader.failed && (launch.copies > 1) != bool(launch.copyOf))
    reader.fail() << "one of 'copies' and 'copy_of' without the other: "
                  << attr;
  for (Attribute part : reader.list("parts")) {
    FailureOr<Part> read = getPart(part, emitError);
    if (mlir::failed(read))
      return failure();
    launch.parts.push_back(*read);
  }
  if (!reader.finish())
    return failure();
  return launch;
}

DictionaryAttr GpuLaunch::toAttr(MLIRContext *context) const {
  Writer writer(context);
  writer.numbers("grid", grid);
  writer.number("threads", threads);
  if (sharedBytes != 0)
    writer.number("shared", sharedBytes);
  if (cluster != 1)
    writer.number("cluster", cluster);
  if (copies != 1) {
    writer.number("copies", copies);
    writer.symbol("copy_of", copyOf);
  }
  SmallVector<Attribute> maps;
  for (const TensorMap &map : tensorMaps) {
    Writer each(context);
    each.number("buffer", map.buffer);
    each.type("type", map.type);
    each.numbers("sizes", map.sizes);
    each.numbers("strides", map.strides);
    each.numbers("box", map.box);
    if (map.swizzle != 0)
      each.number("swizzle", map.swizzle);
    maps.push_back(each.finish());
  }
  if (!maps.empty())
    writer.list("tensor_maps", maps);
  SmallVector<Attribute> list;
  for (const Part &part : parts) {
    Writer each(context);
    each.dictionary("gpu", part.gpu);
    each.symbol("kernel", part.kernel);
    list.push_back(each.finish());
  }
  if (!list.empty())
    writer.list("parts", list);
  return writer.finish();
}

int64_t pg::sched::getCopies(KernelOp kernel) {
  auto copies = kernel.getGpu() ? kernel.getGpu()->getAs<IntegerAttr>("copies")
                                : IntegerAttr();
  return copies ? copies.getInt() : 1;
}

FailureOr<LibraryProduct> LibraryProduct::get(DictionaryAttr attr,
                                              EmitError emitError) {
  Reader reader(attr, emitError);
  LibraryProduct product;
  product.m = reader.required("m", 1);
  product.n = reader.required("n", 1);
  product.k = reader.required("k", 1);
  product.batch = reader.number("batch", 1, 1);
  product.transposeA = reader.flag("transpose_a");
  product.transposeB = reader.flag("transpose_b");
  product.accumulate = reader.flag("accumulate");
  product.aType = reader.type("a_type");
  product.bType = reader.type("b_type");
  product.dType = reader.type("d_type");
  product.strideA = reader.number("stride_a", 0, 0);
  product.strideB = reader.number("stride_b", 0, 0);
  product.strideD = reader.number("stride_d", 0, 0);
  if (!reader.finish())
    return failure();
  return product;
}

DictionaryAttr LibraryProduct::toAttr(MLIRContext *context) const {
  Writer writer(context);
  writer.number("m", m);
  writer.number("n", n);
  writer.number("k", k);
  if (batch != 1)
    writer.number("batch", batch);
  writer.flag("transpose_a", transposeA);
  writer.flag("transpose_b", transposeB);
  writer.flag("accumulate", accumulate);
  writer.type("a_type", aType);
  writer.type("b_type", bType);
  writer.type("d_type", dType);
  for (auto [name, stride] : {std::pair("stride_a", strideA),
                              {"stride_b", strideB},
                              {"stride_d", strideD}})
    if (stride != 0)
      writer.number(name, stride);
  return writer.finish();
}
