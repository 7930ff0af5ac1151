// Reads a file with all it includes, and works out which definition of each
// name counts: override stacks, -D.
#pragma once

#include "compiler/frontend/Ast.h"
#include "compiler/frontend/Diagnostics.h"

#include <array>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pgc {

/// One -D name=expr, as it came from the command line (without the "-D").
using Defines = std::vector<std::string>;

enum class SymbolKind { Constant, Function, Parameter };

/// One definition in an override stack.
struct Definition {
  FileId file = noFile;
  bool isOverride = false;
  bool fromCommandLine =
      false; ///< a -D; the let's text is in the buffer '<command line>'
  bool callsInherited =
      false; ///< its body names `inherited` (nested functions included)
  const ast::Stmt *stmt = nullptr; ///< a Let with one target, a Fn, or a Param:
                                   ///< as the symbol's kind says

  const ast::Let &let() const { return *llvm::cast<ast::Let>(stmt); }
  const ast::Fn &fn() const { return *llvm::cast<ast::Fn>(stmt); }
  const ast::Param &param() const { return *llvm::cast<ast::Param>(stmt); }
};

/// A top-level name with all its definitions. `inherited(...)` in stack[k]
/// means stack[k - 1].
struct Symbol {
  std::string name;
  SymbolKind kind = SymbolKind::Constant;
  std::vector<Definition>
      stack; ///< never empty; the one that counts is the last

  const Definition &top() const { return stack.back(); }
  /// Where the name stands in a definition.
  static SourceRange nameRange(const Definition &definition);
};

/// One text of a section in its stack. `inherited` in stack[k] means stack[k -
/// 1].
struct SectionDefinition {
  FileId file = noFile;
  bool isOverride = false;
  bool callsInherited = false;
  const ast::Section *section = nullptr;
};

/// A whole experiment. Owns the syntax trees. When load() reports no error, all
/// rules of language.md sections 1, 3 and 12 hold, and moreover:
/// - no top-level name is a word of the library or one that is always there;
/// locals may hide library words;
/// - `inherited` stands only where there is something below, and in a let or in
/// loss only as `inherited()`;
/// - for literal numbers an override is of the same kind (integers may stand
/// for floats). Whether the kinds of computed
///   numbers agree is for the evaluator to say;
/// - a let in an inner block that hides an outer local is read by somebody
/// (section 4);
/// - switches stand in train only, have names of their own, and no two have the
/// same.
class SourceProgram {
public:
  /// All files, the main file first, each before those it includes; '<command
  /// line>' last.
  std::vector<std::unique_ptr<ast::File>> files;
  FileId mainFile = noFile;

  /// Top-level names in the order of their first definition.
  std::vector<std::unique_ptr<Symbol>> symbols;
  /// Top-level assertions, in the order of inclusion.
  std::vector<const ast::Assert *> assertions;
  /// By SectionKind, bottom first; empty if no file has the section.
  std::array<std::vector<SectionDefinition>, ast::numSectionKinds> sections;
  /// The virtual file of the -Ds, or noFile.
  FileId commandLine = noFile;

  /// Null if there is none.
  const Symbol *lookup(std::string_view name) const;
  const std::vector<SectionDefinition> &section(ast::SectionKind kind) const {
    return sections[unsigned(kind)];
  }
  /// The statements or items of a section with each `inherited();` replaced by
  /// those of the section below. Not for loss, where `inherited()` is an
  /// expression: use its stack.
  std::vector<const ast::Stmt *> items(ast::SectionKind kind) const;
  /// The switches of train, in order.
  std::vector<const ast::Switch *> switches() const;
  /// Names of all symbols of a kind: for suggestions.
  std::vector<std::string> names(SymbolKind kind) const;

private:
  friend class Loader;
  std::map<std::string, Symbol *, std::less<>> table;
};

/// Parses `path` and what it includes, applies `defines`, and checks what is
/// said above. Reports all it finds; the program is null if there were errors.
std::unique_ptr<SourceProgram> load(const std::string &path,
                                    const Defines &defines,
                                    SourceManager &sources,
                                    DiagnosticEngine &diagnostics);

/// Words that a top-level definition cannot take: those of language.md section
/// 11, `tokens`, `step`, ... and `inherited`.
bool isReservedWord(std::string_view name);
/// All of them, for suggestions.
const std::vector<std::string> &reservedWords();

} // namespace pgc
