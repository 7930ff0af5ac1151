#include "runtime/cli/Options.h"

#include "runtime/support/Error.h"

#include <algorithm>

namespace pgrt {

void OptionTable::flag(const std::string &name, const std::string &help,
                       bool &value) {
  add({name, "", help, [&value](const std::string &) { value = true; }});
}

void OptionTable::text(const std::string &name, const std::string &argument,
                       const std::string &help, std::string &value) {
  add({name, argument, help,
       [&value](const std::string &given) { value = given; }});
}

void OptionTable::integer(const std::string &name, const std::string &argument,
                          const std::string &help, int64_t &value,
                          int64_t least, int64_t most) {
  add({name, argument, help, [=, &value](const std::string &given) {
         int64_t parsed;
         if (!parseInteger(given, parsed) || parsed < least || parsed > most)
           failUsage(name, " takes an integer of at least ", least,
                     most == INT64_MAX ? std::string()
                                       : cat(" and at most ", most),
                     ", not '", given, "'");
         value = parsed;
       }});
}

void OptionTable::number(const std::string &name, const std::string &argument,
                         const std::string &help, double &value, double above) {
  add({name, argument, help, [=, &value](const std::string &given) {
         double parsed;
         if (!parseNumber(given, parsed) || !(parsed > above))
           failUsage(name, " takes a number above ", above, ", not '", given,
                     "'");
         value = parsed;
       }});
}

std::vector<std::string>
OptionTable::parse(const std::vector<std::string> &arguments) const {
  std::vector<std::string> rest, names;
  for (const Option &option : options)
    names.push_back(option.name);
  auto find = [&](const std::string &name) {
    return std::find_if(
        options.begin(), options.end(),
        [&](const Option &option) { return option.name == name; });
  };
  for (size_t i = 0; i < arguments.size(); ++i) {
    const std::string &argument = arguments[i];
    if (argument == "--") {
      rest.insert(rest.end(), arguments.begin() + static_cast<ptrdiff_t>(i) + 1,
                  arguments.end());
      break;
    }
    if (argument.size() < 2 || argument[0] != '-') {
      rest.push_back(argument);
      continue;
    }
    size_t equals =
        argument.starts_with("--") ? argument.find('=') : std::string::npos;
    std::string name = argument.substr(0, equals);
    auto found = find(name);
    // -nVALUE
    if (auto letter = find(argument.substr(0, 2)); found == options.end() &&
                                                   letter != options.end() &&
                                                   !letter->argument.empty()) {
      letter->set(argument.substr(2));
      continue;
    }
    if (found == options.end())
      failUsage("unknown option '", name, "'", didYouMean(name, names),
                "; see --help");
    if (found->argument.empty()) {
      if (equals != std::string::npos)
        failUsage(name, " takes no value");
      found->set("");
    } else if (equals != std::string::npos) {
      found->set(argument.substr(equals + 1));
    } else if (i + 1 < arguments.size()) {
      found->set(arguments[++i]);
    } else {
      failUsage(name, " needs a value: ", name, " ", found->argument);
    }
  }
  return rest;
}

std::string OptionTable::help() const {
  size_t width = 0;
  for (const Option &option : options)
    width = std::max(width, option.name.size() + 1 + option.argument.size());
  std::string text = "usage: " + usage + "\n" + about + "\n\noptions:\n";
  for (const Option &option : options) {
    std::string left = option.argument.empty()
                           ? option.name
                           : option.name + " " + option.argument;
    std::string help = option.help, indent(width + 4, ' ');
    for (size_t at = 0; (at = help.find('\n', at)) != std::string::npos; ++at)
      help.insert(at + 1, indent);
    text +=
        "  " + left + std::string(width - left.size() + 2, ' ') + help + "\n";
  }
  return text;
}

} // namespace pgrt
