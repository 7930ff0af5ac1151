//===- CopyFilter.cpp - keeps copies of validation text out of training --===//
#include "tools/pgdata/CopyFilter.h"

#include <algorithm>

namespace pgdata {
namespace {

/// FNV-1a over the letters and digits of a word, in lower case; bytes above 127
/// count as letters.
bool isWordByte(unsigned char byte) {
  return byte >= 128 || (byte >= '0' && byte <= '9') ||
         (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
}

std::vector<uint64_t> hashWords(std::string_view text) {
  constexpr uint64_t basis = 0xcbf29ce484222325, prime = 0x100000001b3;
  std::vector<uint64_t> words;
  bool inWord = false;
  for (char c : text) {
    unsigned char byte = static_cast<unsigned char>(c);
    if (!isWordByte(byte)) {
      inWord = false;
      continue;
    }
    if (!inWord)
      words.push_back(basis);
    inWord = true;
    if (byte >= 'A' && byte <= 'Z')
      byte += 'a' - 'A';
    words.back() = (words.back() ^ byte) * prime;
  }
  return words;
}

/// Mixes a sequence of word hashes into one; the order counts.
uint64_t combine(const uint64_t *words, size_t count) {
  uint64_t hash = count;
  for (size_t i = 0; i < count; ++i) {
    hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15;
    hash ^= hash >> 29;
  }
  return hash;
}

/// The distinct shingles of a text, sorted.
std::vector<uint64_t> shinglesOf(const std::vector<uint64_t> &words) {
  std::vector<uint64_t> shingles;
  for (size_t i = 0; i + CopyFilter::shingleWords <= words.size(); ++i)
    shingles.push_back(combine(words.data() + i, CopyFilter::shingleWords));
  std::sort(shingles.begin(), shingles.end());
  shingles.erase(std::unique(shingles.begin(), shingles.end()), shingles.end());
  return shingles;
}

} // namespace

void CopyFilter::addValidation(std::string_view text) {
  std::vector<uint64_t> words = hashWords(text);
  wholeTexts.insert(combine(words.data(), words.size()));
  for (uint64_t shingle : shinglesOf(words))
    ++documentsWith[shingle];
}

void CopyFilter::addTraining(std::string_view text) {
  for (uint64_t shingle : shinglesOf(hashWords(text)))
    if (auto found = documentsWith.find(shingle); found != documentsWith.end())
      ++found->second;
}

bool CopyFilter::isCopy(std::string_view text) const {
  std::vector<uint64_t> words = hashWords(text);
  if (wholeTexts.contains(combine(words.data(), words.size())))
    return true;
  size_t shared = 0;
  for (uint64_t shingle : shinglesOf(words)) {
    auto found = documentsWith.find(shingle);
    if (found != documentsWith.end() && found->second <= boilerplateDocuments &&
        ++shared >= sharedShingles)
      return true;
  }
  return false;
}

} // namespace pgdata
