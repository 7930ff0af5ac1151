// Loads experiments from texts instead of files.
#pragma once

#include "compiler/frontend/AstPrinter.h"
#include "compiler/frontend/Loader.h"

#include <map>
#include <memory>
#include <string>

namespace pgc::test {

/// An experiment whose files are given as texts; "main.pgm" is the one that is
/// loaded.
struct Loaded {
  explicit Loaded(const std::map<std::string, std::string> &files,
                  const Defines &defines = {},
                  const std::string &main = "main.pgm") {
    for (const auto &[path, text] : files)
      sources.addVirtualFile(path, text);
    program = load(main, defines, sources, diagnostics);
  }
  explicit Loaded(const std::string &text, const Defines &defines = {})
      : Loaded({{"main.pgm", text}}, defines) {}

  std::string messages() const { return diagnostics.str(); }
  std::string flat() const {
    return program ? printFlattened(*program) : "not loaded:\n" + messages();
  }

  SourceManager sources;
  DiagnosticEngine diagnostics{sources};
  std::unique_ptr<SourceProgram> program;
};

} // namespace pgc::test
