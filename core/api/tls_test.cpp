#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>
#include <sys/socket.h>
#include <csignal>

#include <boost/asio/detached.hpp>
#include <filesystem>
#include <sstream>
#include <thread>

#include "api/server.hpp"
#include "base/id.hpp"

namespace gantry::api {
namespace {

using Key = std::unique_ptr<EVP_PKEY, decltype(&::EVP_PKEY_free)>;
using Certificate = std::unique_ptr<X509, decltype(&::X509_free)>;
using File = std::unique_ptr<FILE, int (*)(FILE*)>;

struct Identity {
  Key key{EVP_EC_gen("P-256"), &::EVP_PKEY_free};
  Certificate certificate{X509_new(), &::X509_free};
};

Identity make_identity(const char* name, long serial, const Identity* issuer) {
  Identity identity;
  X509* x509 = identity.certificate.get();
  X509_set_version(x509, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x509), serial);
  X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
  X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
  X509_set_pubkey(x509, identity.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name), -1, -1, 0);
  X509_set_issuer_name(x509, X509_get_subject_name(issuer != nullptr ? issuer->certificate.get() : x509));
  if (issuer == nullptr) {
    X509_EXTENSION* ca = X509V3_EXT_conf_nid(nullptr, nullptr, NID_basic_constraints, "critical,CA:TRUE");
    X509_add_ext(x509, ca, -1);
    X509_EXTENSION_free(ca);
  }
  X509_sign(x509, issuer != nullptr ? issuer->key.get() : identity.key.get(), EVP_sha256());
  return identity;
}

