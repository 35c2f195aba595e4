#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gantry/log.hpp"

/// For the tests of drivers that read files.
namespace gantry::log_files {

class PlainCall final : public Call {
 public:
  [[nodiscard]] bool cancelled() const noexcept override { return false; }
  [[nodiscard]] int cancel_fd() const noexcept override { return -1; }
  void progress(const Progress&) const override {}
  void log(LogLevel, std::string_view) const noexcept override {}
};

/// A container's folder, and what a driver finds in it.
template <class Driver>
class DriverTest : public ::testing::Test {
 protected:
  DriverTest() {
    std::string name = (std::filesystem::temp_directory_path() / "gantry-log-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
    subject_.id = std::string(64, 'a');
    subject_.name = "web";
    subject_.directory = folder_;
    driver_.plan(subject_, {}, plan_, call_);
  }
  ~DriverTest() override { std::filesystem::remove_all(folder_); }

  void append(const std::string& text, const std::string& suffix = "") const {
    std::ofstream(plan_.path + suffix, std::ios::app | std::ios::binary) << text;
  }
  std::unique_ptr<log::v1::Cursor> cursor(const log::v1::ReadRequest& request = {}) {
    return driver_.read(subject_, {}, request, call_);
  }
  std::vector<std::string> drain(log::v1::Cursor& cursor) {
    std::vector<std::string> texts;
    std::vector<log::v1::Entry> entries;
    for (cursor.next(entries, call_); !entries.empty(); cursor.next(entries, call_)) {
      for (const auto& entry : entries) texts.push_back(entry.text);
    }
    return texts;
  }
  std::string refusal(const Options& options) {
    try {
      driver_.check(options, call_);
      (void)plan_for(options);
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
  log::v1::Plan plan_for(const Options& options) {
    log::v1::Plan out;
    driver_.plan(subject_, options, out, call_);
    return out;
  }

  std::filesystem::path folder_;
  PlainCall call_;
  Driver driver_;
  log::v1::Subject subject_;
  log::v1::Plan plan_;
};

}  // namespace gantry::log_files
