// Small text helpers: concatenation, numbers for people, nearest names.
#pragma once

#include <cstdint>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace pgrt {

/// All arguments, one after the other, as operator<< prints them.
template <typename... Parts> std::string cat(const Parts &...parts) {
  std::ostringstream out;
  (out << ... << parts);
  return out.str();
}

/// printf into a string.
__attribute__((format(printf, 1, 2))) std::string formatted(const char *format,
                                                            ...);

/// "35,944,536"
std::string withThousands(int64_t number);

/// "1.25 GB", "310 MB", "64 B" (decimal units)
std::string readableBytes(double bytes);

/// "0.8 s", "43 s", "12 min 30 s", "1 h 05 min"
std::string readableSeconds(double seconds);

/// The candidate with the smallest edit distance, if it is near enough to be a
/// slip of the pen; otherwise "".
std::string nearestName(std::string_view name,
                        const std::vector<std::string> &candidates);

/// " (did you mean 'x'?)" for the nearest candidate, or "".
std::string didYouMean(std::string_view name,
                       const std::vector<std::string> &candidates);

/// The parts between separators; none for an empty text.
std::vector<std::string> split(std::string_view text, char separator);

/// True, and the value, if all of `text` is a number of that kind in range.
bool parseInteger(std::string_view text, int64_t &value);
bool parseNumber(std::string_view text, double &value);

} // namespace pgrt
