//===- Tokenizer.cpp - SentencePiece, with every byte accounted for ------===//
#include "tools/pgdata/Tokenizer.h"

#include "runtime/support/Error.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <cstdio>

namespace pgdata {
namespace {

constexpr std::string_view spaceMark =
    "\xE2\x96\x81"; // U+2581, SentencePiece's sign for a space

/// Hands the trainer the lines of a sample of the documents.
class SampledLines : public sentencepiece::SentenceIterator {
public:
  SampledLines(const std::vector<std::string_view> &documents,
               size_t sampleBytes)
      : documents(documents) {
    size_t total = 0;
    for (std::string_view document : documents)
      total += document.size();
    every = std::max<size_t>(1, (total + sampleBytes - 1) /
                                    std::max<size_t>(sampleBytes, 1));
    advance();
  }
  bool done() const override { return finished; }
  void Next() override { advance(); }
  const std::string &value() const override { return line; }
  sentencepiece::util::Status status() const override { return {}; }

private:
  void advance() {
    line.clear();
    while (line.empty() && index < documents.size()) {
      std::string_view document = documents[index];
      if (position >= document.size()) {
        index += every;
        position = 0;
        continue;
      }
      size_t end = std::min({document.find('\n', position), document.size(),
                             position + maximumLine});
      line.assign(document.substr(position, end - position));
      position = end + (end < document.size() && document[end] == '\n');
    }
    finished = line.empty();
  }

