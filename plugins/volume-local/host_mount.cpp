#include "host_mount.hpp"

#include <netdb.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <sstream>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "device_url.hpp"
#include "project_quota/project_quota.hpp"
#include "system_error.hpp"

namespace gantry::local {
namespace {

constexpr std::array<std::string_view, 4> kKnown{"type", "o", "device", "size"};

std::string value_of(const Options& options, const std::string& name) {
  const auto found = options.find(name);
  return found == options.end() ? std::string{} : found->second;
}

void require(const Options& options, const std::string& given, const std::string& required) {
  if (options.contains(given) && !options.contains(required)) {
    throw Error{Errc::invalid, "missing required option: \"" + required + "\""};
  }
}

struct Flag {
  std::string_view name;
  unsigned long set;
  unsigned long clear;
};

constexpr std::array kFlags{
    Flag{"defaults", 0, 0},
    Flag{"ro", MS_RDONLY, 0},
    Flag{"rw", 0, MS_RDONLY},
    Flag{"suid", 0, MS_NOSUID},
    Flag{"nosuid", MS_NOSUID, 0},
    Flag{"dev", 0, MS_NODEV},
    Flag{"nodev", MS_NODEV, 0},
    Flag{"exec", 0, MS_NOEXEC},
    Flag{"noexec", MS_NOEXEC, 0},
    Flag{"async", 0, MS_SYNCHRONOUS},
    Flag{"sync", MS_SYNCHRONOUS, 0},
    Flag{"dirsync", MS_DIRSYNC, 0},
    Flag{"remount", MS_REMOUNT, 0},
    Flag{"atime", 0, MS_NOATIME},
    Flag{"noatime", MS_NOATIME, 0},
    Flag{"diratime", 0, MS_NODIRATIME},
    Flag{"nodiratime", MS_NODIRATIME, 0},
    Flag{"relatime", MS_RELATIME, 0},
    Flag{"norelatime", 0, MS_RELATIME},
    Flag{"strictatime", MS_STRICTATIME, 0},
    Flag{"bind", MS_BIND, 0},
    Flag{"rbind", MS_BIND | MS_REC, 0},
    Flag{"private", MS_PRIVATE, 0},
    Flag{"rprivate", MS_PRIVATE | MS_REC, 0},
    Flag{"shared", MS_SHARED, 0},
    Flag{"rshared", MS_SHARED | MS_REC, 0},
    Flag{"slave", MS_SLAVE, 0},
    Flag{"rslave", MS_SLAVE | MS_REC, 0},
    Flag{"unbindable", MS_UNBINDABLE, 0},
    Flag{"runbindable", MS_UNBINDABLE | MS_REC, 0},
};

struct Parsed {
  unsigned long flags{};
  std::string data;
};

Parsed parse(const std::string& text) {
  Parsed out;
  std::istringstream words{text};
  for (std::string word; std::getline(words, word, ',');) {
    const auto flag = std::find_if(kFlags.begin(), kFlags.end(), [&](const Flag& known) { return known.name == word; });
    if (flag != kFlags.end()) {
      out.flags = (out.flags | flag->set) & ~flag->clear;
    } else if (!word.empty()) {
      out.data += (out.data.empty() ? "" : ",") + word;
    }
  }
  return out;
}

// Whether the text is an address already, in numbers.
bool is_address(const std::string& text) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (::getaddrinfo(text.c_str(), nullptr, &hints, &found) != 0) return false;
  ::freeaddrinfo(found);
  return true;
}

std::string resolve(const std::string& host) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* raw = nullptr;
  const int failure = ::getaddrinfo(host.c_str(), nullptr, &hints, &raw);
  if (failure != 0) {
    throw Error{Errc::unavailable,
                "error resolving passed in network volume address: lookup " + host + ": " + ::gai_strerror(failure)};
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> found{raw, &::freeaddrinfo};
  // As dockerd does: IPv4 first.
  const addrinfo* chosen = found.get();
  for (const addrinfo* next = chosen; next != nullptr; next = next->ai_next) {
    if (next->ai_family == AF_INET) {
      chosen = next;
      break;
    }
  }
  std::array<char, NI_MAXHOST> text{};
  ::getnameinfo(chosen->ai_addr, chosen->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST);
  return text.data();
}

std::vector<std::string> words_of(const std::string& data) {
  std::vector<std::string> out;
  std::istringstream words{data};
  for (std::string word; std::getline(words, word, ',');) out.push_back(word);
  return out;
}

std::string joined(const std::vector<std::string>& words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : ",") + word;
  return out;
}

// The kernel's NFS and CIFS clients take addresses, no names.
std::string with_resolved_address(const std::string& data) {
  std::vector<std::string> words = words_of(data);
  for (std::string& word : words) {
    if (word.starts_with("addr=") && !is_address(word.substr(5))) word = "addr=" + resolve(word.substr(5));
  }
  return joined(words);
}

// A share's host is in its name, where no option tells another address.
std::string with_resolved_host(const std::string& device, const std::string& data) {
  const std::vector<std::string> words = words_of(data);
  const auto is_address_option = [](const std::string& word) {
    return word.starts_with("addr=") || word.starts_with("ip=");
  };
  if (std::any_of(words.begin(), words.end(), is_address_option)) return device;
  const DeviceUrl url = parse_device_url(device);
  if (url.host.empty() || url.host.front() == '[' || is_address(url.host)) return device;
  return url.before + resolve(url.host) + url.after;
}

