#include "tools/pgdata/Tokenizer.h"

#include "runtime/support/Error.h"

#include <gtest/gtest.h>

using namespace pgdata;

namespace {

std::string corpus() {
  std::string text;
  for (int i = 0; i < 400; ++i)
    text += "The quick brown fox number " + std::to_string(i) +
            " jumps over the lazy dog, and over " + std::to_string(i * i) +
            " hedges.\n";
  return text;
}

const Tokenizer &tokenizer() {
  static std::string text = corpus();
  static Tokenizer made = Tokenizer::train({text}, 320, 1'000'000);
  return made;
}

std::string roundTrip(const std::string &text) {
  std::vector<uint16_t> tokens = tokenizer().encode(text);
  tokens.insert(tokens.begin(), Tokenizer::bos);
  return tokenizer().decode(tokens);
}

TEST(Tokenizer, HasTheVocabularyAskedFor) {
  EXPECT_EQ(tokenizer().vocab(), 320);
}

TEST(Tokenizer, GivesBackEveryByte) {
  for (const std::string &text :
       {std::string("The quick brown fox"),
        std::string("  two spaces,  and two  more  "),
        std::string("\n\ttabs\r\n"), std::string("caf\xC3\xA9 \xE2\x82\xAC 5"),
        std::string("a literal \xE2\x96\x81 mark \xE2\x96\x81\xE2\x96\x81"
                    "x"),
        std::string("\xE2\x96\x81"
                    "first"),
        std::string("not utf-8: \xFF\xC3( \xE2\x82 end \xFE"),
        std::string("zero \0 byte", 11), std::string(" "), std::string("\xFF "),
        std::string("\xFF a \xFF b c"), corpus()})
    EXPECT_EQ(roundTrip(text), text);
}

TEST(Tokenizer, TokensAreFewerThanBytes) {
  std::string text = corpus();
  EXPECT_LT(tokenizer().encode(text).size() * 4, text.size() * 3);
}

TEST(Tokenizer, RefusesWhatIsNotAModel) {
  EXPECT_THROW(Tokenizer::load("not a model", "x.model"), pgrt::Error);
  EXPECT_THROW(Tokenizer::load("", "x.model"), pgrt::Error);
}

TEST(Tokenizer, RefusesAVocabularyThatTheTextCannotFill) {
  std::string text = "abc abc abc";
  EXPECT_THROW(Tokenizer::train({text}, 5000, 1000), pgrt::Error);
}

TEST(Tokenizer, RefusesATokenOutsideTheVocabulary) {
  EXPECT_THROW(tokenizer().decode({1, 60'000}), pgrt::Error);
}

} // namespace
