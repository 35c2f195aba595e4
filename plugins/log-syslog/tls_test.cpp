#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <memory>

#include "../log-files/test_call.hpp"
#include "driver.hpp"

namespace gantry::log_syslog {
namespace {

namespace fs = std::filesystem;

template <auto Free>
struct Freed {
  template <class Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

/// A server named localhost, whose certificate says so by itself.
class TlsSyslog : public ::testing::Test {
 protected:
  TlsSyslog() {
    std::signal(SIGPIPE, SIG_IGN);
    std::string name = (fs::temp_directory_path() / "gantry-syslog-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    make_certificate();
    context_.reset(::SSL_CTX_new(::TLS_server_method()));
    ::SSL_CTX_use_certificate(context_.get(), certificate_.get());
    ::SSL_CTX_use_PrivateKey(context_.get(), key_.get());
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = ::htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_.get(), generic, size), 0);
    EXPECT_EQ(::listen(listener_.get(), 8), 0);
    EXPECT_EQ(::getsockname(listener_.get(), generic, &size), 0);
    options_ = {{"syslog-address", "tcp+tls://localhost:" + std::to_string(::ntohs(address.sin_port))},
                {"syslog-format", "rfc5424"},
                {"tag", "t"}};
  }
  ~TlsSyslog() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string ca_file() const { return folder_ / "ca.pem"; }

  /// What the next client sends until it leaves.
  std::future<std::string> serve_one() {
    return std::async(std::launch::async, [this] {
      const UniqueFd client{::accept(listener_.get(), nullptr, nullptr)};
      const std::unique_ptr<SSL, Freed<&::SSL_free>> session{::SSL_new(context_.get())};
      ::SSL_set_fd(session.get(), client.get());
      if (::SSL_accept(session.get()) != 1) return std::string{};
      std::string all;
      std::array<char, 4096> block{};
      for (int got = 0; (got = ::SSL_read(session.get(), block.data(), block.size())) > 0;) {
        all.append(block.data(), static_cast<std::size_t>(got));
      }
      return all;
    });
  }

  std::string plan_failure() {
    auto served = serve_one();
    try {
      log::v1::Plan plan;
      Driver{}.plan({}, options_, plan, call_);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }

  fs::path folder_;
  Options options_;
  log_files::PlainCall call_;

 private:
  void make_certificate() {
    X509* const x509 = certificate_.get();
    ::X509_set_version(x509, 2);
    ::ASN1_INTEGER_set(::X509_get_serialNumber(x509), 1);
    ::X509_gmtime_adj(::X509_getm_notBefore(x509), -3600);
    ::X509_gmtime_adj(::X509_getm_notAfter(x509), 3600);
    ::X509_set_pubkey(x509, key_.get());
    ::X509_NAME_add_entry_by_txt(::X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                                 reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
    ::X509_set_issuer_name(x509, ::X509_get_subject_name(x509));
    ::X509_sign(x509, key_.get(), ::EVP_sha256());
    const std::unique_ptr<std::FILE, Freed<&std::fclose>> file{std::fopen(ca_file().c_str(), "w")};
    ::PEM_write_X509(file.get(), x509);
  }

  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::unique_ptr<EVP_PKEY, Freed<&::EVP_PKEY_free>> key_{EVP_EC_gen("P-256")};
  std::unique_ptr<X509, Freed<&::X509_free>> certificate_{::X509_new()};
  std::unique_ptr<SSL_CTX, Freed<&::SSL_CTX_free>> context_;
};

TEST_F(TlsSyslog, GetsMessagesBehindTheirLengths) {
  options_["syslog-tls-ca-cert"] = ca_file();
  log::v1::Plan plan;
  {
    auto greeted = serve_one();
    Driver{}.plan({}, options_, plan, call_);
  }
  auto served = serve_one();
  {
    Driver beside;
    beside.open(plan.settings);
    log::v1::Entry entry;
    entry.text = "hi";
    beside.write(entry);
  }
  const std::string got = served.get();
  const std::size_t space = got.find(' ');
  ASSERT_NE(space, std::string::npos) << got;
  EXPECT_EQ(got.substr(0, space), std::to_string(got.size() - space - 1));
  EXPECT_TRUE(got.substr(space + 1).starts_with("<30>1 ")) << got;
  EXPECT_TRUE(got.ends_with(" t - hi\n")) << got;
}

TEST_F(TlsSyslog, IsTrustedOnlyIfItIsKnownOrThatDoesNotMatter) {
  EXPECT_EQ(plan_failure(), "tls: failed to verify certificate: x509: certificate signed by unknown authority");
  options_["syslog-tls-skip-verify"] = "";
  EXPECT_EQ(plan_failure(), "");
  options_["syslog-tls-ca-cert"] = "/nonesuch";
  log::v1::Plan plan;
  try {
    Driver{}.plan({}, options_, plan, call_);
    ADD_FAILURE() << "planned";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(),
                 "could not read CA certificate \"/nonesuch\": open /nonesuch: no such file or directory");
  }
}

}  // namespace
}  // namespace gantry::log_syslog
