//===- main.cpp - pgdata: texts to shards --------------------------------===//

#include "runtime/cli/Options.h"
#include "runtime/support/Error.h"
#include "tools/pgdata/Build.h"

#include <iostream>

using namespace pgdata;

namespace {

int buildCommand(const std::vector<std::string> &arguments) {
  BuildOptions options;
  std::string documents = "paragraphs";
  int64_t vocab = 0, minimum = 2'000, validation = 1'100'000,
          shard = 100'000'000, sample = 20'000'000;
  bool help = false;
  pgrt::OptionTable table("pgdata build TEXT… --vocab V --out DIR",
                          "Trains a SentencePiece BPE tokenizer on the texts "
                          "(or takes one) and writes tokenizer.model,\n"
                          "train_*.bin, val_*.bin, val.txt and manifest.json. "
                          "Validation documents, and copies of them,\n"
                          "do not train.");
  table.integer("--vocab", "V", "pieces of the tokenizer", vocab, 1, 65'536);
  table.text("--out", "DIR", "folder to write", options.out);
  table.text("--tokenizer", "FILE",
             "take this SentencePiece model instead of training one",
             options.tokenizer);
  table.text("--documents", "RULE",
             "what is a document: file, lines, paragraphs or headwords "
             "(default: paragraphs)",
             documents);
  table.integer("--min-document", "BYTES",
                "merge consecutive documents up to this size (default: 2000)",
                minimum, 1);
  table.integer("--val-bytes", "BYTES",
                "text to hold out for validation (default: 1100000)",
                validation, 1);
  table.integer("--shard-tokens", "N", "tokens in a shard (default: 100000000)",
                shard, 1, 1'000'000'000);
  table.integer("--sample-bytes", "BYTES",
                "text to train the tokenizer on (default: 20000000)", sample,
                1);
  table.flag("--quiet", "no progress", options.quiet);
  table.flag("--help", "print this", help);
  options.texts = table.parse(arguments);
  if (help) {
    std::cout << table.help();
    return 0;
  }
  if (options.texts.empty())
    pgrt::failUsage("no texts are given; see pgdata build --help");
  if (options.out.empty())
    pgrt::failUsage("--out DIR is missing");
  if (vocab == 0 && options.tokenizer.empty())
    pgrt::failUsage("--vocab V or --tokenizer FILE is missing");
  if (!parseDocumentRule(documents, options.documents))
    pgrt::failUsage(
        "--documents takes file, lines, paragraphs or headwords, not '",
        documents, "'",
        pgrt::didYouMean(documents,
                         {"file", "lines", "paragraphs", "headwords"}));
  options.vocab = static_cast<int>(vocab);
  options.minimumDocumentBytes = static_cast<uint64_t>(minimum);
  options.validationBytes = static_cast<uint64_t>(validation);
  options.shardTokens = static_cast<uint64_t>(shard);
  options.sampleBytes = static_cast<uint64_t>(sample);
  build(options);
  return 0;
}

int decodeCommand(const std::vector<std::string> &arguments) {
  int64_t first = 0, count = 0;
  bool help = false;
  pgrt::OptionTable table("pgdata decode DIR --first N --count N",
                          "Writes the text that tokens of the validation "
                          "shards of DIR stand for to stdout.");
  table.integer("--first", "N", "the first token (default: 0)", first, 0);
  table.integer("--count", "N", "how many", count, 1);
  table.flag("--help", "print this", help);
  std::vector<std::string> folders = table.parse(arguments);
  if (help) {
    std::cout << table.help();
    return 0;
  }
  if (folders.size() != 1 || count == 0)
    pgrt::failUsage(
        "one folder and --count N are needed; see pgdata decode --help");
  std::cout << decodeValidation(folders[0], static_cast<uint64_t>(first),
                                static_cast<uint64_t>(count));
  std::cout.flush();
  if (!std::cout)
    pgrt::failMachine("cannot write the text to stdout");
  return 0;
}

constexpr const char *overview =
    "usage: pgdata build TEXT… --vocab V --out DIR\n"
    "       pgdata decode DIR --first N --count N\n"
    "Makes data for pgrt from texts. Each command answers --help.\n";

int run(std::vector<std::string> arguments) {
  std::string command = arguments.empty() ? "" : arguments.front();
  if (command == "--help") {
    std::cout << overview;
    return 0;
  }
  if (command == "--version") {
    std::cout << "pgdata " PG_VERSION "\n";
    return 0;
  }
  if (!arguments.empty())
    arguments.erase(arguments.begin());
  if (command == "build")
    return buildCommand(arguments);
  if (command == "decode")
    return decodeCommand(arguments);
  pgrt::failUsage(command.empty() ? "a command is missing: build or decode"
                                  : pgrt::cat("unknown command '", command, "'",
                                              pgrt::didYouMean(
                                                  command, {"build", "decode"}),
                                              "; see pgdata --help"));
}

} // namespace

int main(int argc, char **argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const pgrt::Error &error) {
    std::cerr << "pgdata: error: " << error.what() << "\n";
    return static_cast<int>(error.code);
  } catch (const std::exception &error) {
    std::cerr << "pgdata: error: " << error.what() << "\n";
    return static_cast<int>(pgrt::ExitCode::Machine);
  }
}
