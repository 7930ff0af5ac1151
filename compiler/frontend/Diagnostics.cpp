#include "compiler/frontend/Diagnostics.h"

#include <algorithm>
#include <iomanip>
#include <iterator>
#include <numeric>
#include <ostream>
#include <sstream>

using namespace pgc;

// -------------------------------------------------------------------------------------------------------
// collecting

Diagnostic &Diagnostic::insert(SourceRange at, std::string text) {
  insertAt = at;
  insertText = std::move(text);
  return *this;
}

Diagnostic &Diagnostic::attach(Kind kind, SourceRange place, std::string text) {
  attachments.push_back({kind, place, std::move(text)});
  return *this;
}

Diagnostic &DiagnosticEngine::add(Diagnostic diagnostic) {
  const SourceRange &range = diagnostic.range;
  bool isNew =
      seen.insert({range.file, range.begin, range.end, diagnostic.message})
          .second;
  bool isError = diagnostic.severity == Severity::Error;
  if (isNew)
    ++(isError ? errorCount : warningCount);
  if (!isNew || (isError && errorCount > maxErrors)) {
    dropped = Diagnostic(); // somebody may still attach something
    return dropped;
  }
  diagnostics.push_back(std::move(diagnostic));
  return diagnostics.back();
}

Diagnostic &DiagnosticEngine::error(SourceRange range, std::string message) {
  Diagnostic diagnostic;
  diagnostic.range = range;
  diagnostic.message = std::move(message);
  return add(std::move(diagnostic));
}

Diagnostic &DiagnosticEngine::warning(SourceRange range, std::string name,
                                      std::string message) {
  if (ignoredWarnings.count(name)) {
    dropped = Diagnostic();
    return dropped;
  }
  Diagnostic diagnostic;
  bool isError = allWarningsAreErrors || warningErrors.count(name);
  diagnostic.severity = isError ? Severity::Error : Severity::Warning;
  diagnostic.range = range;
  diagnostic.message = std::move(message);
  diagnostic.name = std::move(name);
  return add(std::move(diagnostic));
}

void DiagnosticEngine::sortByPlace(size_t first) {
  std::vector<Diagnostic> sorted(
      std::make_move_iterator(diagnostics.begin() + first),
      std::make_move_iterator(diagnostics.end()));
  std::vector<size_t> order(sorted.size());
  std::iota(order.begin(), order.end(), size_t(0));
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    return std::tie(sorted[a].range.file, sorted[a].range.begin, a) <
           std::tie(sorted[b].range.file, sorted[b].range.begin, b);
  });
  for (size_t i = 0; i < order.size(); ++i)
    diagnostics[first + i] = std::move(sorted[order[i]]);
}

// ---------------------------------------------------------------------------------------------------------
// printing

namespace {
constexpr const char *bold = "\033[1m", *red = "\033[1;31m",
                     *magenta = "\033[1;35m", *blue = "\033[1;34m",
                     *green = "\033[1;32m", *plain = "\033[0m";

/// A line of source as a terminal shows it: tabs become spaces, what cannot be
/// shown a '?', and offsets into the line map to columns.
struct ShownLine {
  std::string text;
  std::vector<unsigned> columns; ///< for each byte of the line and its end, the
                                 ///< column (from 0) where it is shown

  explicit ShownLine(std::string_view line) {
    unsigned column = 0;
    for (size_t i = 0; i < line.size();) {
      size_t next = i + 1;
      while (next < line.size() &&
             (static_cast<unsigned char>(line[next]) & 0xC0) == 0x80)
        ++next;
      std::string_view character = line.substr(i, next - i);
      columns.insert(columns.end(), character.size(), column);
      if (character == "\t") {
        unsigned width = 8 - column % 8;
        text.append(width, ' ');
        column += width;
      } else {
        bool isShown = !findInvalidUtf8(character) &&
                       static_cast<unsigned char>(character[0]) >= 0x20 &&
                       character[0] != 0x7F;
        text += isShown ? std::string(character) : "?";
        ++column;
      }
      i = next;
    }
    columns.push_back(column);
  }
  unsigned column(size_t offset) const {
    return columns[std::min(offset, columns.size() - 1)];
  }
};
} // namespace

