// A command line, described once: the table parses it and prints its help.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pgrt {

/// One option. `--name VALUE` and `--name=VALUE` mean the same, as do `-n
/// VALUE` and `-nVALUE` of a name of one letter; a flag takes no value.
struct Option {
  std::string name;     ///< With its dashes: "--seed", "-o".
  std::string argument; ///< What help calls the value: "N"; empty for a flag.
  std::string help;     ///< One sentence, with the default if there is one;
                        ///< may have several lines.
  std::function<void(const std::string &)> set; ///< Given "" for a flag.
};

/// The options of a program or of one of its commands.
class OptionTable {
public:
  /// `usage` is printed as it stands after "usage: ", one line for each way to
  /// call the program; `about` follows it.
  OptionTable(std::string usage, std::string about)
      : usage(std::move(usage)), about(std::move(about)) {}

  void flag(const std::string &name, const std::string &help, bool &value);
  void text(const std::string &name, const std::string &argument,
            const std::string &help, std::string &value);
  /// An integer within [least, most].
  void integer(const std::string &name, const std::string &argument,
               const std::string &help, int64_t &value, int64_t least,
               int64_t most = INT64_MAX);
  /// A number above `above`.
  void number(const std::string &name, const std::string &argument,
              const std::string &help, double &value, double above);
  void add(Option option) { options.push_back(std::move(option)); }

  /// Sets what `arguments` say and returns what is not an option, in order.
  /// Throws Error (ExitCode::Usage) for an unknown option, with the nearest
  /// name, and for a value that is missing or out of range. "--" ends the
  /// options.
  std::vector<std::string>
  parse(const std::vector<std::string> &arguments) const;

  /// usage, about, and a line for each option.
  std::string help() const;

private:
  std::string usage, about;
  std::vector<Option> options;
};

} // namespace pgrt
