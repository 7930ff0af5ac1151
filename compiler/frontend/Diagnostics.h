// Errors and warnings with places, carets, notes, help and suggestions, in the
// look of language.md section 13.
#pragma once

#include "compiler/frontend/SourceManager.h"

#include <deque>
#include <iosfwd>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace pgc {

enum class Severity { Warning, Error };

/// One message, with what hangs on it, in the order of attachment. Attach by
/// chaining:
///   diagnostics.error(range, "linear: x has 512 features, w takes 12")
///       .detail("x : [B=48, T=2048, dim=512]    w : [heads=8, gate_width=12]")
///       .note(declared, "w is declared here")
///       .help("to take the first 12 features, write z[..., 0..gate_width]");
class Diagnostic {
public:
  /// A line below the caret, indented, without a label.
  Diagnostic &detail(std::string text) {
    return attach(Kind::Detail, {}, std::move(text));
  }
  /// "  note: text".
  Diagnostic &note(std::string text) {
    return attach(Kind::Note, {}, std::move(text));
  }
  /// "file:line:col: note: text" with its line and caret (as note(text) if
  /// `range` is no place).
  Diagnostic &note(SourceRange range, std::string text) {
    return attach(Kind::Note, range, std::move(text));
  }
  /// "  help: text".
  Diagnostic &help(std::string text) {
    return attach(Kind::Help, {}, std::move(text));
  }
  /// Shows `text` under the caret line, at the start of `at` (of the message's
  /// own line): what to write there.
  Diagnostic &insert(SourceRange at, std::string text);

  Severity severity = Severity::Error;
  SourceRange range;
  std::string message;
  /// The name of a warning: "inert". Empty for errors.
  std::string name;

private:
  friend class DiagnosticEngine;
  enum class Kind { Detail, Note, Help };
  struct Attachment {
    Kind kind;
    SourceRange range;
    std::string text;
  };
  Diagnostic &attach(Kind kind, SourceRange range, std::string text);

  std::vector<Attachment> attachments;
  SourceRange insertAt;
  std::string insertText;
};

/// Collects diagnostics and prints them. A message that was given before for
/// the same place is dropped (functions are inlined: one mistake is met many
/// times). After `maxErrors` errors further ones are counted but not kept.
class DiagnosticEngine {
public:
  static constexpr unsigned maxErrors = 20;

  explicit DiagnosticEngine(const SourceManager &sources) : manager(sources) {}
  DiagnosticEngine(const DiagnosticEngine &) = delete;

  /// Both give a reference that stays valid for attachments. `range` may be no
  /// place.
  Diagnostic &error(SourceRange range, std::string message);
  Diagnostic &warning(SourceRange range, std::string name, std::string message);

  /// Turns warnings that come from now on into errors: all, or those of one
  /// name (-Werror, -Werror=inert).
  void treatWarningsAsErrors() { allWarningsAreErrors = true; }
  void treatWarningAsError(std::string name) {
    warningErrors.insert(std::move(name));
  }
  /// Drops warnings of one name that come from now on (-Wno-inert).
  void ignoreWarning(std::string name) {
    ignoredWarnings.insert(std::move(name));
  }

  /// Sorts what was reported since there were `first` diagnostics by place, for
  /// phases that each go over a whole file. References to these are no longer
  /// valid.
  void sortByPlace(size_t first);

  /// Prints with ANSI colours.
  void useColor(bool use) { color = use; }

  bool hasErrors() const { return errorCount != 0; }
  unsigned numErrors() const { return errorCount; }
  unsigned numWarnings() const { return warningCount; }
  /// True once so many errors were found that going on helps nobody.
  bool tooManyErrors() const { return errorCount >= maxErrors; }

  const std::deque<Diagnostic> &all() const { return diagnostics; }
  const SourceManager &sources() const { return manager; }

  /// Prints everything, in the order of reporting.
  void print(std::ostream &os) const;
  /// Prints what came since the last call of this function.
  void printNew(std::ostream &os);
  std::string str() const;

private:
  Diagnostic &add(Diagnostic diagnostic);
  void print(const Diagnostic &diagnostic, std::ostream &os) const;
  void printSnippet(SourceRange range, std::ostream &os,
                    SourceRange insertAt = {},
                    const std::string &insertText = {}) const;

  const SourceManager &manager;
  std::deque<Diagnostic> diagnostics;
  Diagnostic dropped;
  std::set<std::tuple<FileId, uint32_t, uint32_t, std::string>> seen;
  std::set<std::string> warningErrors, ignoredWarnings;
  /// The escape sequence, or "" without colours.
  const char *style(const char *sequence) const {
    return color ? sequence : "";
  }

  bool allWarningsAreErrors = false;
  bool color = false;
  unsigned errorCount = 0, warningCount = 0;
  size_t printed = 0;
};

/// The candidate nearest to `word` by edit distance (swaps count once), or ""
/// if none is near enough to be a typo. Among equals the first one.
std::string nearestName(std::string_view word,
                        const std::vector<std::string> &candidates);

/// "; did you mean 'x'?" or "".
std::string didYouMean(std::string_view word,
                       const std::vector<std::string> &candidates);

} // namespace pgc
