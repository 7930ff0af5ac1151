//===- CopyFilter.h - keeps copies of validation text out of training ----===//
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace pgdata {

/// Finds training documents that repeat validation text. Texts are compared by
/// shingles: every run of 12 words, lower case, letters and digits alone, so
/// that another line breaking or punctuation hides nothing. A shingle that
/// stands in many documents is boilerplate (a licence, a section heading) and
/// says nothing.
class CopyFilter {
public:
  void addValidation(std::string_view text);

  /// Counts where shingles stand; call for every training document before the
  /// first isCopy.
  void addTraining(std::string_view text);

  /// True where `text` equals a validation document but for layout, or shares
  /// at least `sharedShingles` shingles that are not boilerplate with
  /// validation documents.
  bool isCopy(std::string_view text) const;

  static constexpr size_t shingleWords = 12;
  static constexpr size_t sharedShingles = 4;
  static constexpr uint32_t boilerplateDocuments = 8;

private:
  std::unordered_set<uint64_t> wholeTexts;
  std::unordered_map<uint64_t, uint32_t>
      documentsWith; ///< For each shingle of a validation text.
};

} // namespace pgdata
