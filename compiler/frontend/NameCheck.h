// Names in functions that nobody may have called yet.
#pragma once

#include "compiler/frontend/Session.h"

namespace pgc {

/// Reports names in the bodies of functions that stand for nothing: also in
/// functions that the program never calls, quantisers for instance.
void checkNames(Session &session);

} // namespace pgc
