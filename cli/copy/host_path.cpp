#include "copy/host_path.hpp"

#include <unistd.h>

#include <climits>
#include <vector>

#include "command/failure.hpp"

namespace gantry::cli {

namespace {

std::string base_of(std::string_view path) {
  if (path.empty()) return ".";
  while (!path.empty() && path.back() == '/') path.remove_suffix(1);
  if (path.empty()) return "/";
  return std::string(path.substr(path.rfind('/') + 1));
}

std::string directory_of(std::string_view path) {
  const auto slash = path.rfind('/');
  return clean_path(slash == std::string_view::npos ? "" : path.substr(0, slash + 1));
}

}  // namespace

std::string clean_path(std::string_view path) {
  const bool rooted = !path.empty() && path.front() == '/';
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    path.remove_prefix(slash == std::string_view::npos ? path.size() : slash + 1);
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (!rooted) {
      parts.push_back(part);
    }
  }
  std::string out = rooted ? "/" : "";
  for (const std::string_view part : parts) {
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

bool has_trailing_separator(std::string_view path) { return !path.empty() && path.back() == '/'; }
bool names_current_directory(std::string_view path) { return base_of(path) == "."; }
bool asserts_directory(std::string_view path) { return has_trailing_separator(path) || names_current_directory(path); }

PathEntry split_entry(std::string_view path) {
  std::string cleaned = clean_path(path);
  if (names_current_directory(path)) cleaned += "/.";
  return {directory_of(cleaned), base_of(cleaned)};
}

std::string keep_ending(std::string cleaned, std::string_view original) {
  if (!names_current_directory(cleaned) && names_current_directory(original)) {
    if (!has_trailing_separator(cleaned)) cleaned += '/';
    cleaned += '.';
  }
  if (!has_trailing_separator(cleaned) && has_trailing_separator(original)) cleaned += '/';
  return cleaned;
}

std::string absolute_path(const std::string& path) {
  std::string absolute = path;
  if (path.empty() || path.front() != '/') {
    std::string here(PATH_MAX, '\0');
    if (::getcwd(here.data(), here.size()) == nullptr) throw Failure("getwd: cannot tell the working directory");
    here.resize(here.find('\0'));
    absolute = here + "/" + path;
  }
  return keep_ending(clean_path(absolute), path);
}

std::string link_destination(const std::string& link, const std::string& target) {
  if (!target.empty() && target.front() == '/') return target;
  return clean_path(split_entry(link).directory + "/" + target);
}

Resolved rename_resolved(std::string_view requested, std::string resolved) {
  if (names_current_directory(requested) && !names_current_directory(resolved)) resolved += "/.";
  if (has_trailing_separator(requested) && !has_trailing_separator(resolved)) resolved += "/";
  const std::string name = base_of(requested);
  return {resolved, name == base_of(resolved) ? "" : name};
}

}  // namespace gantry::cli
