#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <filesystem>

#include "../log-files/test_call.hpp"
#include "driver.hpp"
#include "fields.hpp"

namespace gantry::journald {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

/// What the daemon gives a driver.
class PlainHost final : public Host {
 public:
  explicit PlainHost(Options options) : options_(std::move(options)) {}
  [[nodiscard]] std::string data_dir() const override { return {}; }
  [[nodiscard]] std::string exec_dir() const override { return {}; }
  [[nodiscard]] std::string libexec_dir() const override { return {}; }
  [[nodiscard]] const Options& options() const override { return options_; }
  void log(LogLevel, std::string_view) const noexcept override {}
  [[nodiscard]] void* query(std::string_view) noexcept override { return nullptr; }

 private:
  Options options_;
};

class Journald : public ::testing::Test {
 protected:
  Journald() {
    std::string name = (fs::temp_directory_path() / "gantry-journald-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    path_ = folder_ / "socket";
    subject_.id = std::string(64, 'a');
    subject_.name = "web";
    subject_.image_name = "busybox";
    subject_.labels = {{"my.label", "1\n2"}};
  }
  ~Journald() override { fs::remove_all(folder_); }

  void listen() {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path_.c_str(), path_.size());
    server_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(server_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  }

  fs::path folder_;
  std::string path_;
  UniqueFd server_;
  log_files::PlainCall call_;
  log::v1::Subject subject_;
};

TEST_F(Journald, NamesFieldsAsDockerd) {
  EXPECT_EQ(field_name("my.label-1"), "MY_LABEL_1");
  EXPECT_EQ(field_name("__x"), "X");
  EXPECT_EQ(field_name("..."), "");
}

TEST_F(Journald, SaysHowLongAValueOfSeveralLinesIs) {
  std::string out;
  append_field(out, "A", "x");
  append_field(out, "B", "1\n2");
  EXPECT_EQ(out, std::string("A=x\nB\n\3\0\0\0\0\0\0\0001\n2\n", 4 + 2 + 8 + 4));
}

TEST_F(Journald, SendsWhatItPlanned) {
  listen();
  PlainHost host{{{"socket", path_}}};
  Driver driver;
  driver.open(host);
  log::v1::Plan plan;
  driver.plan(subject_, {{"labels", "my.label"}, {"tag", "{{.Name}}"}}, plan, call_);
  EXPECT_EQ(plan.writer, "process");
  Driver beside;
  beside.open(plan.settings);
  log::v1::Entry entry;
  entry.text = "hi";
  entry.from_stderr = true;
  entry.time = 1'767'225'600'500'000'000;
  entry.partial = true;
  entry.partial_id = "p";
  entry.ordinal = 2;
  beside.write(entry);
  std::array<char, 4096> buffer{};
  const ssize_t got = ::recv(server_.get(), buffer.data(), buffer.size(), 0);
  ASSERT_GT(got, 0);
  const std::string fields{buffer.data(), static_cast<std::size_t>(got)};
  EXPECT_THAT(fields, HasSubstr("PRIORITY=3\nMESSAGE=hi\nSYSLOG_TIMESTAMP=2026-01-01T00:00:00.5Z\n"));
  EXPECT_THAT(fields,
              HasSubstr("CONTAINER_PARTIAL_MESSAGE=true\nCONTAINER_PARTIAL_ID=p\nCONTAINER_PARTIAL_ORDINAL=2\n"));
  EXPECT_THAT(fields, HasSubstr("CONTAINER_ID=aaaaaaaaaaaa\n"));
  EXPECT_THAT(fields, HasSubstr("CONTAINER_NAME=web\nCONTAINER_TAG=web\nIMAGE_NAME=busybox\nSYSLOG_IDENTIFIER=web\n"));
  EXPECT_THAT(fields, HasSubstr(std::string("MY_LABEL\n\3\0\0\0\0\0\0\0001\n2\n", 9 + 8 + 4)));
}

TEST_F(Journald, SendsALongEntryByAFile) {
  listen();
  JournalSocket socket{path_};
  socket.send("MESSAGE=" + std::string(4 << 20, 'x') + "\n");
  std::array<char, 64> control{};
  msghdr message{};
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ASSERT_EQ(::recvmsg(server_.get(), &message, 0), 0);
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  ASSERT_NE(header, nullptr);
  int number = -1;
  std::memcpy(&number, CMSG_DATA(header), sizeof number);
  const UniqueFd file{number};
  EXPECT_EQ(::lseek(file.get(), 0, SEEK_END), (4 << 20) + 9);
}

TEST_F(Journald, IsRefusedWithoutAJournal) {
  PlainHost host{{{"socket", path_}}};
  Driver driver;
  driver.open(host);
  log::v1::Plan plan;
  try {
    driver.plan(subject_, {}, plan, call_);
    ADD_FAILURE() << "planned";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "journald is not enabled on this host");
  }
}

}  // namespace
}  // namespace gantry::journald
