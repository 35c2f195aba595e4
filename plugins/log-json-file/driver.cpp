#include "driver.hpp"

#include "json_line.hpp"
#include "log_files/file_options.hpp"
#include "log_subject/attributes.hpp"
#include "log_subject/go_json.hpp"
#include "log_subject/option_text.hpp"
#include "log_subject/tag.hpp"

namespace gantry::json_file {

namespace {

using log::v1::Subject;

std::string path_of(const Subject& subject) { return subject.directory + "/" + subject.id + "-json.log"; }

std::string attributes_json(const Subject& subject, const Options& options) {
  auto attributes = log_subject::attributes_of(subject, options);
  // As dockerd: without the option there is no tag.
  if (const std::string pattern = log_subject::text_of(options, "tag"); !pattern.empty()) {
    attributes["tag"] = log_subject::expand_tag(pattern, subject);
  }
  return attributes.empty() ? std::string{} : log_subject::go_json(attributes);
}

}  // namespace

void* Driver::query(std::string_view ability) noexcept {
  if (ability == Reader::kAbility) return static_cast<Reader*>(this);
  if (ability == Instant::kAbility) return static_cast<Instant*>(this);
  return nullptr;
}

// An expression takes as long as it takes.
bool Driver::answers_at_once(const Options& options) const noexcept {
  return !options.contains("labels-regex") && !options.contains("env-regex");
}

void Driver::options(std::vector<OptionInfo>& out) const {
  using log_subject::object_option;
  out.push_back(object_option("max-size", "20m", "Size of a file before the next one is begun; -1: no limit"));
  out.push_back(object_option("max-file", "5", "How many files are kept; with max-size: 1"));
  out.push_back(object_option("compress", "false", "Compress the files that are rotated"));
  log_subject::add_subject_options(out);
}

void Driver::open(Host& /*host*/) {}

void Driver::check(const Options& given, const Call& /*call*/) {
  std::vector<OptionInfo> known;
  options(known);
  log_subject::check_names(given, known, "json-file log driver");
}

void Driver::plan(const Subject& subject, const Options& given, log::v1::Plan& out, const Call& /*call*/) {
  const log_files::FileLimits limits = log_files::json_file_limits(given);
  out.writer = "json-file";
  out.path = path_of(subject);
  out.max_size = limits.max_size;
  out.max_files = limits.max_files;
  out.compress = limits.compress;
  out.attributes = attributes_json(subject, given);
}

std::unique_ptr<log::v1::Cursor> Driver::read(const Subject& subject, const Options& /*options*/,
                                              const log::v1::ReadRequest& request, const Call& /*call*/) {
  return std::make_unique<log_files::FileCursor>(path_of(subject), std::make_unique<JsonLines>(), request);
}

void Driver::clear(const Subject& subject, const Options& /*options*/, const Call& /*call*/) {
  log_files::clear_files(path_of(subject));
}

}  // namespace gantry::json_file
