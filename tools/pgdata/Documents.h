//===- Documents.h - how source texts fall into documents -----------------===//
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pgdata {

/// How a source file falls into documents.
enum class DocumentRule {
  File,       ///< The whole file is one document.
  Lines,      ///< Every line is a document.
  Paragraphs, ///< Blank lines separate documents.
  Headwords,  ///< A line that starts in column 1 after an indented or a blank
              ///< one starts a document (dictionaries).
};

/// The rule called `name` ("file", "lines", "paragraphs", "headwords"); false
/// where there is none.
bool parseDocumentRule(std::string_view name, DocumentRule &rule);

/// Splits `text` by `rule` into documents that, joined, are `text` again.
/// Consecutive pieces are merged until a document holds at least
/// `minimumBytes`, so that short dictionary entries share a context.
std::vector<std::string_view>
splitDocuments(std::string_view text, DocumentRule rule, size_t minimumBytes);

/// A document with the identity that decides where it goes: nothing but its
/// bytes.
struct Document {
  std::string_view text;
  uint64_t key; ///< The first 8 bytes of its SHA-256.
};

/// Which documents train and which validate.
struct Split {
  std::vector<Document> training, validation;
  size_t copies =
      0; ///< Documents that were left out because they repeat validation text.
  size_t copiedBytes = 0; ///< Their size.
};

/// Takes documents in the order of their keys for validation until they hold
/// `validationBytes`; the others train, in the order given, but for those that
/// hold copies of validation text. Equal documents count once in validation.
Split splitTraining(const std::vector<std::string_view> &documents,
                    size_t validationBytes);

} // namespace pgdata
