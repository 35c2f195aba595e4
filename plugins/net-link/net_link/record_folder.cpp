#include "net_link/record_folder.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::net_link {
namespace {

constexpr const char* kUnfinished = ".new";

[[noreturn]] void fail(const std::string& path) { throw Error{Errc::io, path + ": " + std::strerror(errno)}; }

void replace_file(const std::filesystem::path& path, const std::string& content) {
  const std::string unfinished = path.string() + kUnfinished;
  const UniqueFd file(::open(unfinished.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) fail(unfinished);
  if (::write(file.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) fail(unfinished);
  if (::rename(unfinished.c_str(), path.c_str()) != 0) fail(path);
}

}  // namespace

void check_id(const std::string& id) {
  const bool hex =
      std::all_of(id.begin(), id.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  if (id.size() < 12 || id.size() > 64 || !hex) {
    throw Error{Errc::invalid, "an id of 12 to 64 hex digits was expected, not \"" + id + "\""};
  }
}

RecordFolder::RecordFolder(std::filesystem::path directory) : directory_(std::move(directory)) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  if (error) throw Error{Errc::io, directory_.string() + ": " + error.message()};
}

void RecordFolder::put(const std::string& name, const std::string& text) const {
  replace_file(directory_ / name, text);
}

void RecordFolder::add(const std::string& name, const std::string& line) const {
  const std::string path = directory_ / name;
  const std::string text = line + "\n";
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) fail(path);
}

bool RecordFolder::read(const std::string& name,
                        const std::function<void(const std::string&, const std::string&)>& visit) const {
  std::ifstream file(directory_ / name);
  if (!file) return false;
  for (std::string line; std::getline(file, line);) {
    const auto space = line.find(' ');
    if (space != std::string::npos) visit(line.substr(0, space), line.substr(space + 1));
  }
  return true;
}

void RecordFolder::erase(const std::string& name) const {
  const std::string path = directory_ / name;
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail(path);
}

std::vector<std::string> RecordFolder::names() const {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(directory_)) {
    if (entry.path().extension() != kUnfinished) names.push_back(entry.path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::string endpoint_file(const std::string& network_id, const std::string& id) {
  check_id(network_id);
  check_id(id);
  return network_id + "-" + id;
}

std::vector<std::pair<std::string, std::string>> endpoint_ids(const RecordFolder& folder) {
  std::vector<std::pair<std::string, std::string>> out;
  for (const std::string& name : folder.names()) {
    const auto dash = name.find('-');
    if (dash != std::string::npos) out.emplace_back(name.substr(0, dash), name.substr(dash + 1));
  }
  return out;
}

}  // namespace gantry::net_link