// What an error may tell of the options: it comes before many eyes.
std::string without_passwords(const std::string& data) {
  std::vector<std::string> words = words_of(data);
  for (std::string& word : words) {
    for (const char* name : {"password=", "password2=", "pass="}) {
      if (word.starts_with(name)) word = std::string{name} + "********";
    }
  }
  return joined(words);
}

[[noreturn]] void fail(const std::string& device, const std::string& directory, const Parsed& parsed, int error) {
  std::array<char, 32> flags{};
  std::snprintf(flags.data(), flags.size(), "0x%lx", parsed.flags);
  std::string message = "failed to mount local volume: mount " + device + ":" + directory;
  if (parsed.flags != 0) message += std::string{", flags: "} + flags.data();
  if (!parsed.data.empty()) message += ", data: " + without_passwords(parsed.data);
  std::string reason = std::generic_category().message(error);
  if (!reason.empty()) reason.front() = static_cast<char>(std::tolower(static_cast<unsigned char>(reason.front())));
  const bool waits = error == ETIMEDOUT || error == ECONNREFUSED || error == EHOSTUNREACH || error == ENETUNREACH;
  throw Error{waits ? Errc::unavailable : Errc::io, message + ": " + reason};
}

// mountinfo(5) writes blanks and backslashes in octal.
std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool is_octal = text[at] == '\\' && at + 3 < text.size();
    out += is_octal ? static_cast<char>(std::stoi(text.substr(at + 1, 3), nullptr, 8)) : text[at];
    if (is_octal) at += 3;
  }
  return out;
}

}  // namespace

void check_options(const Options& options) {
  for (const auto& [name, value] : options) {
    if (std::find(kKnown.begin(), kKnown.end(), name) == kKnown.end()) {
      throw Error{Errc::invalid, "invalid option: \"" + name + "\""};
    }
  }
  if (value_of(options, "type") == "cifs" && !parse_device_url(value_of(options, "device")).port.empty()) {
    throw Error{Errc::invalid, "port not allowed in CIFS device URL, include 'port' in 'o='"};
  }
  require(options, "type", "device");
  require(options, "o", "device");
  require(options, "device", "type");
  const auto size = options.find("size");
  if (size != options.end() && project_quota::parse_size(size->second) == 0)
    throw Error{Errc::invalid, "invalid size: '" + size->second + "'"};
}

bool needs_mount(const Options& options) {
  return !value_of(options, "device").empty() || !value_of(options, "type").empty();
}

bool shows_host_directory(const Options& options) {
  return needs_mount(options) && (parse(value_of(options, "o")).flags & MS_BIND) != 0;
}

bool is_mounted(const std::string& directory) {
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields{line};
    std::string id, parent, device, root, place;
    if (fields >> id >> parent >> device >> root >> place && decoded(place) == directory) return true;
  }
  return false;
}

void mount_on(const std::string& directory, const Options& options) {
  std::string device = value_of(options, "device");
  const std::string type = value_of(options, "type");
  Parsed parsed = parse(value_of(options, "o"));
  if (device.empty()) throw Error{Errc::invalid, "missing device in volume options"};
  if (type == "nfs" || type == "nfs4" || type == "cifs") parsed.data = with_resolved_address(parsed.data);
  if (type == "cifs") device = with_resolved_host(device, parsed.data);
  constexpr unsigned long kPropagation = MS_PRIVATE | MS_SHARED | MS_SLAVE | MS_UNBINDABLE;
  const unsigned long first = parsed.flags & ~kPropagation;
  if (::mount(device.c_str(), directory.c_str(), type.c_str(), first,
              parsed.data.empty() ? nullptr : parsed.data.c_str()) != 0) {
    fail(device, directory, parsed, errno);
  }
  // Some flags take calls of their own: propagation, and whatever a bind shall have beside being one.
  const bool is_bind = (first & MS_BIND) != 0;
  const unsigned long beside = first & ~static_cast<unsigned long>(MS_BIND | MS_REC);
  const unsigned long propagation = parsed.flags & (kPropagation | MS_REC);
  const bool failed =
      (is_bind && beside != 0 &&
       ::mount(nullptr, directory.c_str(), nullptr, beside | MS_BIND | MS_REMOUNT, nullptr) != 0) ||
      ((propagation & kPropagation) != 0 && ::mount(nullptr, directory.c_str(), nullptr, propagation, nullptr) != 0);
  if (!failed) return;
  const int error = errno;
  unmount_from(directory);
  fail(device, directory, parsed, error);
}

void unmount_from(const std::string& directory) {
  while (is_mounted(directory)) {
    if (::umount2(directory.c_str(), UMOUNT_NOFOLLOW) == 0) continue;
    // Someone's working directory must not keep a volume from being removed.
    if (errno != EBUSY || ::umount2(directory.c_str(), MNT_DETACH | UMOUNT_NOFOLLOW) != 0) {
      throw_errno("cannot unmount " + directory);
    }
  }
}

}  // namespace gantry::local
