// Whole models through the front end: names, shapes, groups and counts of their
// parameters, the phases of their training, and modules that verify.
#include "compiler/frontend/Frontend.h"
#include "mlir/IR/Verifier.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MemoryBuffer.h"
#include "gtest/gtest.h"
#include <map>

using namespace pgc;

namespace {

struct Loaded {
  explicit Loaded(const std::string &path,
                  std::vector<std::string> defines = {}) {
    FrontendOptions options;
    options.file = std::string(PG_MODELS_DIR) + "/" + path;
    options.defines = std::move(defines);
    llvm::raw_string_ostream os(messages);
    program = loadProgram(options, context, os);
  }
  std::vector<std::string> phases() const {
    std::vector<std::string> names;
    for (const Phase &phase : program->phases())
      names.push_back(phase.name + (phase.trains ? "" : " (not trained)"));
    return names;
  }
  mlir::MLIRContext context;
  std::string messages;
  std::unique_ptr<Program> program;
};

/// Names and shapes of the tensors of a safetensors file.
std::map<std::string, std::vector<int64_t>>
readShapes(const std::string &path) {
  std::map<std::string, std::vector<int64_t>> shapes;
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return shapes;
  llvm::StringRef bytes = (*buffer)->getBuffer();
  uint64_t size = llvm::support::endian::read64le(bytes.data());
  auto header = llvm::json::parse(bytes.substr(8, size));
  if (!header) {
    llvm::consumeError(header.takeError());
    return shapes;
  }
  for (auto &[name, value] : *header->getAsObject()) {
    const llvm::json::Object *tensor = value.getAsObject();
    if (!tensor || !tensor->getArray("shape"))
      continue;
    std::vector<int64_t> shape;
    for (const llvm::json::Value &n : *tensor->getArray("shape"))
      shape.push_back(*n.getAsInteger());
    shapes[name.str()] = shape;
  }
  return shapes;
}

} // namespace

TEST(Semantics, ParameterCounts) {
  const std::pair<const char *, int64_t> expected[] = {
      {"sp8192_recur.pgm", 35'944'536},
      {"sp8192_gram.pgm", 35'944'536},
      {"sp4096_recur.pgm", 34'401'372},
      {"sp10240_simctg.pgm", 36'993'112},
      {"sp10240_qahsp_ttt.pgm", 36'993'112},
      {"gallery/tiny.pgm", 1'836'544},
      {"gallery/everything.pgm", 45'538'438},
  };
  for (auto &[path, count] : expected) {
    Loaded loaded(path);
    ASSERT_TRUE(loaded.program) << loaded.messages;
    EXPECT_EQ(loaded.program->parameterCount(), count) << path;
  }
}

TEST(Semantics, Phases) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(Loaded("sp8192_recur.pgm").phases(), (Names{"plain", "looped"}));
  EXPECT_EQ(Loaded("sp8192_recur.pgm", {"loop_at=2.0"}).phases(),
            (Names{"plain", "looped (not trained)"}));
  EXPECT_EQ(Loaded("sp8192_recur.pgm", {"loop_at=0.0"}).phases(),
            (Names{"looped"}));
  EXPECT_EQ(Loaded("gallery/ste_int6.pgm").phases(),
            (Names{"plain", "looped", "looped+qat"}));
  EXPECT_EQ(Loaded("gallery/two_phase_loop.pgm").phases(),
            (Names{"plain", "looped", "looped+looped_again"}));
}

TEST(Semantics, NamesAndShapesOfTheRecords) {
  auto expected = readShapes(std::string(PG_GOLDEN_DIR) +
                             "/gradients-sp8192/weights.safetensors");
  ASSERT_FALSE(expected.empty());
  Loaded loaded("sp8192_recur.pgm",
                {"vocab=256", "dim=64", "layers=7", "heads=4", "kv_heads=2",
                 "mlp_mult=3.0", "rope_dims=8", "xsa_last_n=7",
                 "parallel_from=4", "loop_start=2", "loop_end=3"});
  ASSERT_TRUE(loaded.program) << loaded.messages;
  std::map<std::string, std::vector<int64_t>> found;
  for (const ParameterInfo &p : loaded.program->parameters()) {
    found[p.name] = p.shape;
    // The records' own optimizers by name and rank.
    std::string group =
        p.name == "tok_emb.weight" ? "embed"
        : p.shape.size() == 2 && llvm::StringRef(p.name).ends_with(".weight")
            ? "matrix"
            : "scalar";
    EXPECT_EQ(p.group, group) << p.name;
  }
  EXPECT_EQ(found, expected);
}

TEST(Semantics, LossesThatSplit) {
  auto least = [](const char *path, std::vector<std::string> defines) {
    return Loaded(path, std::move(defines)).program->leastMicroBatch();
  };
  EXPECT_EQ(least("sp8192_recur.pgm", {}), 1);
  EXPECT_EQ(least("gallery/mtp.pgm", {}), 1);
  // The first 256 rows of the batch, and a maximum over it under stop_gradient.
  EXPECT_EQ(least("sp10240_simctg.pgm", {}), 1);
  EXPECT_EQ(least("sp10240_qahsp_ttt.pgm", {}), 1);
  EXPECT_EQ(least("sp10240_simctg.pgm",
                  {"seq=100", "stride=100", "batch_tokens=80_000"}),
            3);
  // All rows of the batch.
  EXPECT_EQ(least("sp10240_simctg.pgm",
                  {"seq=100", "stride=100", "batch_tokens=80_000",
                   "simctg_rows=20_000"}),
            std::nullopt);
}

TEST(Semantics, ModulesVerify) {
  for (const char *path :
       {"sp8192_recur.pgm", "sp4096_recur.pgm", "sp10240_qahsp_ttt.pgm",
        "gallery/everything.pgm", "gallery/ternary.pgm",
        "gallery/two_lanes_routed.pgm", "gallery/document_mask.pgm",
        "gallery/value_residual.pgm"}) {
    Loaded loaded(path);
    ASSERT_TRUE(loaded.program) << loaded.messages;
    std::vector<EmitRequest> requests;
    for (const Phase &phase : loaded.program->phases()) {
      requests.push_back(
          {EmitRequest::Role::Forward, phase.name, 3, 37, true, ""});
      requests.push_back(
          {EmitRequest::Role::Update, phase.name, 1, 1, false, ""});
    }
    requests.push_back({EmitRequest::Role::Score, "", 2, 128, false, ""});
    std::string messages;
    llvm::raw_string_ostream os(messages);
    auto module = loaded.program->emit(loaded.context, requests, os);
    ASSERT_TRUE(module) << messages;
    EXPECT_TRUE(mlir::succeeded(mlir::verify(*module))) << path;
  }
}

TEST(Semantics, FlattenedTextIsTheSameProgram) {
  Loaded loaded("sp4096_recur.pgm", {"layers=9"});
  ASSERT_TRUE(loaded.program) << loaded.messages;
  std::string path = ::testing::TempDir() + "/flattened.pgm";
  {
    std::error_code error;
    llvm::raw_fd_ostream file(path, error);
    file << loaded.program->source();
  }
  FrontendOptions options;
  options.file = path;
  mlir::MLIRContext context;
  std::string messages;
  llvm::raw_string_ostream os(messages);
  auto again = loadProgram(options, context, os);
  ASSERT_TRUE(again) << messages;
  EXPECT_EQ(again->parameterCount(), loaded.program->parameterCount());
  EXPECT_EQ(again->source(), loaded.program->source());
}
