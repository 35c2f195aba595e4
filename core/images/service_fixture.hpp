#pragma once

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "drivers/tar_maker.hpp"
#include "images/service.hpp"

namespace gantry::images {

/// What a daemon has around the service, over one data root.
struct Daemon {
  Daemon(const std::filesystem::path& root, const std::string& storage)
      : store(root / "state.db"), drivers(config(root, storage), workers) {
    drivers.load();
    service.emplace(store, bus, drivers, workers, root);
    service->set_users([this](const std::string& id) { return id == used ? users : std::vector<Service::User>{}; });
    EXPECT_EQ(run([this]() -> awaitable<void> { co_await service->recover(); }), "");
  }

  static plugins::DriverConfig config(const std::filesystem::path& root, const std::string& storage) {
    plugins::DriverConfig out;
    out.directories = {GANTRY_TEST_PLUGINS, GANTRY_TEST_SAMPLES};
    out.data_root = root;
    out.exec_root = root / "run";
    out.libexec_dir = root;
    out.storage = storage;
    out.runtime = "plain";
    out.options["hub"] = {{"certs-dirs", (root / "certs.d").string()}};
    return out;
  }

  /// Runs a coroutine to its end; its error's text, or "".
  std::string run(const std::function<awaitable<void>()>& work) {
    std::exception_ptr failure;
    asio::co_spawn(io, work, [&](const std::exception_ptr& thrown) {
      failure = thrown;
      io.stop();
    });
    io.restart();
    io.run();
    try {
      if (failure) std::rethrow_exception(failure);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  asio::io_context io;
  Workers workers{2, 8};
  state::Store store;
  events::Bus bus;
  plugins::Drivers drivers;
  std::optional<Service> service;
  std::string used;
  std::vector<Service::User> users;
};

/// Bytes that do not compress.
inline std::string noise(std::size_t size) {
  std::string text(size, '\0');
  std::uint64_t state = 1;
  for (char& c : text) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    c = static_cast<char>(state >> 56U);
  }
  return text;
}

inline std::string layer_tar(const std::string& name, const std::string& content) {
  conformance::TarMaker tar;
  tar.directory("d").file("d/" + name, content);
  return tar.take();
}

class ImageService : public ::testing::Test {
 protected:
  ImageService() : root_(make_root()) { start(); }
  ~ImageService() override {
    daemon_.reset();
    std::filesystem::remove_all(root_);
  }

  static std::filesystem::path make_root() {
    std::string path = std::filesystem::temp_directory_path() / "images-XXXXXX";
    return ::mkdtemp(path.data());
  }
  void start(const std::string& storage = "vfs") {
    daemon_.reset();
    daemon_.emplace(root_, storage);
  }
  Service& service() { return *daemon_->service; }
  Report report() {
    lines_.clear();
    return [this](const wire::ProgressMessage& line) {
      lines_.push_back(line.id.empty() ? line.status + line.stream : line.id + ": " + line.status);
    };
  }

  static UploadSource upload(const std::string& text) {
    return [text, at = std::size_t{0}](std::span<std::byte> buffer) mutable -> awaitable<std::size_t> {
      return read_text(text, at, buffer);
    };
  }
  static awaitable<std::size_t> read_text(const std::string& text, std::size_t& at, std::span<std::byte> buffer) {
    const std::size_t part = std::min(buffer.size(), text.size() - at);
    std::memcpy(buffer.data(), text.data() + at, part);
    at += part;
    co_return part;
  }

  std::string import(const std::string& name, const std::string& tar) {
    ImportRequest request;
    request.repository = name;
    request.changes = {"CMD [\"sh\"]", "ENV A=b", "LABEL k=v"};
    const UploadSource source = upload(tar);
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { id_ = co_await service().import(request, source, to, nullptr); });
  }
  std::string push(const std::string& image, registry::v1::Credentials credentials = {}) {
    PushRequest request;
    request.image = image;
    request.credentials = std::move(credentials);
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { co_await service().push(request, to, nullptr); });
  }
  std::string pull(const std::string& image, registry::v1::Credentials credentials = {}) {
    PullRequest request;
    request.image = image;
    request.credentials = std::move(credentials);
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { co_await service().pull(request, to, nullptr); });
  }
  std::string remove(const std::string& image, bool force = false) {
    removed_.clear();
    return daemon_->run([&]() -> awaitable<void> {
      const auto items = co_await service().remove(image, force, true);
      for (const auto& item : items) {
        removed_.push_back(item.deleted.empty() ? "Untagged: " + item.untagged : "Deleted: " + item.deleted);
      }
    });
  }
  std::string save(std::vector<std::string> names) {
    saved_.clear();
    const DownloadSink sink = [this](std::string_view piece) -> awaitable<void> { return keep(piece); };
    return daemon_->run([&]() -> awaitable<void> { co_await service().save(names, sink, nullptr); });
  }
  awaitable<void> keep(std::string_view piece) {
    saved_ += piece;
    co_return;
  }
  std::string load(const std::string& archive) {
    const UploadSource source = upload(archive);
    const Report to = report();
    return daemon_->run([&]() -> awaitable<void> { co_await service().load(source, true, to, nullptr); });
  }
  std::vector<std::string> names() {
    std::vector<std::string> out;
    for (const auto& image : service().list({})) out.insert(out.end(), image.repo_tags.begin(), image.repo_tags.end());
    return out;
  }
  std::vector<std::string> events() {
    std::vector<std::string> out;
    for (const auto& event : daemon_->bus.history(0, now(), [](const events::Event&) { return true; })) {
      out.push_back(event.action);
    }
    return out;
  }
  /// What is in the blob store and in the storage driver.
  std::size_t blobs() { return count(root_ / "blobs" / "sha256") + count(root_ / "blobs" / "ingest"); }
  std::size_t layers() {
    std::size_t held = 0;
    const auto work = [](auto& driver, const Call& call) {
      storage::v1::Holdings out;
      driver.list(out, call);
      return out.layers.size();
    };
    const plugins::CallSettings settings;
    daemon_->run([&]() -> awaitable<void> {
      held = co_await daemon_->drivers.call(daemon_->drivers.storage(), Pool::quick, settings, work);
    });
    return held;
  }
  static std::size_t count(const std::filesystem::path& folder) {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator{folder}, {}));
  }

  std::filesystem::path root_;
  std::optional<Daemon> daemon_;
  std::string id_;
  std::string saved_;
  std::vector<std::string> lines_;
  std::vector<std::string> removed_;
};

}  // namespace gantry::images
