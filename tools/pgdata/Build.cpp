//===- Build.cpp - from texts to a folder of shards ----------------------===//
#include "tools/pgdata/Build.h"

#include "runtime/data/Shard.h"
#include "runtime/support/AtomicFile.h"
#include "runtime/support/Error.h"
#include "runtime/support/Json.h"
#include "runtime/support/MappedFile.h"
#include "runtime/support/Sha256.h"
#include "tools/pgdata/Shards.h"
#include "tools/pgdata/Tokenizer.h"

#include <cstdio>
#include <filesystem>
#include <iostream>

namespace pgdata {
namespace {

/// One source file, with what the manifest says of it.
struct Source {
  std::string name;
  pgrt::MappedFile file;
  std::string_view text() const { return file.bytes(); }
};

std::string readWhole(const std::string &path) {
  return std::string(pgrt::MappedFile(path).bytes());
}

std::vector<Source> readSources(const std::vector<std::string> &paths) {
  std::vector<Source> sources;
  for (const std::string &path : paths) {
    sources.push_back({std::filesystem::path(path).filename().string(),
                       pgrt::MappedFile(path)});
    if (sources.back().text().empty())
      pgrt::failInput(path + " is empty");
  }
  return sources;
}

/// Encodes `documents` into the shards of `writer` and checks that the tokens
/// give back the text. Returns its bytes.
uint64_t encodeAll(const Tokenizer &tokenizer,
                   const std::vector<Document> &documents, ShardWriter &writer,
                   const char *what, bool quiet) {
  uint64_t total = 0, done = 0;
  for (const Document &document : documents)
    total += document.text.size();
  unsigned shown = 0;
  for (const Document &document : documents) {
    std::vector<uint16_t> tokens = tokenizer.encode(document.text);
    tokens.insert(tokens.begin(), Tokenizer::bos);
    if (tokenizer.decode(tokens) != document.text)
      pgrt::failInput("the tokenizer does not give back the text of the "
                      "document that starts with \"" +
                      std::string(document.text.substr(0, 60)) +
                      "\": it normalises, so byte counts would be wrong");
    writer.append(tokens);
    done += document.text.size();
    unsigned percent =
        total == 0 ? 100 : static_cast<unsigned>(100 * done / total);
    if (!quiet && percent >= shown + 10) {
      shown = percent;
      std::cerr << "pgdata: " << what << " text encoded: " << percent << " %\n";
    }
  }
  return total;
}

void writeShardList(pgrt::JsonWriter &json, std::string_view key,
                    const std::vector<ShardInfo> &shards) {
  json.key(key).beginArray();
  for (const ShardInfo &shard : shards)
    json.beginObject()
        .field("file", shard.file)
        .field("tokens", shard.tokens)
        .field("sha256", shard.sha256)
        .endObject();
  json.endArray();
}

uint64_t countTokens(const std::vector<ShardInfo> &shards) {
  uint64_t tokens = 0;
  for (const ShardInfo &shard : shards)
    tokens += shard.tokens;
  return tokens;
}

/// Shards of an earlier, longer build would be read as part of this one.
void removeOldShards(const std::string &folder) {
  for (const auto &entry : std::filesystem::directory_iterator(folder)) {
    std::string name = entry.path().filename().string();
    bool shard = (name.starts_with("train_") || name.starts_with("val_")) &&
                 name.ends_with(".bin");
    if (shard || name == "manifest.json")
      std::filesystem::remove(entry.path());
  }
}

} // namespace

void build(const BuildOptions &options) {
  std::vector<Source> sources = readSources(options.texts);
  std::vector<std::string_view> documents;
  for (const Source &source : sources)
    for (std::string_view document : splitDocuments(
             source.text(), options.documents, options.minimumDocumentBytes))
      documents.push_back(document);

  Split split = splitTraining(documents, options.validationBytes);
  if (split.training.empty())
    pgrt::failInput(
        "no text is left for training: " + std::to_string(documents.size()) +
        " documents, and validation takes " +
        std::to_string(options.validationBytes) +
        " bytes; ask for less with --val-bytes or for shorter documents with "
        "--documents");

  std::vector<std::string_view> trainingTexts;
  for (const Document &document : split.training)
    trainingTexts.push_back(document.text);
  if (!options.quiet)
    std::cerr << "pgdata: " << split.training.size() << " documents train, "
              << split.validation.size() << " validate; " << split.copies
              << " (" << split.copiedBytes
              << " bytes) left out as copies of validation text\n";
  Tokenizer tokenizer =
      options.tokenizer.empty()
          ? Tokenizer::train(trainingTexts, options.vocab, options.sampleBytes)
          : Tokenizer::load(readWhole(options.tokenizer), options.tokenizer);
  if (options.vocab != 0 && tokenizer.vocab() != options.vocab)
    pgrt::failInput("--vocab " + std::to_string(options.vocab) +
                    ", but the tokenizer has " +
                    std::to_string(tokenizer.vocab()) + " pieces");

  pgrt::makeFolders(options.out);
  removeOldShards(options.out);
  pgrt::writeFileAtomically(options.out + "/tokenizer.model",
                            tokenizer.serialised());

  ShardWriter trainingShards(options.out, "train", options.shardTokens);
  ShardWriter validationShards(options.out, "val", options.shardTokens);
  uint64_t trainingBytes = encodeAll(tokenizer, split.training, trainingShards,
                                     "training", options.quiet);
  uint64_t validationBytes =
      encodeAll(tokenizer, split.validation, validationShards, "validation",
                options.quiet);
  std::string validationText;
  for (const Document &document : split.validation)
    validationText += document.text;
  pgrt::writeFileAtomically(options.out + "/val.txt", validationText);

  std::vector<ShardInfo> training = trainingShards.finish(),
                         validation = validationShards.finish();
  pgrt::JsonWriter json;
  json.beginObject().field("format", 1).field("vocab", tokenizer.vocab());
  json.key("tokenizer")
      .beginObject()
      .field("file", "tokenizer.model")
      .field("sha256", pgrt::toHex(pgrt::sha256(tokenizer.serialised())))
      .endObject();
  json.key("sources").beginArray();
  for (const Source &source : sources)
    json.beginObject()
        .field("name", source.name)
        .field("bytes", static_cast<uint64_t>(source.text().size()))
        .field("sha256", pgrt::toHex(pgrt::sha256(source.text())))
        .endObject();
  json.endArray();
  json.field("train_bytes", trainingBytes)
      .field("train_tokens", countTokens(training));
  json.field("val_bytes", validationBytes)
      .field("val_tokens", countTokens(validation));
  json.field("copies_left_out", static_cast<uint64_t>(split.copies));
  writeShardList(json, "train", training);
  writeShardList(json, "val", validation);
  json.endObject();
  pgrt::writeFileAtomically(options.out + "/manifest.json", json.text() + "\n");

  std::cout << options.out << ": " << countTokens(training)
            << " training tokens (" << trainingBytes << " bytes), "
            << countTokens(validation) << " validation tokens ("
            << validationBytes << " bytes), vocabulary " << tokenizer.vocab()
            << "\n";
}

std::string decodeValidation(const std::string &folder, uint64_t first,
                             uint64_t count) {
  Tokenizer tokenizer = Tokenizer::load(readWhole(folder + "/tokenizer.model"),
                                        folder + "/tokenizer.model");
  std::vector<uint16_t> tokens;
  for (const pgrt::Shard &shard : pgrt::openShards(folder, "val")) {
    std::vector<int64_t> wide(static_cast<size_t>(shard.tokens()));
    shard.read(0, shard.tokens(), tokenizer.vocab(), wide.data());
    tokens.insert(tokens.end(), wide.begin(), wide.end());
  }
  if (first > tokens.size() || count > tokens.size() - first)
    pgrt::failInput("tokens " + std::to_string(first) + " to " +
                    std::to_string(first + count) +
                    " are asked for, but the validation shards hold " +
                    std::to_string(tokens.size()));
  // The text before is decoded too, so that the first token meets its real
  // predecessor.
  std::vector<uint16_t> before(tokens.begin(),
                               tokens.begin() + static_cast<ptrdiff_t>(first));
  std::vector<uint16_t> all(
      tokens.begin(), tokens.begin() + static_cast<ptrdiff_t>(first + count));
  return tokenizer.decode(all).substr(tokenizer.decode(before).size());
}

} // namespace pgdata
