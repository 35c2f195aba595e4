#include "build/package_lists.hpp"

#include <algorithm>
#include <functional>
#include <map>

#include "gantry/error.hpp"

namespace gantry::build {
namespace {

/// Longer than any name or version; what is longer is none.
constexpr std::size_t kLongest = 1024;

std::string_view trimmed(std::string_view text) {
  const std::size_t start = text.find_first_not_of(" \t\r");
  if (start == std::string_view::npos) return {};
  return text.substr(start, text.find_last_not_of(" \t\r") + 1 - start);
}

void each_line(std::string_view text, const std::function<void(std::string_view)>& take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

using Fields = std::map<std::string, std::string, std::less<>>;

/// Stanzas are apart by empty lines; what goes on on a next line is of no interest here.
void each_stanza(std::string_view text, const std::function<void(const Fields&)>& take) {
  Fields fields;
  each_line(text, [&](std::string_view line) {
    if (trimmed(line).empty()) {
      if (!fields.empty()) take(fields);
      fields.clear();
      return;
    }
    const std::size_t colon = line.find(':');
    if (line.front() == ' ' || line.front() == '\t' || colon == std::string_view::npos) return;
    const std::string_view value = trimmed(line.substr(colon + 1));
    if (colon <= kLongest && value.size() <= kLongest) fields.emplace(line.substr(0, colon), value);
  });
  if (!fields.empty()) take(fields);
}

std::string field(const Fields& fields, std::string_view name) {
  const auto found = fields.find(name);
  return found == fields.end() ? std::string{} : found->second;
}

/// "glibc (2.36-9)" or "glibc": with a version of its own, "glibc@2.36-9".
std::string debian_source(const std::string& text) {
  const std::size_t open = text.find(" (");
  if (open == std::string::npos) return text;
  const std::size_t close = text.find(')', open);
  return text.substr(0, open) + "@" + text.substr(open + 2, close == std::string::npos ? close : close - open - 2);
}

std::string unquoted(std::string_view text) {
  text = trimmed(text);
  const bool quoted = text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front();
  return std::string{quoted ? text.substr(1, text.size() - 2) : text};
}

}  // namespace

void add_package(Package package, std::vector<Package>& out) {
  if (package.name.empty() || package.version.empty()) return;
  if (out.size() == kMaxPackages) {
    throw Error{Errc::invalid,
                "cannot list the packages: the image has more than " + std::to_string(kMaxPackages) + " of them"};
  }
  out.push_back(std::move(package));
}

void add_debian_packages(std::string_view text, const std::string& path, std::vector<Package>& out) {
  each_stanza(text, [&](const Fields& fields) {
    const std::string status = field(fields, "Status");
    // The lists of status.d have none: there all are installed.
    if (!status.empty() && !status.ends_with(" installed")) return;
    Package package;
    package.kind = "deb";
    package.name = field(fields, "Package");
    package.version = field(fields, "Version");
    package.architecture = field(fields, "Architecture");
    package.source = debian_source(field(fields, "Source"));
    package.found_in = path;
    add_package(std::move(package), out);
  });
}

void add_alpine_packages(std::string_view text, const std::string& path, std::vector<Package>& out) {
  each_stanza(text, [&](const Fields& fields) {
    Package package;
    package.kind = "apk";
    package.name = field(fields, "P");
    package.version = field(fields, "V");
    package.architecture = field(fields, "A");
    package.source = field(fields, "o");
    package.license = field(fields, "L");
    package.found_in = path;
    add_package(std::move(package), out);
  });
}

Distribution parse_distribution(std::string_view text) {
  Distribution out;
  each_line(text, [&](std::string_view line) {
    if (line.size() > kLongest) return;
    if (line.starts_with("ID=")) out.id = unquoted(line.substr(3));
    if (line.starts_with("VERSION_ID=")) out.version = unquoted(line.substr(11));
  });
  return out;
}

}  // namespace gantry::build
