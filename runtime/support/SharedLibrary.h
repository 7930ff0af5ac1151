// A library that is opened when it is needed, so that one program serves
// machines with and without it.
#pragma once

#include <string>
#include <vector>

namespace pgrt {

class SharedLibrary {
public:
  /// Opens the first of these that is there, by the system's rules for a
  /// library's name. It stays open for as long as the process lives: drivers
  /// keep threads of their own.
  explicit SharedLibrary(const std::vector<const char *> &names);

  /// Whether one was there; `problem` says what was wrong with the last.
  bool found() const { return handle != nullptr; }
  const std::string &name() const { return opened; }
  const std::string &problem() const { return wrong; }

  /// Sets a pointer to the library's function; throws Error (Machine) if it has
  /// none of that name: it is too old.
  template <typename Function>
  void load(Function *&function, const char *symbol) const {
    function = reinterpret_cast<Function *>(address(symbol));
  }

private:
  void *address(const char *symbol) const;

  void *handle = nullptr;
  std::string opened, wrong;
};

} // namespace pgrt
