#include "log_files/file_options.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "log_subject/option_text.hpp"

namespace gantry::log_files {

namespace {

using log_subject::parse_count;
using log_subject::parse_size;
using log_subject::parse_truth;

constexpr std::uint64_t kDefaultSize = std::uint64_t{20} << 20;
constexpr std::uint32_t kDefaultFiles = 5;
constexpr std::int64_t kHighestCount = 1000;
constexpr const char* kUnlimited = "-1";  // ours: as dockerd's json-file without max-size

[[noreturn]] void refuse(const std::string& reason) { throw Error{Errc::invalid, reason}; }

// `work`'s refusal with a few words before it.
template <class Work>
auto explained(const std::string& words, Work work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error{error.code(), words + error.what()};
  }
}

std::uint32_t file_count(const std::string& text) {
  const std::int64_t count = parse_count(text);
  if (count > kHighestCount) refuse("invalid value for max-file: '" + text + "'");
  return count < 0 ? 0 : static_cast<std::uint32_t>(count);
}

}  // namespace

FileLimits json_file_limits(const Options& options) {
  FileLimits limits{kDefaultSize, kDefaultFiles, false};
  bool is_sized = false;
  if (const auto size = options.find("max-size"); size != options.end()) {
    is_sized = size->second != kUnlimited;
    limits.max_size = is_sized ? parse_size(size->second, 1000) : 0;
    if (is_sized && limits.max_size == 0) refuse("max-size must be a positive number");
    limits.max_files = 1;
  }
  if (const auto files = options.find("max-file"); files != options.end()) {
    limits.max_files = file_count(files->second);
    if (limits.max_files < 1) refuse("max-file cannot be less than 1");
  }
  if (const auto compress = options.find("compress"); compress != options.end()) {
    limits.compress = parse_truth(compress->second);
    if (limits.compress && (limits.max_files < 2 || !is_sized)) {
      refuse("compress cannot be true when max-file is less than 2 or max-size is not set");
    }
  }
  return limits;
}

FileLimits local_limits(const Options& options) {
  FileLimits limits{kDefaultSize, kDefaultFiles, true};
  if (const auto found = options.find("max-size"); found != options.end()) {
    const std::string& size = found->second;
    limits.max_size = explained("invalid value for max-size: " + size + ": ",
                                [&] { return size == kUnlimited ? 0 : parse_size(size, 1000); });
  }
  if (const auto found = options.find("max-file"); found != options.end()) {
    const std::string& files = found->second;
    limits.max_files = explained("invalid value for max-file: " + files + ": ", [&] { return file_count(files); });
  }
  if (const auto found = options.find("compress"); found != options.end()) {
    limits.compress = explained("error reading compress log option: ", [&] { return parse_truth(found->second); });
  }
  if (limits.compress && limits.max_files < 2) refuse("compression cannot be enabled when max file count is 1");
  if (limits.max_files < 1) limits.max_files = 1;
  return limits;
}

void clear_files(const std::string& path) {
  std::uint32_t oldest = 0;
  const auto rotated = [&path](std::uint32_t age) { return path + "." + std::to_string(age); };
  const auto exists = [&](std::uint32_t age) {
    return ::access(rotated(age).c_str(), F_OK) == 0 || ::access((rotated(age) + ".gz").c_str(), F_OK) == 0;
  };
  // The oldest first, so that no reader takes one for the next.
  while (exists(oldest + 1)) ++oldest;
  for (std::uint32_t age = oldest; age > 0; --age) {
    // In this order: a compressor that has not seen the first unlink misses its draft, or is undone by the last one.
    for (const char* form : {"", ".gz.draft", ".gz"}) ::unlink((rotated(age) + form).c_str());
  }
  // The present one stays in place, since it is being written to.
  if (::truncate(path.c_str(), 0) != 0 && errno != ENOENT) {
    throw Error{Errc::io, "cannot clear " + path + ": " + std::strerror(errno)};
  }
}

}  // namespace gantry::log_files
