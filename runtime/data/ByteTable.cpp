#include "runtime/data/ByteTable.h"
#include "runtime/data/tokenizer.pb.h"
#include "runtime/support/Error.h"
#include "runtime/support/MappedFile.h"

#include <google/protobuf/stubs/logging.h>

namespace pgrt {

using Piece = tokenizer::Model::Piece;

static constexpr std::string_view space = "\xe2\x96\x81"; // ▁

ByteTable::ByteTable(const std::string &modelPath, int64_t vocab) {
  MappedFile file(modelPath);
  google::protobuf::LogSilencer silencer; // what is wrong is said here
  tokenizer::Model model;
  constexpr size_t largest = 64 << 20;
  if (file.bytes().size() > largest ||
      !model.ParseFromArray(file.bytes().data(), int(file.bytes().size())) ||
      model.pieces_size() == 0)
    failInput("'", modelPath, "' is not a SentencePiece model, or damaged");
  pieceCount = model.pieces_size();
  if (pieceCount > vocab)
    failInput("the tokenizer '", modelPath, "' has ", pieceCount,
              " pieces, the model's vocabulary ", vocab);
  lengths.resize(size_t(vocab));
  spaced.resize(size_t(vocab));
  boundary.resize(size_t(vocab));
  bool hasSpace = false;
  for (size_t i = 0; i < size_t(pieceCount); ++i) {
    const Piece &entry = model.pieces(int(i));
    boundary[i] =
        entry.type() == Piece::CONTROL || entry.type() == Piece::UNKNOWN;
    if (boundary[i] || entry.type() == Piece::UNUSED)
      continue;
    if (entry.type() == Piece::BYTE) {
      lengths[i] = 1;
      continue;
    }
    std::string_view piece = entry.piece();
    if (piece.empty() || piece.size() > 60000)
      failInput("the tokenizer '", modelPath, "' has a piece of ", piece.size(),
                " bytes, id ", i);
    hasSpace |= piece == space;
    spaced[i] = piece.starts_with(space);
    lengths[i] = uint16_t(piece.size() - (spaced[i] ? space.size() : 0));
  }
  if (!hasSpace)
    failInput(
        "the tokenizer '", modelPath,
        "' lacks ▁ as a piece of its own: its byte counts would be too large");
}

} // namespace pgrt
