// Makes a syntax tree of a text: the grammar of language.md section 12, with
// two tokens of lookahead.
#pragma once

#include "compiler/frontend/Ast.h"
#include "compiler/frontend/Diagnostics.h"

#include <memory>

namespace pgc {

/// How deep parentheses, brackets, prefix operators, `^` and `if … then` may
/// nest; also blocks.
inline constexpr unsigned maxNesting = 64;
/// How many operators and calls may stand in a row (1 + 1 + 1 ...), nested ones
/// counted: the height of the tree.
inline constexpr unsigned maxHeight = 256;
/// Elements of a list that is written out, arguments of a call.
inline constexpr size_t maxListElements = 65536;

/// Parses a whole buffer. Errors are reported, and what they hit is left out:
/// what is in the tree is whole.
std::unique_ptr<ast::File> parseFile(FileId file,
                                     DiagnosticEngine &diagnostics);

/// Parses "name = expr" at the bytes [begin, end) of a buffer. Null after an
/// error.
std::unique_ptr<ast::Let> parseDefine(FileId file, uint32_t begin, uint32_t end,
                                      DiagnosticEngine &diagnostics);

} // namespace pgc