  static constexpr size_t maximumLine =
      4000; // the trainer skips what is longer than 4192 bytes
  const std::vector<std::string_view> &documents;
  size_t every = 1, index = 0, position = 0;
  std::string line;
  bool finished = false;
};

/// The length of the valid UTF-8 sequence at `position`, 0 where there is none.
size_t sequenceLength(std::string_view text, size_t position) {
  auto byteAt = [&](size_t i) {
    return static_cast<unsigned char>(text[position + i]);
  };
  unsigned char lead = byteAt(0);
  size_t length = lead < 0x80                   ? 1
                  : lead >= 0xC2 && lead < 0xE0 ? 2
                  : lead >= 0xE0 && lead < 0xF0 ? 3
                  : lead >= 0xF0 && lead < 0xF5 ? 4
                                                : 0;
  if (length == 0 || position + length > text.size())
    return 0;
  for (size_t i = 1; i < length; ++i)
    if ((byteAt(i) & 0xC0) != 0x80)
      return 0;
  bool overlong =
      (lead == 0xE0 && byteAt(1) < 0xA0) || (lead == 0xF0 && byteAt(1) < 0x90);
  bool outside = (lead == 0xED && byteAt(1) >= 0xA0) ||
                 (lead == 0xF4 && byteAt(1) >= 0x90);
  return overlong || outside ? 0 : length;
}

/// How many bytes at `position` SentencePiece would not give back: a literal ▁,
/// which it takes for a space, a zero byte, or what is not UTF-8. 0 where the
/// text there is ordinary.
size_t opaqueLength(std::string_view text, size_t position) {
  if (text.substr(position).starts_with(spaceMark))
    return spaceMark.size();
  return text[position] == 0 || sequenceLength(text, position) == 0 ? 1 : 0;
}

/// Where the next opaque byte is, from `position`; the end where there is none.
size_t findOpaque(std::string_view text, size_t position) {
  while (position < text.size() && opaqueLength(text, position) == 0)
    position += sequenceLength(text, position);
  return position;
}

/// Where the run of opaque bytes at `position` ends.
size_t opaqueEnd(std::string_view text, size_t position) {
  while (position < text.size()) {
    size_t length = opaqueLength(text, position);
    if (length == 0)
      break;
    position += length;
  }
  return position;
}

std::string bytePiece(int byte) {
  char name[8];
  std::snprintf(name, sizeof name, "<0x%02X>", byte);
  return name;
}

} // namespace

Tokenizer::Tokenizer()
    : processor(std::make_unique<sentencepiece::SentencePieceProcessor>()) {}
Tokenizer::Tokenizer(Tokenizer &&) = default;
Tokenizer::~Tokenizer() = default;

Tokenizer Tokenizer::train(const std::vector<std::string_view> &documents,
                           int vocab, size_t sampleBytes) {
  SampledLines lines(documents, sampleBytes);
  std::string serialised;
  // unk 0, BOS 1, EOS 2 as in the challenge. The ▁ that SentencePiece puts
  // before a text follows a BOS and is not counted; every other ▁ is one byte.
  // No piece spans a space, so a ▁ is always a piece's first character.
  std::string options = "--model_type=bpe --byte_fallback=true "
                        "--normalization_rule_name=identity "
                        "--remove_extra_whitespaces=false "
                        "--add_dummy_prefix=true --split_by_whitespace=true "
                        "--character_coverage=0.9995 --unk_id=0 --bos_id=1 "
                        "--eos_id=2 --pad_id=-1 "
                        "--required_chars=\xE2\x96\x81 --num_threads=1 "
                        "--minloglevel=2 --vocab_size=" +
                        std::to_string(vocab);
  auto status =
      sentencepiece::SentencePieceTrainer::Train(options, &lines, &serialised);
  if (!status.ok())
    pgrt::failInput("cannot train a tokenizer of " + std::to_string(vocab) +
                    " pieces on this text: " + status.ToString());
  return load(std::move(serialised), "the new tokenizer");
}

Tokenizer Tokenizer::load(std::string serialised, const std::string &where) {
  Tokenizer tokenizer;
  auto status = tokenizer.processor->LoadFromSerializedProto(serialised);
  if (!status.ok())
    pgrt::failInput(where +
                    " is not a SentencePiece model: " + status.ToString());
  tokenizer.model = std::move(serialised);
  auto &processor = *tokenizer.processor;
  int vocab = processor.GetPieceSize();
  if (vocab > 65'536)
    pgrt::failInput(where + " has " + std::to_string(vocab) +
                    " pieces; shards name a token by 16 bits");
  if (processor.IsUnknown(processor.PieceToId(std::string(spaceMark))))
    pgrt::failInput(where + " lacks the piece ▁, so bytes would be "
                            "over-counted; train it with byte fallback "
                            "and ▁ as a piece");
  if (vocab <= bos || !processor.IsControl(bos))
    pgrt::failInput(where + ": piece 1 is not a control piece (BOS)");
  for (int byte = 0; byte < 256; ++byte) {
    int id = processor.PieceToId(bytePiece(byte));
    if (processor.IsUnknown(id) || !processor.IsByte(id))
      pgrt::failInput(where + " lacks the byte piece " + bytePiece(byte) +
                      "; train it with byte fallback");
    tokenizer.byteIds[byte] = static_cast<uint16_t>(id);
  }
  return tokenizer;
}

int Tokenizer::vocab() const { return processor->GetPieceSize(); }

std::vector<uint16_t> Tokenizer::encode(std::string_view document) const {
  std::vector<uint16_t> tokens;
  auto appendBytes = [&](std::string_view bytes) {
    for (char byte : bytes)
      tokens.push_back(byteIds[static_cast<unsigned char>(byte)]);
  };
  std::vector<int> ids;
  auto appendText = [&](std::string_view text) {
    auto status =
        processor->Encode(absl::string_view(text.data(), text.size()), &ids);
    if (!status.ok())
      pgrt::failInput("SentencePiece cannot encode a document: " +
                      status.ToString());
    for (int id : ids)
      tokens.push_back(static_cast<uint16_t>(id));
  };

  size_t position = opaqueEnd(document, 0);
  appendBytes(document.substr(0, position));
  while (position < document.size()) {
    // SentencePiece puts a ▁ before what it is given. At a document's start it
    // counts for nothing; behind opaque bytes it has to stand for a real space,
    // so bytes go on up to the next one.
    if (position > 0) {
      size_t space = document.find(' ', position);
      size_t opaque = findOpaque(document, position);
      if (space >= opaque || space + 1 >= document.size() ||
          opaque == space + 1) {
        size_t end = opaqueEnd(document, std::min(opaque, document.size()));
        appendBytes(document.substr(position, end - position));
        position = end;
        continue;
      }
      appendBytes(document.substr(position, space - position));
      position = space + 1;
    }
    size_t end = findOpaque(document, position);
    appendText(document.substr(position, end - position));
    position = opaqueEnd(document, end);
    appendBytes(document.substr(end, position - end));
  }
  return tokens;
}

std::string Tokenizer::decode(const std::vector<uint16_t> &tokens) const {
  std::string text;
  bool afterControl = true;
  for (uint16_t token : tokens) {
    if (token >= processor->GetPieceSize())
      pgrt::failInput("token " + std::to_string(token) +
                      " is not in the tokenizer's vocabulary of " +
                      std::to_string(processor->GetPieceSize()));
    if (processor->IsControl(token) || processor->IsUnknown(token) ||
        processor->IsUnused(token)) {
      afterControl = !processor->IsUnused(token);
      continue;
    }
    std::string_view piece = processor->IdToPiece(token);
    if (processor->IsByte(token)) {
      text.push_back(static_cast<char>(
          std::stoi(std::string(piece.substr(3, 2)), nullptr, 16)));
    } else {
      if (piece.starts_with(spaceMark)) {
        piece.remove_prefix(spaceMark.size());
        if (!afterControl)
          text.push_back(' ');
      }
      text.append(piece);
    }
    afterControl = false;
  }
  return text;
}

} // namespace pgdata
