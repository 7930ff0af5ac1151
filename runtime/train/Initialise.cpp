#include "runtime/train/Initialise.h"
#include "runtime/plan/PlanCheck.h"
#include "runtime/plan/Scalars.h"
#include "runtime/support/Error.h"
#include "runtime/support/Philox.h"
#include "runtime/train/Orthogonal.h"

#include <algorithm>
#include <deque>
#include <numeric>

namespace pgrt {

static int64_t
elementsOf(const google::protobuf::RepeatedField<int64_t> &shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t(1),
                         std::multiplies<int64_t>());
}

namespace {
/// One piece of the work of initialisation: a whole matrix, or a range of
/// elements that are drawn or set alone.
struct Piece {
  const plan::Init *init;
  const std::string *name;
  const google::protobuf::RepeatedField<int64_t> *shape;
  plan::Type type;
  void *to;
  int64_t begin, count;
  double cost;
};
} // namespace

static void fillPiece(const Piece &piece, uint64_t seed, float *out) {
  switch (piece.init->kind_case()) {
  case plan::Init::kConstant: {
    const auto &values = piece.init->constant().values();
    for (int64_t i = 0; i < piece.count; ++i)
      out[i] = float(values.Get(values.size() == 1 ? 0 : int(piece.begin + i)));
    return;
  }
  case plan::Init::kNormal:
    PhiloxStream(seed, *piece.name)
        .normals(uint64_t(piece.begin), piece.count,
                 float(piece.init->normal().std()), out);
    return;
  case plan::Init::kOrthogonal:
    fillOrthogonal(PhiloxStream(seed, *piece.name), piece.shape->Get(0),
                   piece.shape->Get(1), piece.init->orthogonal().scale(), out);
    return;
  default:
    return;
  }
}

// Draws are float also in plans of double, so that all numerics start from the
// same weights; constants keep their digits.
static void runPiece(Device &device, const Piece &piece, uint64_t seed) {
  if (piece.type == plan::F32) {
    float *to = static_cast<float *>(piece.to) + piece.begin;
    if (void *view = device.hostView(to))
      return fillPiece(piece, seed, static_cast<float *>(view));
    std::vector<float> values(static_cast<size_t>(piece.count));
    fillPiece(piece, seed, values.data());
    device.write(to, values.data(), piece.count * 4);
    return;
  }
  std::vector<double> wide(static_cast<size_t>(piece.count));
  if (piece.init->has_constant()) {
    const auto &constants = piece.init->constant().values();
    for (int64_t i = 0; i < piece.count; ++i)
      wide[size_t(i)] =
          constants.Get(constants.size() == 1 ? 0 : int(piece.begin + i));
  } else {
    std::vector<float> values(static_cast<size_t>(piece.count));
    fillPiece(piece, seed, values.data());
    std::copy(values.begin(), values.end(), wide.begin());
  }
  device.write(static_cast<double *>(piece.to) + piece.begin, wide.data(),
               piece.count * 8);
}

template <typename Variable>
static void addPieces(std::vector<Piece> &pieces, const Executor &executor,
                      const Variable &variable) {
  constexpr int64_t pieceElements = 1 << 18;
  Piece piece{&variable.init(),
              &variable.name(),
              &variable.shape(),
              variable.type(),
              executor.address(variable.slot()),
              0,
              elementsOf(variable.shape()),
              0};
  if (piece.init->has_constant() && piece.init->constant().values_size() == 1 &&
      piece.init->constant().values(0) == 0)
    return; // arenas are zero
  if (piece.init->has_orthogonal()) {
    double small = double(std::min(variable.shape(0), variable.shape(1)));
    piece.cost = 4 * double(piece.count) * small;
    pieces.push_back(piece);
    return;
  }
  for (int64_t total = piece.count; piece.begin < total;
       piece.begin += pieceElements) {
    piece.count = std::min(pieceElements, total - piece.begin);
    piece.cost = double(piece.count);
    pieces.push_back(piece);
  }
}

static void initialise(Executor &executor, uint64_t seed, bool parameters) {
  std::vector<Piece> pieces;
  if (parameters)
    for (const plan::Parameter &parameter : executor.plan().parameters())
      addPieces(pieces, executor, parameter);
  for (const plan::State &state : executor.plan().states())
    if (state.has_init())
      addPieces(pieces, executor, state);
  // The longest first, so that no thread is left alone with one at the end.
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece &a, const Piece &b) { return a.cost > b.cost; });
  executor.device().onHostThreads(int64_t(pieces.size()), [&](int64_t i) {
    runPiece(executor.device(), pieces[size_t(i)], seed);
  });
  for (const plan::Program &program : executor.plan().programs())
    if (program.role() == "init")
      executor.run(program, evaluateScalars(executor.plan(), 0, 0));
}

void initialise(Executor &executor, uint64_t seed) {
  initialise(executor, seed, /*parameters=*/true);
}

void initialiseStates(Executor &executor, uint64_t seed) {
  initialise(executor, seed, /*parameters=*/false);
}

static int64_t bytesOf(const plan::Parameter &parameter) {
  return elementsOf(parameter.shape()) * typeBytes(parameter.type());
}

