//===- Tokenizer.h - SentencePiece, with every byte accounted for --------===//
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sentencepiece {
class SentencePieceProcessor;
}

namespace pgdata {

/// A SentencePiece model whose tokens give back exactly the bytes they were
/// made of, and whose byte table (a piece's UTF-8 length, 1 for a byte piece
/// and for a leading ▁ that does not follow a control piece) sums to the text's
/// size.
class Tokenizer {
public:
  /// Trains a BPE model of `vocab` pieces on `documents`: byte fallback, ▁ as a
  /// piece, no normalisation. At most `sampleBytes` of text, spread evenly over
  /// the documents, are looked at. Throws pgrt::Error where SentencePiece
  /// refuses (a vocabulary too large for the text).
  static Tokenizer train(const std::vector<std::string_view> &documents,
                         int vocab, size_t sampleBytes);

  /// Takes a serialised model; `where` names it in errors. Refuses models that
  /// normalise, that lack ▁ or the byte pieces, or that hold more pieces than a
  /// token of 16 bits can name.
  static Tokenizer load(std::string serialised, const std::string &where);

  Tokenizer(Tokenizer &&);
  ~Tokenizer();

  int vocab() const;
  const std::string &serialised() const { return model; }

  /// The tokens of one document, without a BOS.
  std::vector<uint16_t> encode(std::string_view document) const;

  /// The bytes that `tokens` stand for. A BOS, which stands for no bytes,
  /// starts a document.
  std::string decode(const std::vector<uint16_t> &tokens) const;

  static constexpr uint16_t bos = 1;

private:
  Tokenizer();
  std::unique_ptr<sentencepiece::SentencePieceProcessor> processor;
  std::string model;
  uint16_t byteIds[256];
};

} // namespace pgdata
