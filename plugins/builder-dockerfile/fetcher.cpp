#include "fetcher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <memory>

#include "fetch_process/fetch_process.hpp"
#include "gantry/error.hpp"
#include "layer_archive/directory.hpp"
#include "layer_archive/system_error.hpp"
#include "text.hpp"
#include "work_directory.hpp"

namespace gantry::dockerfile {

using fetch_process::fetch;
using layer_archive::Directory;
using layer_archive::throw_errno;

namespace {

constexpr const char* kLimitOption = "download-limit";

std::int64_t seconds_of(const std::string& text) {
  std::int64_t out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

/// Failures begin as those of the process do.
template <class Work>
auto about(const std::string& subject, const Work& work) {
  try {
    return work();
  } catch (const Error& error) {
    throw Error{error.code(), subject + ": " + error.what()};
  }
}

bool is_commit(const std::string& reference) {
  constexpr std::size_t kDigits = 40;
  return reference.size() == kDigits && reference.find_first_not_of("0123456789abcdef") == std::string::npos;
}

/// Everything below becomes root's, as it is in an archive that a client sent.
void give_to_root(const std::string& path) {
  const Directory directory = Directory::open(AT_FDCWD, path);
  if (::fchown(directory.fd(), 0, 0) != 0) throw_errno("cannot set the owner of a directory");
  for (const layer_archive::Name& name : directory.names()) {
    if (::fchownat(directory.fd(), name.text.c_str(), 0, 0, AT_SYMLINK_NOFOLLOW) != 0) {
      throw_errno("cannot set the owner of a file");
    }
    struct stat status {};
    if (::fstatat(directory.fd(), name.text.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(status.st_mode)) {
      give_to_root(path + "/" + name.text);
    }
  }
}

}  // namespace

Download Fetcher::file(const std::string& url, int file, const Call& call) const {
  const std::string subject = "failed to GET " + without_password(url);
  auto told =
      fetch({program_, "http", std::to_string(limit_), kLimitOption}, url, file, subject, [&] { call.check(); });
  const timespec modified{seconds_of(told["modified"]), 0};
  const timespec times[2] = {modified, modified};
  ::futimens(file, times);
  ::lseek(file, 0, SEEK_SET);
  Download out;
  out.name = file_name_of(url);
  if (out.name.empty()) out.name = file_name_in(told["disposition"]);
  const std::string type = told["type"];
  out.media_type = lower(trim(std::string_view{type}.substr(0, type.find(';'))));
  return out;
}

fetch_process::Told Fetcher::ask_git(std::vector<std::string> words, const std::string& url, int target,
                                     const Call& call) const {
  const std::string subject = "failed to fetch remote " + without_password(url);
  const auto check = [&] { call.check(); };
  if (!is_ssh_address(url)) return fetch(words, url, target, subject, check);
  const SshAddress address = about(subject, [&] { return parse_ssh_address(url); });
  const auto agent = about(subject, [&] { return std::make_unique<SshAccess::Agent>(ssh_); });
  words.push_back(ssh_.host_keys().of(address));
  auto told = fetch(words, url, target, subject, check, agent->socket());
  about(subject, [&] { ssh_.host_keys().pin(address, told["host-key"]); });
  return told;
}

std::string Fetcher::commit_of(const GitAddress& address, const Call& call) const {
  // A commit stands for itself: a step that the cache has asks no server, and needs no agent.
  if (is_commit(address.reference)) return address.reference;
  const UniqueFd nothing{::open("/dev/null", O_RDONLY | O_CLOEXEC)};
  return ask_git({program_, "resolve", address.reference}, address.url, nothing.get(), call)["commit"];
}

void Fetcher::repository(const GitAddress& address, const std::string& directory, bool keep_git,
                         const Call& call) const {
  const UniqueFd place = open_directory(directory);
  ask_git({program_, "git", address.reference, address.commit, keep_git ? "1" : "0", std::to_string(limit_)},
          address.url, place.get(), call);
  give_to_root(directory);
}

}  // namespace gantry::dockerfile
