// How many bytes of text a token stands for.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pgrt {

class ByteTable {
public:
  /// From a SentencePiece model. Throws Error if it cannot be read, has more
  /// pieces than `vocab`, or lacks ▁ as a piece: bytes would be counted twice.
  /// Pieces missing up to `vocab` stand for no bytes.
  ByteTable(const std::string &modelPath, int64_t vocab);

  /// Bytes of `token` after `previous`: control, unknown and unused pieces 0,
  /// byte pieces 1, others the UTF-8 length of the piece without a leading ▁,
  /// and 1 for that ▁ unless `previous` is a control or unknown piece. Both
  /// must be in range.
  int64_t bytes(int64_t previous, int64_t token) const {
    return lengths[size_t(token)] +
           (spaced[size_t(token)] && !boundary[size_t(previous)]);
  }

  int64_t pieces() const { return pieceCount; }

private:
  int64_t pieceCount = 0;
  std::vector<uint16_t> lengths;
  std::vector<uint8_t> spaced, boundary;
};

} // namespace pgrt
