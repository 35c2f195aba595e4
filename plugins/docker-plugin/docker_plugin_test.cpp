#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "docker_plugin/address.hpp"
#include "docker_plugin/client.hpp"
#include "docker_plugin/limited_call.hpp"
#include "gantry/error.hpp"
#include "gantry/unique_fd.hpp"

namespace gantry::docker_plugin {
namespace {

namespace fs = std::filesystem;

class QuietCall final : public Call {
 public:
  bool cancelled() const noexcept override { return cancel; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
  bool cancel = false;
};

class DockerPlugin : public ::testing::Test {
 protected:
  DockerPlugin() {
    std::string pattern = fs::temp_directory_path() / "plugin-XXXXXX";
    root_ = ::mkdtemp(pattern.data());
    folders_.sockets = {root_ / "run"};
    folders_.specs = {root_ / "etc", root_ / "lib"};
    for (const char* name : {"run", "etc", "lib"}) fs::create_directory(root_ / name);
  }
  ~DockerPlugin() override { fs::remove_all(root_); }

  void write(const std::string& file, const std::string& text) { std::ofstream{root_ / file} << text; }
  UniqueFd listen(const std::string& file) {
    UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, (root_ / file).c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(socket.get(), 5), 0);
    return socket;
  }
  /// Answers as many connections as there are answers.
  static std::thread serve(const UniqueFd& socket, std::vector<std::string> answers) {
    return std::thread([fd = socket.get(), answers = std::move(answers)] {
      for (const std::string& answer : answers) {
        const UniqueFd client(::accept(fd, nullptr, nullptr));
        char request[4096];
        if (::read(client.get(), request, sizeof request) > 0) {
          EXPECT_EQ(::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL),
                    static_cast<ssize_t>(answer.size()));
        }
      }
    });
  }
  Errc failure(const std::string& answer, std::string& message) {
    const UniqueFd socket = listen("run/p.sock");
    std::thread server = serve(socket, {kActive, answer});
    Errc code = Errc::internal;
    try {
      Client client(folders_, "p", "VolumeDriver");
      client.call("Get", {{"Name", "x"}}, call_);
    } catch (const Error& error) {
      code = error.code();
      message = error.what();
    }
    server.join();
    fs::remove(root_ / "run/p.sock");
    return code;
  }