void DiagnosticEngine::printSnippet(SourceRange range, std::ostream &os,
                                    SourceRange insertAt,
                                    const std::string &insertText) const {
  LineColumn at = manager.lineColumn(range.file, range.begin);
  uint32_t start = manager.lineStart(range.file, at.line);
  std::string_view line = manager.lineText(range.file, at.line);
  ShownLine shown(line);
  os << std::setw(5) << at.line << " | " << shown.text << '\n';
  // The gutter is as wide as the number, which has five digits or fewer in any
  // sane file.
  std::string gutter(std::max<size_t>(5, std::to_string(at.line).size()), ' ');
  unsigned begin = shown.column(range.begin - start);
  size_t lastByte = std::min<size_t>(
      range.end - start, line.size()); // only the first line of a long range
  unsigned end = std::max(begin + 1, shown.column(lastByte));
  os << gutter << "   " << std::string(begin, ' ') << style(green) << '^'
     << std::string(end - begin - 1, '~') << style(plain) << '\n';
  if (insertText.empty() || insertAt.file != range.file ||
      manager.lineColumn(insertAt.file, insertAt.begin).line != at.line)
    return;
  os << gutter << " | "
     << std::string(shown.column(insertAt.begin - start), ' ') << style(green)
     << insertText << style(plain) << '\n';
}

void DiagnosticEngine::print(const Diagnostic &diagnostic,
                             std::ostream &os) const {
  auto head = [&](SourceRange range, const char *label, const char *labelColor,
                  const std::string &text) {
    if (range.isValid())
      os << style(bold) << manager.place(range) << ": " << style(plain);
    os << style(labelColor) << label << ": " << style(plain) << style(bold)
       << text << style(plain);
  };
  bool isError = diagnostic.severity == Severity::Error;
  head(diagnostic.range, isError ? "error" : "warning", isError ? red : magenta,
       diagnostic.message);
  if (!diagnostic.name.empty())
    os << " [" << diagnostic.name << ']';
  os << '\n';
  if (diagnostic.range.isValid())
    printSnippet(diagnostic.range, os, diagnostic.insertAt,
                 diagnostic.insertText);
  for (const Diagnostic::Attachment &attachment : diagnostic.attachments) {
    if (attachment.range.isValid()) {
      head(attachment.range, "note", blue, attachment.text);
      os << '\n';
      printSnippet(attachment.range, os);
      continue;
    }
    os << "  ";
    if (attachment.kind == Diagnostic::Kind::Note)
      os << "note: ";
    if (attachment.kind == Diagnostic::Kind::Help)
      os << "help: ";
    os << attachment.text << '\n';
  }
}

void DiagnosticEngine::print(std::ostream &os) const {
  for (const Diagnostic &diagnostic : diagnostics)
    print(diagnostic, os);
  if (unsigned more = errorCount > maxErrors ? errorCount - maxErrors : 0)
    os << "  note: " << more
       << (more == 1 ? " more error is" : " more errors are") << " not shown\n";
}

void DiagnosticEngine::printNew(std::ostream &os) {
  for (; printed < diagnostics.size(); ++printed)
    print(diagnostics[printed], os);
}

std::string DiagnosticEngine::str() const {
  std::ostringstream os;
  print(os);
  return os.str();
}

// ------------------------------------------------------------------------------------------------------
// suggestions

/// Edit distance with insertions, deletions, replacements, and swaps of
/// neighbours (optimal string alignment).
static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1,
                                     std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i)
    d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j)
    d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i)
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t cost = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] =
          std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + cost});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  return d[a.size()][b.size()];
}

std::string pgc::nearestName(std::string_view word,
                             const std::vector<std::string> &candidates) {
  std::string best;
  if (word.size() > 80)
    return best;
  size_t limit = (word.size() + 2) / 3; // a third of the letters may be wrong
  for (const std::string &candidate : candidates) {
    size_t longer = std::max(candidate.size(), word.size()),
           shorter = std::min(candidate.size(), word.size());
    if (longer - shorter > limit)
      continue;
    size_t distance = editDistance(word, candidate);
    // One wrong letter of one is another name.
    if (distance > limit || distance >= longer || distance == 0)
      continue;
    best = candidate;
    limit = distance - 1;
  }
  return best;
}

std::string pgc::didYouMean(std::string_view word,
                            const std::vector<std::string> &candidates) {
  std::string near = nearestName(word, candidates);
  return near.empty() ? "" : "; did you mean '" + near + "'?";
}
