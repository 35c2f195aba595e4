#include <arpa/inet.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
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
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <thread>

#include "docker_plugin/client.hpp"
#include "docker_plugin/tls_line.hpp"

namespace gantry::docker_plugin {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using ::testing::HasSubstr;

template <auto Free>
struct Freed {
  template <class Object>
  void operator()(Object* object) const {
    Free(object);
  }
};

class NoCall final : public Call {
 public:
  bool cancelled() const noexcept override { return false; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
};

/// Of a thread that has had to do with other sessions, which leave errors, and one byte at a time.
class LitteredLine final : public Line {
 public:
  explicit LitteredLine(std::unique_ptr<Line> line) : line_(std::move(line)) {}
  void send(std::string_view bytes) override {
    line_->send(bytes);
    litter();
  }
  std::size_t receive(std::span<char> bytes) override {
    litter();
    return line_->receive(bytes.first(1));
  }

 private:
  static void litter() { ERR_raise(ERR_LIB_USER, 1); }

  std::unique_ptr<Line> line_;
};

/// A plugin at https://localhost, whose certificate says so by itself.
class TlsPlugin : public ::testing::Test {
 protected:
  TlsPlugin() {
    std::signal(SIGPIPE, SIG_IGN);  // the server's
    std::string name = (fs::temp_directory_path() / "gantry-tls-plugin-XXXXXX").string();
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
    address_ = "https://localhost:" + std::to_string(::ntohs(address.sin_port));
  }
  ~TlsPlugin() override {
    ::shutdown(listener_.get(), SHUT_RDWR);
    if (server_.joinable()) server_.join();
    fs::remove_all(folder_);
  }
  void SetUp() override {
    server_ = std::thread{[this] { serve(); }};
  }

  [[nodiscard]] std::string file(const char* name) const { return folder_ / name; }

  void demand_certificate() {
    ::SSL_CTX_load_verify_locations(context_.get(), file("ca.pem").c_str(), nullptr);
    ::SSL_CTX_set_verify(context_.get(), SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  }

  /// What comes of a call by a spec file with that TLSConfig: the mount point's begin, or the error.
  std::string mount(const json& config) {
    std::ofstream{folder_ / "p.json"} << json{{"Name", "p"}, {"Addr", address_}, {"TLSConfig", config}};
    Folders folders;
    folders.sockets = {};
    folders.specs = {folder_};
    Client client(folders, "p", "VolumeDriver");
    const NoCall call;
    try {
      const json mounted = client.call("Mount", {{"Name", std::string(20000, 'x')}}, call);
      return mounted["Mountpoint"].get<std::string>().substr(0, 5);
    } catch (const Error& error) {
      return error.what();
    }
  }

  UniqueFd connect() {
    UniqueFd client{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    ::getsockname(listener_.get(), generic, &size);
    EXPECT_EQ(::connect(client.get(), generic, size), 0);
    EXPECT_EQ(::fcntl(client.get(), F_SETFL, O_NONBLOCK), 0);
    return client;
  }

  fs::path folder_;
  std::string address_;

 private:
  /// Until nobody listens any more.
  void serve() {
    for (;;) {
      const UniqueFd client{::accept(listener_.get(), nullptr, nullptr)};
      if (!client) return;
      const std::unique_ptr<SSL, Freed<&::SSL_free>> session{::SSL_new(context_.get())};
      ::SSL_set_fd(session.get(), client.get());
      if (::SSL_accept(session.get()) == 1) answer(session.get());
    }
  }

  static void answer(SSL* session) {
    std::string request;
    std::array<char, 4096> piece{};
    while (!request.ends_with("}")) {
      const int got = ::SSL_read(session, piece.data(), static_cast<int>(piece.size()));
      if (got <= 0) return;
      request.append(piece.data(), static_cast<std::size_t>(got));
    }
    const bool first = request.starts_with("POST /Plugin.Activate ");
    const json body = first ? json{{"Implements", {"VolumeDriver"}}} : json{{"Mountpoint", std::string(40000, 'm')}};
    const std::string text = "HTTP/1.0 200 OK\r\n\r\n" + body.dump();
    ::SSL_write(session, text.data(), static_cast<int>(text.size()));
    ::SSL_shutdown(session);
  }

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
    const std::unique_ptr<std::FILE, Freed<&std::fclose>> ca{std::fopen(file("ca.pem").c_str(), "w")};
    ::PEM_write_X509(ca.get(), x509);
    const std::unique_ptr<std::FILE, Freed<&std::fclose>> key{std::fopen(file("key.pem").c_str(), "w")};
    ::PEM_write_PrivateKey(key.get(), key_.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }

  UniqueFd listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  std::unique_ptr<EVP_PKEY, Freed<&::EVP_PKEY_free>> key_{EVP_EC_gen("P-256")};
  std::unique_ptr<X509, Freed<&::X509_free>> certificate_{::X509_new()};
  std::unique_ptr<SSL_CTX, Freed<&::SSL_CTX_free>> context_;
  std::thread server_;
};

TEST_F(TlsPlugin, IsSpokenToIfItsCertificateIsTrusted) { EXPECT_EQ(mount({{"CAFile", file("ca.pem")}}), "mmmmm"); }

TEST_F(TlsPlugin, IsNotAskedWhoItIsWhereDockerdDoesNot) {
  EXPECT_EQ(mount(json::object()), "mmmmm");
  EXPECT_EQ(mount({{"CAFile", ""}, {"InsecureSkipVerify", false}}), "mmmmm");
}

TEST_F(TlsPlugin, OfNobodyWhoIsTrustedIsRefused) {
  EXPECT_THAT(mount(nullptr), HasSubstr("tls: failed to verify the certificate of localhost: self-signed certificate"));
}

TEST_F(TlsPlugin, MayAskForACertificate) {
  demand_certificate();
  EXPECT_EQ(mount({{"CAFile", file("ca.pem")}, {"CertFile", file("ca.pem")}, {"KeyFile", file("key.pem")}}), "mmmmm");
  EXPECT_THAT(mount({{"CAFile", file("ca.pem")}}), HasSubstr("Plugin.Activate: "));
}

TEST_F(TlsPlugin, IsNotBlamedForWhatOtherSessionsLeft) {
  Tls settings;
  settings.ca = file("ca.pem");
  const NoCall call;
  auto littered = std::make_unique<LitteredLine>(std::make_unique<PlainLine>(connect(), call));
  TlsLine line{std::move(littered), "localhost", settings};
  line.send("POST /Plugin.Activate HTTP/1.0\r\n\r\n{}");
  std::string answer;
  std::array<char, 4096> piece{};
  while (const std::size_t got = line.receive(piece)) answer.append(piece.data(), got);
  EXPECT_THAT(answer, HasSubstr("VolumeDriver"));
}

TEST_F(TlsPlugin, FilesThatAreNotThereAreNamed) {
  EXPECT_THAT(mount({{"CAFile", "/nonesuch"}}), HasSubstr("TLSConfig: open /nonesuch: No such file or directory"));
}

}  // namespace
}  // namespace gantry::docker_plugin
