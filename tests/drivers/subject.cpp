#include "subject.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "base/file.hpp"
#include "isolated/kinds.hpp"
#include "isolated/remote.hpp"
#include "plugins/catalog.hpp"
#include "plugins/host.hpp"
#include "plugins/library.hpp"
#include "plugins/options.hpp"

namespace gantry::conformance {
namespace {

namespace fs = std::filesystem;

/// What all tests of a run share.
struct UnderTest {
  Setup setup;
  std::unique_ptr<plugins::Library> library;
  std::shared_ptr<const isolated::HostProgram> host_program;  ///< Of a driver that is tried in a process of its own.
  plugins::DriverInfo info;
};

UnderTest& under_test() {
  static UnderTest shared;
  return shared;
}

/// A new object, in a process of its own if that is what is tried.
std::shared_ptr<void> new_object() {
  const UnderTest& shared = under_test();
  if (!shared.host_program) return shared.library->make();
  const isolated::Kind* kind = isolated::find_kind(shared.info.kind);
  isolated::RemoteSettings settings;
  settings.program = shared.host_program;
  settings.file = std::make_shared<const isolated::DriverFile>(shared.setup.file);
  settings.description = isolated::describe(*shared.host_program, *settings.file);
  settings.title = shared.info.kind + " driver \"" + shared.info.name + "\"";
  return kind->make_proxy(std::make_shared<isolated::Remote>(std::move(settings)), isolated::kNoLesson);
}

fs::path make_temporary_directory(const fs::path& parent) {
  std::string name = (parent / "gantry-driver-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw_errno("cannot make " + name);
  return name;
}

}  // namespace

void set_up(Setup setup) {
  UnderTest& shared = under_test();
  shared.setup = std::move(setup);
  shared.library = std::make_unique<plugins::Library>(shared.setup.file);
  shared.info = shared.library->info();
  if (shared.setup.isolated) {
    shared.host_program =
        std::make_shared<const isolated::HostProgram>(shared.setup.libexec_dir + "/gantry-driver-host");
  }
  const auto object = new_object();
  const Driver& driver = plugins::base_of(shared.info.kind, object.get());
  driver.capabilities(shared.info.capabilities);
  driver.options(shared.info.options);
  shared.info.settings = plugins::complete_options(shared.info, shared.setup.options);
  const auto& capabilities = shared.info.capabilities;
  if (std::ranges::find(capabilities, "any-options") == capabilities.end()) {
    plugins::check_options(shared.info, OptionScope::object, shared.setup.object_options);
  }
}

bool is_isolated() { return under_test().setup.isolated; }

const Options& object_options() { return under_test().setup.object_options; }

const std::string& kind_under_test() { return under_test().info.kind; }

TestCall::TestCall() : event_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (event_fd_ < 0) throw_errno("eventfd");
}

TestCall::~TestCall() { ::close(event_fd_); }

void TestCall::cancel() noexcept {
  cancelled_ = true;
  ::eventfd_write(event_fd_, 1);
}

void TestCall::progress(const Progress& report) const {
  const std::scoped_lock guard{mutex_};
  reports_.push_back(report);
}

void TestCall::log(LogLevel level, std::string_view message) const noexcept {
  std::fprintf(stderr, "driver logs (%d): %.*s\n", static_cast<int>(level), static_cast<int>(message.size()),
               message.data());
}

std::vector<Progress> TestCall::reports() const {
  const std::scoped_lock guard{mutex_};
  return reports_;
}

struct Subject::Parts {
  fs::path directory;
  std::unique_ptr<plugins::DriverHost> host;
  std::shared_ptr<void> object;
};

Subject::Subject() : parts_(std::make_unique<Parts>()) {
  parts_->directory = make_temporary_directory(under_test().setup.directory);
  fs::create_directory(parts_->directory / "scratch");
}

Subject::~Subject() {
  close();
  std::error_code ignored;
  if (mounts_left().empty()) fs::remove_all(parts_->directory, ignored);
}

void Subject::open() {
  const UnderTest& shared = under_test();
  parts_->host =
      std::make_unique<plugins::DriverHost>(std::make_shared<const plugins::DriverInfo>(shared.info),
                                            data_dir().string(), exec_dir().string(), shared.setup.libexec_dir);
  parts_->object = new_object();
  base().open(*parts_->host);
}

void Subject::close() noexcept {
  parts_->object.reset();
  parts_->host.reset();
}

std::shared_ptr<void> Subject::open_beside() const {
  std::shared_ptr<void> object = new_object();
  plugins::base_of(kind_under_test(), object.get()).open(*parts_->host);
  return object;
}

std::shared_ptr<void> Subject::make() { return under_test().library->make(); }

void* Subject::object() const noexcept { return parts_->object.get(); }

Driver& Subject::base() const noexcept { return plugins::base_of(kind_under_test(), object()); }

fs::path Subject::data_dir() const { return parts_->directory / "data"; }

fs::path Subject::exec_dir() const { return parts_->directory / "exec"; }

fs::path Subject::scratch() const { return parts_->directory / "scratch"; }

bool Subject::can(std::string_view capability) const {
  return std::ranges::find(under_test().info.capabilities, capability) != under_test().info.capabilities.end();
}

std::vector<std::string> Subject::mounts_left() const {
  std::vector<std::string> left;
  std::ifstream mounts{"/proc/self/mountinfo"};
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream fields{line};
    std::string field;
    for (int n = 0; n < 5; ++n) fields >> field;
    if (field.starts_with(parts_->directory.string() + "/")) left.push_back(field);
  }
  return left;
}

/// The last ones first: they may lie on others.
void Subject::remove_mounts() const {
  const std::vector<std::string> left = mounts_left();
  for (auto place = left.rbegin(); place != left.rend(); ++place) ::umount2(place->c_str(), MNT_DETACH);
}

void nest_directories(const std::filesystem::path& place, int depth) {
  UniqueFd here{::open(place.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)};
  for (int made = 0; made < depth; ++made) {
    ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0) << std::strerror(errno);
    here = UniqueFd{::openat(here.get(), "d", O_PATH | O_DIRECTORY | O_CLOEXEC)};
  }
}

}  // namespace gantry::conformance
