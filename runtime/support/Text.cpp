#include "runtime/support/Text.h"
#include "runtime/support/Error.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cmath>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <numeric>

namespace pgrt {

void failSystem(const std::string &action, const std::string &path) {
  int error = errno;
  bool input = error == ENOENT || error == EACCES || error == ENOTDIR ||
               error == EISDIR || error == EPERM;
  throw Error(input ? ExitCode::Input : ExitCode::Machine,
              cat(action, " '", path, "': ", std::strerror(error)));
}

std::string formatted(const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  int size = std::vsnprintf(nullptr, 0, format, args);
  va_end(args);
  std::string text(size > 0 ? size : 0, '\0');
  std::vsnprintf(text.data(), text.size() + 1, format, again);
  va_end(again);
  return text;
}

std::string withThousands(int64_t number) {
  std::string digits = std::to_string(number);
  for (int64_t i = int64_t(digits.size()) - 3; i > (number < 0 ? 1 : 0); i -= 3)
    digits.insert(size_t(i), ",");
  return digits;
}

std::string readableBytes(double bytes) {
  static constexpr const char *units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
  size_t unit = 0;
  while (bytes >= 999.5 && unit + 1 < std::size(units))
    bytes /= 1000, ++unit;
  int decimals = unit == 0 || bytes >= 100 ? 0 : bytes >= 10 ? 1 : 2;
  return formatted("%.*f %s", decimals, bytes, units[unit]);
}

std::string readableSeconds(double seconds) {
  if (!(seconds >= 0))
    return "?";
  if (seconds < 9.95)
    return formatted("%.1f s", seconds);
  if (seconds < 99.5)
    return formatted("%.0f s", seconds);
  if (seconds < 3570)
    return formatted("%d min %02d s", int(seconds / 60), int(seconds) % 60);
  if (seconds < 100 * 3600)
    return formatted("%d h %02d min", int(seconds / 3600),
                     int(seconds / 60) % 60);
  return formatted("%.0f days", seconds / 86400);
}

static size_t editDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t(0));
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t next =
          std::min({row[j] + 1, row[j + 1] + 1, diagonal + (a[i] != b[j])});
      diagonal = row[j + 1];
      row[j + 1] = next;
    }
  }
  return row.back();
}

std::string nearestName(std::string_view name,
                        const std::vector<std::string> &candidates) {
  size_t best = std::max<size_t>(2, name.size() / 3) + 1;
  std::string nearest;
  if (name.size() > 256)
    return nearest;
  for (const std::string &candidate : candidates) {
    size_t distance =
        candidate.size() > 512 ? best : editDistance(name, candidate);
    if (distance < best)
      best = distance, nearest = candidate;
  }
  return nearest;
}

std::string didYouMean(std::string_view name,
                       const std::vector<std::string> &candidates) {
  std::string nearest = nearestName(name, candidates);
  return nearest.empty() ? "" : cat("; did you mean '", nearest, "'?");
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    size_t end = std::min(text.find(separator), text.size());
    parts.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

template <typename T> static bool parseAll(std::string_view text, T &value) {
  auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() &&
         !text.empty();
}

bool parseInteger(std::string_view text, int64_t &value) {
  return parseAll(text, value);
}
bool parseNumber(std::string_view text, double &value) {
  return parseAll(text, value) && std::isfinite(value);
}

} // namespace pgrt