void startAverages(Executor &executor) {
  for (const plan::Parameter &parameter : executor.plan().parameters())
    if (parameter.has_average())
      executor.device().copy(executor.address(parameter.average()),
                             executor.address(parameter.slot()),
                             bytesOf(parameter));
}

void useAverages(Executor &executor) {
  for (const plan::Parameter &parameter : executor.plan().parameters())
    if (parameter.has_average())
      executor.device().copy(executor.address(parameter.slot()),
                             executor.address(parameter.average()),
                             bytesOf(parameter));
}

static std::string shapeText(const std::vector<int64_t> &shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i)
    text += cat(i ? ", " : "", shape[i]);
  return text + "]";
}

namespace {
/// Some elements of a parameter, and the tensor that they come from.
struct Part {
  const plan::Parameter *parameter;
  const TensorInfo *tensor;
  void *to; // the whole parameter
  int64_t begin, count;
};
} // namespace

template <typename T>
static void loadPart(Device &device, const SafetensorsFile &file,
                     const Part &part) {
  T *to = static_cast<T *>(part.to) + part.begin;
  if (void *view = device.hostView(to))
    return file.read(*part.tensor, part.begin, part.count,
                     static_cast<T *>(view));
  std::vector<T> values(static_cast<size_t>(part.count));
  file.read(*part.tensor, part.begin, part.count, values.data());
  device.write(to, values.data(), part.count * int64_t(sizeof(T)));
}

void loadWeights(Executor &executor, const SafetensorsFile &file) {
  std::vector<std::string> fileNames, planNames;
  for (const TensorInfo &tensor : file.tensors())
    fileNames.push_back(tensor.name);
  for (const plan::Parameter &parameter : executor.plan().parameters())
    planNames.push_back(parameter.name());
  for (const plan::Parameter &parameter : executor.plan().parameters()) {
    const TensorInfo *tensor = file.find(parameter.name());
    if (!tensor)
      failInput("'", file.path(), "' has no tensor '", parameter.name(),
                "', which the plan needs",
                didYouMean(parameter.name(), fileNames));
    std::vector<int64_t> shape(parameter.shape().begin(),
                               parameter.shape().end());
    if (tensor->shape != shape)
      failInput("'", file.path(), "': tensor '", parameter.name(),
                "' has shape ", shapeText(tensor->shape), ", the plan's has ",
                shapeText(shape));
  }
  std::vector<std::string> sorted = planNames;
  std::sort(sorted.begin(), sorted.end());
  for (const std::string &name : fileNames)
    if (!std::binary_search(sorted.begin(), sorted.end(), name))
      failInput("'", file.path(), "' has the tensor '", name,
                "', which the plan does not know", didYouMean(name, planNames));
  std::vector<Part> parts;
  constexpr int64_t partElements = 1 << 20;
  for (const plan::Parameter &parameter : executor.plan().parameters()) {
    const int64_t elements = elementsOf(parameter.shape());
    for (int64_t at = 0; at < elements; at += partElements)
      parts.push_back({&parameter, file.find(parameter.name()),
                       executor.address(parameter.slot()), at,
                       std::min(partElements, elements - at)});
  }
  Device &device = executor.device();
  device.onHostThreads(int64_t(parts.size()), [&](int64_t i) {
    const Part &part = parts[size_t(i)];
    if (part.parameter->type() == plan::F32)
      loadPart<float>(device, file, part);
    else
      loadPart<double>(device, file, part);
  });
}

void saveWeights(const Executor &executor, WeightKind kind,
                 const std::string &path, bool asFloat,
                 std::vector<TensorSource> tensors) {
  std::deque<std::vector<float>> narrowed; // addresses stay
  std::deque<std::vector<char>> copies;
  for (const plan::Parameter &parameter : executor.plan().parameters()) {
    if (kind == WeightKind::Gradients && !parameter.has_gradient())
      continue;
    plan::Slot slot = parameter.slot();
    if (kind == WeightKind::Averages && parameter.has_average())
      slot = parameter.average();
    if (kind == WeightKind::Gradients)
      slot = parameter.gradient();
    TensorSource tensor;
    tensor.info.name =
        (kind == WeightKind::Gradients ? "grad." : "") + parameter.name();
    tensor.info.shape.assign(parameter.shape().begin(),
                             parameter.shape().end());
    tensor.info.type = parameter.type() == plan::F64 ? "F64" : "F32";
    const void *data = executor.device().hostView(executor.address(slot));
    if (!data) {
      copies.emplace_back(size_t(bytesOf(parameter)));
      executor.device().read(copies.back().data(), executor.address(slot),
                             bytesOf(parameter));
      data = copies.back().data();
    }
    if (asFloat && parameter.type() == plan::F64) {
      const double *wide = static_cast<const double *>(data);
      narrowed.emplace_back(wide, wide + elementsOf(parameter.shape()));
      tensor.info.type = "F32";
      data = narrowed.back().data();
    }
    tensor.data = data;
    tensors.push_back(std::move(tensor));
  }
  writeSafetensors(path, tensors);
}

} // namespace pgrt