class TlsTest : public ::testing::Test {
 protected:
  TlsTest() : folder_(std::filesystem::temp_directory_path() / ("gantry-" + random_id().substr(0, 12))) {
    std::filesystem::create_directory(folder_);
    write_pem("ca.pem", authority_);
    write_pem("server.pem", server_identity_);
    router_.add("GET", "/hello", [](Exchange&) -> awaitable<Response> { co_return Response::text("hello over TLS"); });
    router_.add("POST", "/hijack", [](Exchange& exchange) -> awaitable<Response> {
      const auto client = co_await exchange.upgrade("application/vnd.docker.raw-stream");
      std::array<std::byte, 64> buffer{};
      std::size_t total = 0;
      while (const std::size_t got = co_await client->read(buffer)) total += got;
      const std::string last = "total " + std::to_string(total);
      co_await client->write(last);
      co_return Response::done();
    });
    ListenSettings settings;
    settings.tls =
        std::make_shared<TlsContext>(TlsSettings{file("server.pem"), file("server.pem"), file("ca.pem"), true});
    for (Listener& listener : open_listeners("tcp://127.0.0.1:0", settings)) {
      sockaddr_in address{};
      socklen_t size = sizeof(address);
      ::getsockname(listener.fd(), reinterpret_cast<sockaddr*>(&address), &size);
      port_ = address.sin_port;
      server_.listen(std::move(listener));
    }
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~TlsTest() override {
    stop();
    std::filesystem::remove_all(folder_);
  }

  void stop() {
    if (!thread_.joinable()) return;
    asio::co_spawn(context_, server_.stop(std::chrono::milliseconds{5000}), asio::detached);
    thread_.join();
  }

  [[nodiscard]] std::string file(const char* name) const { return folder_ / name; }

  void write_pem(const char* name, const Identity& identity) {
    const File out{std::fopen(file(name).c_str(), "w"), &std::fclose};
    PEM_write_X509(out.get(), identity.certificate.get());
    PEM_write_PrivateKey(out.get(), identity.key.get(), nullptr, nullptr, 0, nullptr, nullptr);
  }

  [[nodiscard]] UniqueFd connect() const {
    UniqueFd fd{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = port_;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fd.reset();
    return fd;
  }

  // Sends `text` without TLS and gives back all that is answered.
  std::string ask_plainly(const std::string& text) {
    const UniqueFd fd = connect();
    ::send(fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
    return rest(fd);
  }

  // What is sent until the connection is closed.
  static std::string rest(const UniqueFd& fd) {
    ::shutdown(fd.get(), SHUT_WR);
    std::string out;
    char buffer[1024];
    for (ssize_t got = 0; (got = ::recv(fd.get(), buffer, sizeof(buffer), 0)) > 0;) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
    return out;
  }

  // Sends `text`, half-closes, and gives back all that is answered; "" if the handshake or the exchange fails.
  std::string ask(const std::string& text, const Identity* client, int max_version = 0) {
    const std::unique_ptr<SSL_CTX, decltype(&::SSL_CTX_free)> context{SSL_CTX_new(TLS_client_method()),
                                                                      &::SSL_CTX_free};
    if (client != nullptr) {
      SSL_CTX_use_certificate(context.get(), client->certificate.get());
      SSL_CTX_use_PrivateKey(context.get(), client->key.get());
    }
    if (max_version != 0) SSL_CTX_set_max_proto_version(context.get(), max_version);
    const UniqueFd fd = connect();
    if (!fd) return "no connection";
    const std::unique_ptr<SSL, decltype(&::SSL_free)> ssl{SSL_new(context.get()), &::SSL_free};
    SSL_set_fd(ssl.get(), fd.get());
    if (SSL_connect(ssl.get()) != 1) {
      rest(fd);
      return "";
    }
    SSL_write(ssl.get(), text.data(), static_cast<int>(text.size()));
    SSL_shutdown(ssl.get());
    std::string out;
    char buffer[1024];
    for (int got = 0; (got = SSL_read(ssl.get(), buffer, sizeof(buffer))) > 0;) {
      out.append(buffer, static_cast<std::size_t>(got));
    }
    if (out.empty()) rest(fd);  // the daemon has said all about it when it closes the connection
    return out;
  }

  Identity authority_ = make_identity("ca", 1, nullptr);
  Identity server_identity_ = make_identity("localhost", 2, &authority_);
  std::filesystem::path folder_;
  asio::io_context context_;
  Router router_;
  Server server_{context_, router_};
  in_port_t port_{};
  std::thread thread_;
};

constexpr const char* kHello = "GET /hello HTTP/1.1\r\nHost: d\r\nConnection: close\r\n\r\n";

TEST_F(TlsTest, ServesWhoHasACertificateOfTheAuthority) {
  const Identity client = make_identity("client", 3, &authority_);
  EXPECT_THAT(ask(kHello, &client), ::testing::EndsWith("hello over TLS"));
}

TEST_F(TlsTest, RefusesEverybodyElse) {
  // The daemon ignores it; here a peer that hangs up must not end the test.
  ::signal(SIGPIPE, SIG_IGN);
  EXPECT_EQ(ask(kHello, nullptr), "");
  const Identity stranger = make_identity("client", 3, nullptr);
  EXPECT_EQ(ask(kHello, &stranger), "");
}

// What the daemon logs, from here on.
class Logged {
 public:
  Logged() : sink_(std::make_shared<spdlog::sinks::ostream_sink_mt>(text_, true)) {
    sink_->set_pattern("%l %v");
    spdlog::default_logger()->sinks().push_back(sink_);
  }
  ~Logged() { spdlog::default_logger()->sinks().pop_back(); }
  [[nodiscard]] std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::shared_ptr<spdlog::sinks::ostream_sink_mt> sink_;
};

TEST_F(TlsTest, TellsAndLogsWhyThereIsNoSession) {
  ::signal(SIGPIPE, SIG_IGN);
  const Logged logged;
  for (const char* method : {"GET", "HEAD", "POST", "PUT"}) {
    EXPECT_EQ(ask_plainly(std::string{method} + " /_ping HTTP/1.1\r\nHost: d\r\n\r\n"),
              "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n");
  }
  EXPECT_EQ(ask_plainly(""), "");
  EXPECT_EQ(ask_plainly("no TLS at all"), "");
  ask(kHello, nullptr);
  const Identity stranger = make_identity("client", 3, nullptr);
  ask(kHello, &stranger);
  stop();
  const std::string from = "info http: TLS handshake error from 127\\.0\\.0\\.1:[0-9]+: ";
  for (const char* why : {"client sent an HTTP request to an HTTPS server\n", "EOF\n",
                          "tls: first record does not look like a TLS handshake\n",
                          "tls: client didn't provide a certificate\n", "tls: failed to verify certificate: .*\n"}) {
    EXPECT_THAT(logged.text(), ::testing::ContainsRegex(from + why));
  }
}

TEST_F(TlsTest, RefusesOldProtocols) {
  const Identity client = make_identity("client", 3, &authority_);
  EXPECT_EQ(ask(kHello, &client, TLS1_1_VERSION), "");
  EXPECT_NE(ask(kHello, &client, TLS1_2_VERSION), "");
}

TEST_F(TlsTest, StreamsPastTheEndOfTheClientsInput) {
  const Identity client = make_identity("client", 3, &authority_);
  EXPECT_THAT(ask("POST /hijack HTTP/1.1\r\nHost: d\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n\r\nbytes", &client),
              ::testing::EndsWith("\r\n\r\ntotal 5"));
}

TEST_F(TlsTest, PlainTcpIsRefusedUnlessAskedFor) {
  EXPECT_THROW(open_listeners("tcp://127.0.0.1:0", {}), Error);
  ListenSettings plain;
  plain.plain_tcp = true;
  EXPECT_EQ(open_listeners("tcp://127.0.0.1:0", plain).size(), 1U);
  EXPECT_THROW(TlsContext({"/nowhere/cert.pem", "/nowhere/key.pem", "", false}), Error);
  EXPECT_THROW(open_listeners("http://x", {}), Error);
  EXPECT_THROW(open_listeners("unix://relative", {}), Error);
  EXPECT_THROW(open_listeners("fd://", {}), Error);
}

}  // namespace
}  // namespace gantry::api
