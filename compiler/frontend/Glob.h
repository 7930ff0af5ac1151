// Globs on full names of parameters.
#pragma once

#include <string_view>

namespace pgc {

/// `*` stands for any characters, dots too; `?` for one.
bool matchesGlob(std::string_view glob, std::string_view name);

} // namespace pgc
