#include "runtime/data/ByteTable.h"
#include "runtime/support/Error.h"

#include <sentencepiece_processor.h>

namespace pgrt {

static constexpr std::string_view space = "\xe2\x96\x81"; // ▁

ByteTable::ByteTable(const std::string &modelPath, int64_t vocab) {
  sentencepiece::SentencePieceProcessor tokenizer;
  sentencepiece::util::Status status = tokenizer.Load(modelPath);
  if (!status.ok())
    failInput("cannot read the tokenizer '", modelPath, "': ", status.ToString());
  pieceCount = tokenizer.GetPieceSize();
  if (pieceCount > vocab)
    failInput("the tokenizer '", modelPath, "' has ", pieceCount, " pieces, the model's vocabulary ", vocab);
  lengths.resize(size_t(vocab));
  spaced.resize(size_t(vocab));
  boundary.resize(size_t(vocab));
  bool hasSpace = false;
  for (int id = 0; id < int(pieceCount); ++id) {
    size_t i = size_t(id);
    boundary[i] = tokenizer.IsControl(id) || tokenizer.IsUnknown(id);
    if (boundary[i] || tokenizer.IsUnused(id))
      continue;
    if (tokenizer.IsByte(id)) {
      lengths[i] = 1;
      continue;
    }
    std::string_view piece = tokenizer.IdToPiece(id);
    hasSpace |= piece == space;
    spaced[i] = piece.starts_with(space);
    lengths[i] = uint16_t(piece.size() - (spaced[i] ? space.size() : 0));
  }
  if (!hasSpace)
    failInput("the tokenizer '", modelPath, "' lacks ▁ as a piece of its own: its byte counts would be too large");
}

} // namespace pgrt
