#include "ssh.hpp"

#include <array>
#include <cstdlib>
#include <string_view>

#include "confinement.hpp"

namespace gantry::fetch {
namespace {

constexpr const char* kAnyKey = "any";

/// As `ssh-keygen -l` shows it: base64, without padding.
std::string fingerprint(const unsigned char (&hash)[32]) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out = "SHA256:";
  std::uint32_t bits = 0;
  int size = 0;
  for (const unsigned char byte : hash) {
    bits = bits << 8 | byte;
    for (size += 8; size >= 6; size -= 6) out += kDigits[bits >> (size - 6) & 63];
  }
  return out += kDigits[bits << (6 - size) & 63];
}

std::string text_of(const dockerfile::SshAddress& address) {
  return address.user + "@" + address.host + " port " + std::to_string(address.port);
}

void check_library() {
  bool usable = (::git_libgit2_features() & GIT_FEATURE_SSH) != 0;
#if LIBGIT2_VER_MAJOR > 1 || LIBGIT2_VER_MINOR >= 9
  // With "exec" it runs ssh, which would be asked neither for the host's key nor for the agent's.
  usable = usable && ::git_libgit2_feature_backend(GIT_FEATURE_SSH) == std::string_view{"libssh2"};
#endif
  if (!usable) throw Error{Errc::unsupported, "the daemon's libgit2 has no SSH (libssh2)"};
}

}  // namespace

SshLogin::SshLogin(std::string host_key) : host_key_(std::move(host_key)) {
  if (host_key_.empty()) return;
  // The descriptor is the socket itself: it has no path that this process could see.
  ::setenv("SSH_AUTH_SOCK", ("/proc/self/fd/" + std::to_string(kAgent)).c_str(), 1);
}

void SshLogin::prepare(const std::string& url) {
  if (host_key_.empty()) {
    throw Error{Errc::denied,
                "a submodule at an SSH address is taken only for a repository at an SSH address: no key of the user's "
                "is for others"};
  }
  check_library();
  const dockerfile::SshAddress wanted = dockerfile::parse_ssh_address(url);
  if (host_ && wanted != *host_) {
    throw Error{Errc::denied, "a submodule at an SSH address must be where the repository is, at " + text_of(*host_) +
                                  ", not at " + text_of(wanted) + ": the user's keys are for that host and user"};
  }
  host_ = wanted;
  asked_ = false;
}

int SshLogin::check_key(const git_cert* certificate) noexcept {
  if (certificate->cert_type != GIT_CERT_HOSTKEY_LIBSSH2) return refuse(Errc::denied, "the host has no SSH key");
  const auto& key = *reinterpret_cast<const git_cert_hostkey*>(certificate);
  if ((key.type & GIT_CERT_SSH_SHA256) == 0) return refuse(Errc::denied, "the host's key has no SHA-256 digest");
  const std::string shown = fingerprint(key.hash_sha256);
  if (host_key_ == kAnyKey) host_key_ = shown;
  if (shown == host_key_) return 0;
  return refuse(Errc::denied, "the key of the host " + host_->host + " has changed during the build: it was " +
                                  host_key_ + " and is " + shown + " now");
}

int SshLogin::give_key(git_credential** out, const char* user, unsigned allowed) noexcept {
  if ((allowed & GIT_CREDENTIAL_USERNAME) != 0) return ::git_credential_username_new(out, host_->user.c_str());
  // Asked again, it has refused all that the agent has.
  if (asked_ || (allowed & GIT_CREDENTIAL_SSH_KEY) == 0) {
    return refuse(Errc::denied, "the host " + host_->host + " takes none of the SSH agent's keys for the user " + user +
                                    ": ssh-add the right one, of Ed25519 or ECDSA (of RSA if the daemon's libssh2 is "
                                    "1.11 or later)");
  }
  asked_ = true;
  return ::git_credential_ssh_key_from_agent(out, user);
}

int SshLogin::refuse(Errc code, const std::string& why) noexcept {
  refusal_.emplace(code, why);
  return -1;
}

void SshLogin::check() const {
  if (refusal_) throw *refusal_;
}

std::string SshLogin::host_key() const { return host_key_ == kAnyKey ? "" : host_key_; }

}  // namespace gantry::fetch