  static constexpr const char* kActive = "HTTP/1.0 200 OK\r\n\r\n{\"Implements\": [\"VolumeDriver\"]}";
  fs::path root_;
  Folders folders_;
  QuietCall call_;
};

TEST_F(DockerPlugin, IsFoundWhereDockerLooks) {
  EXPECT_FALSE(find_plugin(folders_, "p"));
  write("lib/p.json", R"({"Name": "p", "Addr": "http://[::1]:80"})");
  EXPECT_EQ(find_plugin(folders_, "p")->host, "::1");
  write("etc/p.spec", "tcp://localhost:8080\n");
  EXPECT_EQ(find_plugin(folders_, "p")->port, "8080");
  fs::create_directory(root_ / "run/p");
  const UniqueFd nested = listen("run/p/p.sock");
  EXPECT_EQ(find_plugin(folders_, "p")->path, root_ / "run/p/p.sock");
  const UniqueFd plain = listen("run/p.sock");
  EXPECT_EQ(find_plugin(folders_, "p")->path, root_ / "run/p.sock");
}

TEST_F(DockerPlugin, RefusesHostileNamesAndSpecs) {
  for (const char* name : {"", "..", "../p", "a/b", ".hidden", "-x"})
    EXPECT_THROW(find_plugin(folders_, name), Error) << name;
  for (const char* spec :
       {"", "p", "unix://relative", "tcp://host", "tcp://:80", "https://host", "file:///etc/passwd"}) {
    write("etc/p.spec", spec);
    EXPECT_THROW(find_plugin(folders_, "p"), Error) << spec;
  }
  fs::remove(root_ / "etc/p.spec");
  for (const char* spec : {"", "[]", "{}", R"({"Addr": 1})", R"({"Addr": "https://h:1", "TLSConfig": {"CAFile": 1}})",
                           R"({"Addr": "https://h:1", "TLSConfig": "x"})"}) {
    write("etc/p.json", spec);
    EXPECT_THROW(find_plugin(folders_, "p"), Error) << spec;
  }
}

TEST_F(DockerPlugin, SaysWhatThePluginSays) {
  const UniqueFd socket = listen("run/p.sock");
  std::thread server = serve(socket, {kActive, "HTTP/1.0 200 OK\r\nX: y\r\n\r\n{\"Mountpoint\": \"/m\", \"Err\": \"\"}",
                                      "HTTP/1.1 500 Oops\r\n\r\n{\"Err\": \"disk on fire\"}"});
  Client client(folders_, "p", "VolumeDriver");
  EXPECT_EQ(client.call("Mount", {{"Name", "x"}}, call_)["Mountpoint"], "/m");
  try {
    client.call("Mount", {{"Name", "x"}}, call_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "VolumeDriver.Mount: disk on fire");
  }
  server.join();
}

TEST_F(DockerPlugin, SurvivesHostileAnswers) {
  std::string message;
  EXPECT_EQ(failure("", message), Errc::invalid);
  EXPECT_EQ(failure("SSH-2.0-OpenSSH_9.2\r\n\r\n", message), Errc::invalid);
  EXPECT_EQ(failure("HTTP/1.0 200 OK\r\n\r\n[1, 2", message), Errc::invalid);
  EXPECT_EQ(failure("HTTP/1.0 200 OK\r\n\r\n[]", message), Errc::invalid);
  EXPECT_EQ(failure("HTTP/1.0 404 No\r\n\r\nno such method\n", message), Errc::io);
  EXPECT_EQ(message, "VolumeDriver.Get: no such method");
  EXPECT_EQ(failure("HTTP/1.0 503 No\r\n\r\n", message), Errc::io);
  EXPECT_EQ(message, "VolumeDriver.Get: status 503");
}

TEST_F(DockerPlugin, OneThatImplementsSomethingElseIsNone) {
  const UniqueFd socket = listen("run/p.sock");
  std::thread server = serve(socket, {"HTTP/1.0 200 OK\r\n\r\n{\"Implements\": [\"NetworkDriver\"]}"});
  Client client(folders_, "p", "VolumeDriver");
  EXPECT_THROW(client.call("List", nlohmann::json::object(), call_), Error);
  server.join();
}

TEST_F(DockerPlugin, OneThatDoesNotAnswerIsToldNoMoreFarewells) {
  const UniqueFd socket = listen("run/p.sock");
  Client client(folders_, "p", "VolumeDriver");
  const auto tell = [&](std::chrono::milliseconds limit, bool cancellable) -> std::string {
    try {
      client.call("Unmount", nlohmann::json::object(), LimitedCall(call_, limit, cancellable));
      return {};
    } catch (const Error& error) {
      return error.what();
    }
  };
  EXPECT_NE(tell(std::chrono::milliseconds{1}, false).find("it does not answer"), std::string::npos);
  EXPECT_NE(tell(std::chrono::hours{1}, false).find("not tried"), std::string::npos) << "nobody waits an hour";
  EXPECT_NE(tell(std::chrono::milliseconds{1}, true).find("it does not answer"), std::string::npos);
  for (int given_up = 0; given_up < 2; ++given_up) UniqueFd{::accept(socket.get(), nullptr, nullptr)};
  std::thread server = serve(socket, {kActive, "HTTP/1.0 200 OK\r\n\r\n{}"});
  EXPECT_EQ(tell(std::chrono::hours{1}, true), "") << "whoever wants something asks";
  server.join();
}

TEST_F(DockerPlugin, ACallThatIsCancelledEnds) {
  const UniqueFd socket = listen("run/p.sock");  // accepts, and never answers
  Client client(folders_, "p", "VolumeDriver");
  call_.cancel = true;
  try {
    client.call("List", nlohmann::json::object(), call_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::cancelled);
  }
}

}  // namespace
}  // namespace gantry::docker_plugin
