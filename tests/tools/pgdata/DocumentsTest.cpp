#include "tools/pgdata/Documents.h"

#include <gtest/gtest.h>

using namespace pgdata;

namespace {

std::string joined(const std::vector<std::string_view> &documents) {
  std::string text;
  for (std::string_view document : documents)
    text += document;
  return text;
}

TEST(Documents, EveryRuleKeepsEveryByte) {
  std::string text = "alpha\n  one\n\nbeta\n  two\nno newline at the end";
  for (DocumentRule rule : {DocumentRule::File, DocumentRule::Lines,
                            DocumentRule::Paragraphs, DocumentRule::Headwords})
    EXPECT_EQ(joined(splitDocuments(text, rule, 1)), text);
}

TEST(Documents, RulesCutWhereTheySay) {
  std::string text = "alpha\n  one\n\n  more\nbeta\n  two\n";
  EXPECT_EQ(splitDocuments(text, DocumentRule::File, 1).size(), 1u);
  EXPECT_EQ(splitDocuments(text, DocumentRule::Lines, 1).size(), 6u);
  EXPECT_EQ(splitDocuments(text, DocumentRule::Paragraphs, 1).size(), 2u);
  auto entries = splitDocuments(text, DocumentRule::Headwords, 1);
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[1], "beta\n  two\n");
}

TEST(Documents, ShortPiecesAreMerged) {
  std::string text = "a\nb\nc\nd\n";
  auto documents = splitDocuments(text, DocumentRule::Lines, 4);
  ASSERT_EQ(documents.size(), 2u);
  EXPECT_EQ(documents[0], "a\nb\n");
}

TEST(Documents, AnEmptyTextHasNone) {
  EXPECT_TRUE(splitDocuments("", DocumentRule::Lines, 1).empty());
}

std::string sentence(unsigned seed, unsigned words) {
  std::string text;
  for (unsigned i = 0; i < words; ++i)
    text +=
        "word" + std::to_string(seed * 1000 + i) + (i % 7 == 6 ? "\n" : " ");
  return text;
}

TEST(Documents, CopiesOfValidationTextDoNotTrain) {
  std::vector<std::string> texts;
  for (unsigned i = 0; i < 40; ++i)
    texts.push_back(sentence(i, 40));
  std::vector<std::string_view> once(texts.begin(), texts.end());
  Split split = splitTraining(once, 600);
  ASSERT_GE(split.validation.size(), 1u);
  ASSERT_EQ(split.copies, 0u);

  // The same text in capitals, on one line, within another document.
  std::string disguised = "Before it. ";
  for (char c : split.validation[0].text)
    disguised += c == '\n' ? ' ' : static_cast<char>(std::toupper(c));
  std::vector<std::string_view> twice = once;
  twice.push_back(disguised);
  Split again = splitTraining(twice, 600);
  for (const Document &document : again.training)
    EXPECT_NE(document.text, disguised);
}

TEST(Documents, TheSplitDoesNotDependOnTheOrderOfDocuments) {
  std::vector<std::string> texts;
  for (unsigned i = 0; i < 30; ++i)
    texts.push_back(sentence(i, 20));
  std::vector<std::string_view> forward(texts.begin(), texts.end()),
      backward(texts.rbegin(), texts.rend());
  Split a = splitTraining(forward, 500), b = splitTraining(backward, 500);
  ASSERT_EQ(a.validation.size(), b.validation.size());
  for (size_t i = 0; i < a.validation.size(); ++i)
    EXPECT_EQ(a.validation[i].text, b.validation[i].text);
}

} // namespace
