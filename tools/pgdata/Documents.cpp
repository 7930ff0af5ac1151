//===- Documents.cpp - how source texts fall into documents ---------------===//
#include "tools/pgdata/Documents.h"

#include "runtime/support/Sha256.h"
#include "tools/pgdata/CopyFilter.h"

#include <algorithm>
#include <cstring>

namespace pgdata {

bool parseDocumentRule(std::string_view name, DocumentRule &rule) {
  constexpr std::pair<std::string_view, DocumentRule> rules[] = {
      {"file", DocumentRule::File},
      {"lines", DocumentRule::Lines},
      {"paragraphs", DocumentRule::Paragraphs},
      {"headwords", DocumentRule::Headwords}};
  for (auto [known, value] : rules)
    if (known == name) {
      rule = value;
      return true;
    }
  return false;
}

namespace {

bool isBlank(std::string_view line) {
  return line.find_first_not_of(" \t\r\n") == std::string_view::npos;
}
bool isIndented(std::string_view line) {
  return line.starts_with(' ') || line.starts_with('\t');
}

/// Does a document start at `line`, given the line before it?
bool startsDocument(DocumentRule rule, std::string_view before,
                    std::string_view line) {
  switch (rule) {
  case DocumentRule::File:
    return false;
  case DocumentRule::Lines:
    return true;
  case DocumentRule::Paragraphs:
    return isBlank(before) && !isBlank(line);
  case DocumentRule::Headwords:
    return !isBlank(line) && !isIndented(line) &&
           (isBlank(before) || isIndented(before));
  }
  return false;
}

} // namespace

std::vector<std::string_view>
splitDocuments(std::string_view text, DocumentRule rule, size_t minimumBytes) {
  std::vector<std::string_view> documents;
  size_t start = 0, position = 0;
  std::string_view before;
  while (position < text.size()) {
    size_t newline = text.find('\n', position);
    size_t end = newline == std::string_view::npos ? text.size() : newline + 1;
    std::string_view line = text.substr(position, end - position);
    if (position > start && position - start >= minimumBytes &&
        startsDocument(rule, before, line)) {
      documents.push_back(text.substr(start, position - start));
      start = position;
    }
    before = line;
    position = end;
  }
  if (start < text.size())
    documents.push_back(text.substr(start));
  return documents;
}

Split splitTraining(const std::vector<std::string_view> &texts,
                    size_t validationBytes) {
  std::vector<Document> documents;
  documents.reserve(texts.size());
  for (std::string_view text : texts) {
    auto digest = pgrt::sha256(text);
    uint64_t key;
    std::memcpy(&key, digest.data(), sizeof key);
    documents.push_back({text, key});
  }

  std::vector<size_t> byKey(documents.size());
  for (size_t i = 0; i < byKey.size(); ++i)
    byKey[i] = i;
  std::sort(byKey.begin(), byKey.end(), [&](size_t a, size_t b) {
    return std::pair(documents[a].key, a) < std::pair(documents[b].key, b);
  });

  Split split;
  std::vector<bool> validates(documents.size());
  size_t bytes = 0;
  for (size_t index : byKey) {
    if (bytes >= validationBytes)
      break;
    const Document &document = documents[index];
    validates[index] = true;
    if (!split.validation.empty() &&
        split.validation.back().key == document.key)
      continue;
    split.validation.push_back(document);
    bytes += document.text.size();
  }

  CopyFilter filter;
  for (const Document &document : split.validation)
    filter.addValidation(document.text);
  for (size_t i = 0; i < documents.size(); ++i)
    if (!validates[i])
      filter.addTraining(documents[i].text);
  for (size_t i = 0; i < documents.size(); ++i) {
    if (validates[i])
      continue;
    if (!filter.isCopy(documents[i].text)) {
      split.training.push_back(documents[i]);
      continue;
    }
    ++split.copies;
    split.copiedBytes += documents[i].text.size();
  }
  return split;
}

} // namespace pgdata
