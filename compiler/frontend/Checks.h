// Parts of load(): who includes whom, and the checks that need no values.
#pragma once

#include "compiler/frontend/Loader.h"

#include <map>
#include <vector>

namespace pgc {

/// Which file includes which.
struct IncludeGraph {
  struct Edge {
    FileId target;
    SourceRange range; ///< of the include
  };
  struct Node {
    std::vector<Edge>
        includes; ///< in order; files included before are listed too
  };
  std::map<FileId, Node> nodes;

  /// Whether `from` is `to`, or includes it, directly or through others.
  bool reaches(FileId from, FileId to) const;

  /// Where two files that do not know of each other come together: the include,
  /// in the innermost file that reaches both, that brings in `later`.
  /// `otherwise` if there is none.
  SourceRange commonInclude(FileId root, FileId later, FileId earlier,
                            SourceRange otherwise) const;
};

/// Whether `inherited` is named in a definition or section.
bool usesInherited(const ast::Stmt &stmt);
bool usesInherited(const ast::Section &section);

/// Checks `inherited`, switches, and lets that reach nobody.
void checkProgram(const SourceProgram &program, DiagnosticEngine &diagnostics);

} // namespace pgc
