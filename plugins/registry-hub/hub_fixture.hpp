#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "driver.hpp"
#include "gantry/seekable_source.hpp"
#include "scripted_server.hpp"

namespace hub {

using gantry::Error;
using gantry::registry::v1::Credentials;
using gantry::registry::v1::Descriptor;
using gantry::registry::v1::Manifest;
using gantry::registry::v1::Repository;

class TestHost final : public gantry::Host {
 public:
  std::string data_dir() const override { return "/nonexistent"; }
  std::string exec_dir() const override { return "/nonexistent"; }
  std::string libexec_dir() const override { return "/nonexistent"; }
  const gantry::Options& options() const override { return options_; }
  void log(gantry::LogLevel, std::string_view) const noexcept override {}
  void* query(std::string_view) noexcept override { return nullptr; }
  gantry::Options options_;
};

class TestCall final : public gantry::Call {
 public:
  bool cancelled() const noexcept override { return cancelled_; }
  int cancel_fd() const noexcept override { return -1; }
  void progress(const gantry::Progress& report) const override { told_ = report.action; }
  void log(gantry::LogLevel, std::string_view) const noexcept override {}
  std::atomic<bool> cancelled_{false};
  mutable std::string told_;
};

class TextSink final : public gantry::ByteSink {
 public:
  void write(std::span<const std::byte> bytes) override {
    text.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  std::string text;
};

class TextSource final : public gantry::ByteSource {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t part = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()) + at_, part, buffer.data());
    at_ += part;
    return part;
  }

 private:
  std::string text_;
  std::size_t at_{};
};

class SeekableText final : public gantry::SeekableSource {
 public:
  explicit SeekableText(std::string text) : text_(std::move(text)) {}
  std::size_t read(std::span<std::byte> buffer) override {
    const std::size_t part = std::min(buffer.size(), text_.size() - at_);
    std::copy_n(reinterpret_cast<const std::byte*>(text_.data()) + at_, part, buffer.data());
    at_ += part;
    return part;
  }
  void seek(std::uint64_t offset) override { at_ = offset; }

 private:
  std::string text_;
  std::size_t at_{};
};

inline const std::string kDigest = "sha256:" + std::string(64, 'a');

/// The driver and a registry that answers /v2/ and leaves the rest to the test.
class Hub : public ::testing::Test {
 protected:
  void serve(ScriptedServer::Script script, ScriptedServer::Appetite appetite = {}) {
    const auto answer = [this, script](const ScriptedServer::Request& request) {
      return request.target == "/v2/" ? respond(ping_status_, "{}", ping_headers_) : script(request);
    };
    server_.emplace("127.0.0.1", answer, std::move(appetite));
    driver_.open(host_);
  }
  Repository repository() const { return {server_->host(), "a/b"}; }
  Descriptor blob(std::uint64_t size) const { return {"t", kDigest, size, {}}; }

  std::string get_blob(std::uint64_t size) {
    sink_.text.clear();
    return error([&] { driver_.get_blob(repository(), blob(size), 0, credentials_, sink_, call_); });
  }
  std::string get_manifest(const std::string& reference = "1") {
    return error([&] { driver_.get_manifest(repository(), reference, credentials_, manifest_, call_); });
  }
  static std::string error(const std::function<void()>& work) {
    try {
      work();
    } catch (const Error& failure) {
      return failure.what();
    }
    return "";
  }

  int ping_status_ = 200;
  std::string ping_headers_;
  TestHost host_;
  TestCall call_;
  TextSink sink_;
  Manifest manifest_;
  Credentials credentials_;
  std::vector<std::string> tags_;
  std::optional<ScriptedServer> server_;
  Driver driver_;
};

}  // namespace hub
