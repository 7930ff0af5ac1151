// Damaged versions of all models: whatever the text, the front end answers with
// a tree or with errors.
#include "Texts.h"

#include "gtest/gtest.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

using namespace pgc;
using pgc::test::Loaded;

namespace {
using Files = std::map<std::string, std::string>;

/// All models by path.
Files readModels() {
  Files result;
  const std::filesystem::path root = PG_MODELS_DIR;
  for (const auto &entry :
       std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".pgm")
      continue;
    std::ifstream stream(entry.path(), std::ios::binary);
    result[entry.path().lexically_relative(root).string()] =
        std::string(std::istreambuf_iterator<char>(stream), {});
  }
  return result;
}

/// Loads; if that works, the flattened text must load too and give itself.
void check(const Files &files, const std::string &main) {
  Loaded loaded(files, {}, main);
  ASSERT_EQ(loaded.program == nullptr, loaded.diagnostics.hasErrors());
  ASSERT_LE(loaded.diagnostics.all().size(), DiagnosticEngine::maxErrors);
  if (!loaded.program) {
    ASSERT_FALSE(loaded.messages().empty());
    return;
  }
  std::string flat = loaded.flat();
  Loaded again(flat);
  ASSERT_EQ(again.flat(), flat);
}
} // namespace

TEST(Models, FlattenAndComeBack) {
  Files files = readModels();
  ASSERT_GE(files.size(), 10u);
  for (const auto &[path, text] : files) {
    Loaded loaded(files, {}, path);
    ASSERT_TRUE(loaded.program) << loaded.messages();
    SCOPED_TRACE(path);
    check(files, path);
  }
}

TEST(Models, TruncatedAnywhere) {
  const Files files = readModels();
  for (const auto &[path, text] : files) {
    SCOPED_TRACE(path);
    for (size_t length = 0; length < text.size();
         length += 1 + text.size() / 40) {
      Files damaged = files;
      damaged[path] = text.substr(0, length);
      check(damaged, path);
    }
  }
}

TEST(Models, Mutated) {
  const Files files = readModels();
  const std::string snippets[] = {"(",
                                  ")",
                                  "[",
                                  "]",
                                  "{",
                                  "}",
                                  ";",
                                  ",",
                                  "..",
                                  "...",
                                  "=",
                                  "=>",
                                  "\"",
                                  "#",
                                  "{i",
                                  "override ",
                                  "inherited()",
                                  "if ",
                                  "else ",
                                  "let ",
                                  "fn f(x) ",
                                  "1e999",
                                  "99999999999999999999",
                                  "\xFF",
                                  "not ",
                                  "-",
                                  "^",
                                  "model {",
                                  "include \"base.pgm\";"};
  std::mt19937 random(1); // the same on every machine
  auto below = [&](size_t n) { return n == 0 ? 0 : random() % n; };
  for (const auto &[path, text] : files) {
    SCOPED_TRACE(path);
    for (int round = 0; round < 40; ++round) {
      std::string damagedText = text;
      for (size_t change = 0, count = 1 + below(4); change < count; ++change) {
        size_t at = below(damagedText.size());
        switch (below(5)) {
        case 0:
          damagedText.erase(at, 1 + below(12));
          break;
        case 1:
          damagedText.insert(at, snippets[below(std::size(snippets))]);
          break;
        case 2:
          damagedText.insert(
              at, damagedText.substr(below(damagedText.size()), below(60)));
          break;
        case 3:
          if (!damagedText.empty())
            damagedText[at] = char(below(256));
          break;
        default:
          damagedText.erase(at, below(300));
          break;
        }
      }
      Files damaged = files;
      damaged[path] = damagedText;
      SCOPED_TRACE(round);
      check(damaged, path);
      if (HasFatalFailure())
        return;
    }
  }
}
