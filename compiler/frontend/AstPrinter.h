// Writes syntax trees as text.
#pragma once

#include "compiler/frontend/Loader.h"

#include <string>

namespace pgc {

/// An expression on one line, with the parentheses that it needs.
std::string print(const ast::Expr &expr);

/// The whole experiment as one file (--emit=ast): includes, overrides and -D
/// worked out. What `inherited` means is a function or constant of its own,
/// called <name>.inherited; a section's `inherited();` is replaced by the
/// items. Left out are constants and functions that nobody names, and comments.
/// The text parses again, to the same experiment, and printing that gives the
/// same text.
std::string printFlattened(const SourceProgram &program);

} // namespace pgc
