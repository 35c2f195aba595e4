#include "driver.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <cstring>

#include "log_files/file_options.hpp"
#include "log_subject/option_text.hpp"
#include "record_file.hpp"

namespace gantry::log_local {

namespace {

using log::v1::Subject;

// dockerd's names.
std::string folder_of(const Subject& subject) { return subject.directory + "/local-logs"; }
std::string path_of(const Subject& subject) { return folder_of(subject) + "/container.log"; }

}  // namespace

void* Driver::query(std::string_view ability) noexcept {
  return ability == Reader::kAbility ? static_cast<Reader*>(this) : nullptr;
}

void Driver::options(std::vector<OptionInfo>& out) const {
  using log_subject::object_option;
  out.push_back(object_option("max-size", "20m", "Size of a file before the next one is begun; -1: no limit"));
  out.push_back(object_option("max-file", "5", "How many files are kept"));
  out.push_back(object_option("compress", "true", "Compress the files that are rotated"));
}

void Driver::open(Host& /*host*/) {}

void Driver::check(const Options& given, const Call& /*call*/) {
  std::vector<OptionInfo> known;
  options(known);
  log_subject::check_names(given, known, "log driver local");
}

void Driver::plan(const Subject& subject, const Options& given, log::v1::Plan& out, const Call& /*call*/) {
  const log_files::FileLimits limits = log_files::local_limits(given);
  if (::mkdir(folder_of(subject).c_str(), 0700) != 0 && errno != EEXIST) {
    throw Error{Errc::io, "cannot make " + folder_of(subject) + ": " + std::strerror(errno)};
  }
  out.writer = "local";
  out.path = path_of(subject);
  out.max_size = limits.max_size;
  out.max_files = limits.max_files;
  out.compress = limits.compress;
}

std::unique_ptr<log::v1::Cursor> Driver::read(const Subject& subject, const Options& /*options*/,
                                              const log::v1::ReadRequest& request, const Call& /*call*/) {
  // Followed before its first start: what is watched must be there.
  ::mkdir(folder_of(subject).c_str(), 0700);
  return std::make_unique<log_files::FileCursor>(path_of(subject), std::make_unique<Records>(), request);
}

void Driver::clear(const Subject& subject, const Options& /*options*/, const Call& /*call*/) {
  log_files::clear_files(path_of(subject));
}

}  // namespace gantry::log_local
