#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <exception>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "gantry/call.hpp"
#include "gantry/driver.hpp"

/// The conformance kit: one GoogleTest suite for each kind of driver, run against a shared object under test:
///
///     gantry-driver-test ./my-driver.so [--option name=value]... [--dir DIR] [--isolated] [gtest flags]
///
/// A suite is a file `<kind>_suite.cpp` in this folder; CMake picks it up. Its fixture is named after the kind
/// (Storage, Network, Volume, Runtime, Registry, Builder, or longer: StorageHostileArchive), since that is how the
/// tests for a file are chosen. A test that stands for a MUST of plugin-api/CONTRACT.md is named there.
///
///     #include "gantry/volume.hpp"
///     #include "subject.hpp"
///
///     namespace gantry::conformance {
///
///     class Volume : public Suite<volume::v1::Driver> {};
///
///     TEST_F(Volume, RemoveOfNothingSucceeds) { EXPECT_NO_THROW(driver().remove("nothing", call())); }
///
///     TEST_F(Volume, SurvivesTheDaemon) {
///       volume::v1::Volume made;
///       driver().create("data", {}, made, call());
///       reopen();  // as after the daemon's restart: a new object over the same directories
///       EXPECT_NO_THROW(driver().inspect("data", made, call()));
///     }
///
///     TEST_F(Volume, UnknownVolumeIsNotFound) {
///       volume::v1::Volume found;
///       EXPECT_ERRC(driver().inspect("nothing", found, call()), Errc::not_found);
///     }
///
///     }  // namespace gantry::conformance
///
/// Each test gets a new object of the driver over empty directories, and fails if it leaves a mount under them. The
/// program runs in mount and network namespaces of its own.
namespace gantry::conformance {

/// What the command line says.
struct Setup {
  std::string file;
  Options options;
  Options object_options;           ///< Of each volume and network that is made.
  std::filesystem::path directory;  ///< Where each test's directories are made.
  std::string libexec_dir;
  bool isolated{};  ///< In a process of its own, as with isolate-plugins.
};

void set_up(Setup setup);

/// The kind of the driver under test: "storage".
const std::string& kind_under_test();

/// Whether it is tried in a process of its own.
bool is_isolated();

/// What each volume and network is made with.
const Options& object_options();

/// A call as the daemon makes it; may be cancelled, keeps what is reported.
class TestCall final : public Call {
 public:
  TestCall();
  ~TestCall() override;
  TestCall(const TestCall&) = delete;
  TestCall& operator=(const TestCall&) = delete;

  void cancel() noexcept;

  bool cancelled() const noexcept override { return cancelled_; }
  int cancel_fd() const noexcept override { return event_fd_; }
  void progress(const Progress& report) const override;
  void log(LogLevel level, std::string_view message) const noexcept override;

  [[nodiscard]] std::vector<Progress> reports() const;

 private:
  int event_fd_;
  std::atomic<bool> cancelled_{false};
  mutable std::mutex mutex_;
  mutable std::vector<Progress> reports_;
};

/// One object of the driver under test, opened over directories of its own.
class Subject {
 public:
  Subject();
  ~Subject();  ///< Destroys the driver and removes the directories.
  Subject(const Subject&) = delete;
  Subject& operator=(const Subject&) = delete;

  void open();
  void close() noexcept;
  /// One more object over the same directories, opened while the first one is.
  [[nodiscard]] std::shared_ptr<void> open_beside() const;
  /// One that is not opened.
  [[nodiscard]] static std::shared_ptr<void> make();

  [[nodiscard]] void* object() const noexcept;  ///< As the kind's interface.
  [[nodiscard]] Driver& base() const noexcept;  ///< The same as what all kinds have in common.
  [[nodiscard]] std::filesystem::path data_dir() const;
  [[nodiscard]] std::filesystem::path exec_dir() const;
  [[nodiscard]] std::filesystem::path scratch() const;  ///< For the test's own files.
  [[nodiscard]] bool can(std::string_view capability) const;
  [[nodiscard]] std::vector<std::string> mounts_left() const;
  void remove_mounts() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// The fixture of a kind's suites.
template <class Interface>
class Suite : public ::testing::Test {
 protected:
  void SetUp() override {
    if constexpr (!std::is_same_v<Interface, Driver>) {
      if (kind_under_test() != Interface::kKind) GTEST_SKIP() << "not a " << Interface::kKind << " driver";
    }
    subject_ = std::make_unique<Subject>();
    subject_->open();
  }

  void TearDown() override {
    if (subject_ == nullptr) return;
    subject_->close();
    if (came_to_its_end()) {
      EXPECT_EQ(subject_->mounts_left(), std::vector<std::string>{}) << "the driver left mounts behind";
    }
    try {
      clear();
    } catch (const std::exception& error) {
      if (came_to_its_end()) ADD_FAILURE() << "what the test made cannot be removed: " << error.what();
    }
    subject_->close();
    subject_->remove_mounts();
    subject_.reset();
  }

  /// Removes what the test made through the driver, whose options may put it outside of the test's directories, where
  /// the next one would find it. The driver is closed.
  virtual void clear() {}

  /// Else the test has not undone what it began, which says nothing about the driver.
  static bool came_to_its_end() { return !IsSkipped() && !HasFatalFailure(); }
  [[nodiscard]] bool has_driver() const { return subject_ != nullptr && subject_->object() != nullptr; }

  Interface& driver() {
    if constexpr (std::is_same_v<Interface, Driver>) {
      return subject_->base();
    } else {
      return *static_cast<Interface*>(subject_->object());
    }
  }

  /// As after the daemon's restart: the object is destroyed, a new one opened over the same directories.
  void reopen() {
    subject_->close();
    subject_->open();
  }

  /// As at a reload of the config: a second object over the same directories.
  std::shared_ptr<Interface> beside() { return std::static_pointer_cast<Interface>(subject_->open_beside()); }

  /// As in a process of its own.
  static std::shared_ptr<Interface> unopened() { return std::static_pointer_cast<Interface>(Subject::make()); }

  TestCall& call() { return call_; }
  [[nodiscard]] const Subject& subject() const { return *subject_; }
  [[nodiscard]] bool can(std::string_view capability) const { return subject_->can(capability); }
  [[nodiscard]] std::filesystem::path scratch() const { return subject_->scratch(); }

 private:
  TestCall call_;
  std::unique_ptr<Subject> subject_;
};

/// Makes directories in each other, `depth` of them, as a hostile container may: deeper than a path can say.
void nest_directories(const std::filesystem::path& place, int depth);

/// Expects `statement` to throw gantry::Error with that code.
#define EXPECT_ERRC(statement, errc)                                             \
  do {                                                                           \
    try {                                                                        \
      statement;                                                                 \
      ADD_FAILURE() << #statement " succeeded, but " #errc " was expected";      \
    } catch (const ::gantry::Error& expected_error) {                            \
      EXPECT_EQ(static_cast<int>(expected_error.code()), static_cast<int>(errc)) \
          << #statement " failed with another code: " << expected_error.what();  \
    }                                                                            \
  } while (false)

}  // namespace gantry::conformance
