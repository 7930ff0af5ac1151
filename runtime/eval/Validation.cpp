#include "runtime/eval/Validation.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <filesystem>

namespace pgrt {

namespace fs = std::filesystem;

std::vector<int64_t> validationTokens(const std::vector<Shard> &shards,
                                      int64_t seq, int64_t limit,
                                      int64_t vocab) {
  int64_t total = 0;
  for (const Shard &shard : shards)
    total += shard.tokens();
  int64_t available = limit > 0 ? std::min(total, limit) : total;
  if (available < seq + 1)
    failInput("the validation data have ", withThousands(available),
              " tokens, fewer than one sequence of ", seq, " and one more");
  int64_t wanted = (available - 1) / seq * seq + 1;
  std::vector<int64_t> tokens(static_cast<size_t>(wanted));
  int64_t done = 0;
  for (const Shard &shard : shards) {
    int64_t take = std::min(shard.tokens(), wanted - done);
    shard.read(0, take, vocab, tokens.data() + done);
    done += take;
  }
  return tokens;
}

static std::string findTokenizer(const ValidationSource &source) {
  if (!source.tokenizer.empty())
    return source.tokenizer;
  std::error_code error;
  fs::path folder = fs::is_directory(source.data, error)
                        ? fs::path(source.data)
                        : fs::path(source.data).parent_path();
  if (fs::exists(folder / "tokenizer.model", error))
    return (folder / "tokenizer.model").string();
  std::vector<std::string> models;
  for (const fs::directory_entry &entry :
       fs::directory_iterator(folder.empty() ? "." : folder, error))
    if (entry.path().extension() == ".model")
      models.push_back(entry.path().string());
  return models.size() == 1 ? models.front() : "";
}

// The length of the plan's chunked evaluations, of trained weights if it has
// one; 0 if it has none.
static int64_t chunkedLength(const plan::Plan &plan) {
  int64_t seq = 0;
  for (const plan::Evaluation &evaluation : plan.evaluations())
    if (evaluation.kind() == "chunked" &&
        (seq == 0 || evaluation.stage() == "trained"))
      seq = evaluation.seq();
  return seq;
}

std::unique_ptr<Validation> openValidation(const plan::Plan &plan,
                                           const ValidationSource &source,
                                           std::string &missing) {
  auto validation = std::make_unique<Validation>();
  int64_t seq = chunkedLength(plan);
  for (const plan::Program &candidate : plan.programs())
    if (candidate.role() == "score" && !candidate.scored() &&
        (seq == 0 || candidate.seq() == seq) && !validation->program)
      validation->program = &candidate;
  if (!validation->program) {
    missing = "the plan holds no program for chunked scores";
    return nullptr;
  }
  std::error_code error;
  bool folder = fs::is_directory(source.data, error);
  std::vector<Shard> shards;
  if (folder || !source.trains)
    shards = openShards(source.data, "val");
  if (shards.empty()) {
    missing =
        folder
            ? cat("'", source.data, "' has no val_*.bin or fineweb_val_*.bin")
            : cat("'", source.data, "' is one shard, and training uses it");
    return nullptr;
  }
  std::string tokenizer = findTokenizer(source);
  if (tokenizer.empty()) {
    missing = cat("no tokenizer.model beside '", source.data,
                  "': say where it is with --tokenizer");
    return nullptr;
  }
  validation->bytes = std::make_unique<ByteTable>(tokenizer, plan.vocab());
  validation->tokens = validationTokens(shards, validation->program->seq(),
                                        source.limit, plan.vocab());
  return validation;
}

} // namespace pgrt
