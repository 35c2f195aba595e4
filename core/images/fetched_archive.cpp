#include "images/fetched_archive.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "fetch_process/fetch_process.hpp"
#include "gantry/error.hpp"
#include "images/background_task.hpp"
#include "images/manifest.hpp"

namespace gantry::images {
namespace {

using fetch_process::without_password;

constexpr std::chrono::milliseconds kTellInterval{100};

/// What the process that fetches has brought. Its end is the archive's only if it says so.
class FetchedSource final : public ByteSource {
 public:
  FetchedSource(const std::string& program, const std::string& address, Cancel cancel,
                std::atomic<std::uint64_t>& count)
      : cancel_(std::move(cancel)), count_(count) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      throw Error{Errc::io, std::string{"cannot make a pipe: "} + std::strerror(errno)};
    read_ = UniqueFd{ends[0]};
    fetching_ = std::thread{[this, program, address, write = UniqueFd{ends[1]}] {
      try {
        const std::vector<std::string> words{program, "http", std::to_string(kMaxBlob)};
        fetch_process::fetch(words, address, write.get(), "failed to GET " + without_password(address),
                             [this] { check(); });
      } catch (...) {
        failure_ = std::current_exception();
      }
    }};
  }
  ~FetchedSource() override {
    left_ = true;
    end();
  }
  FetchedSource(const FetchedSource&) = delete;
  FetchedSource& operator=(const FetchedSource&) = delete;

  std::size_t read(std::span<std::byte> buffer) override {
    if (buffer.empty()) return 0;
    for (;;) {
      const ssize_t got = read_ ? ::read(read_.get(), buffer.data(), buffer.size()) : 0;
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Error{Errc::io, std::string{"cannot read what is fetched: "} + std::strerror(errno)};
      count_ += static_cast<std::uint64_t>(got);
      if (got > 0) return static_cast<std::size_t>(got);
      end();
      if (failure_) std::rethrow_exception(failure_);
      return 0;
    }
  }

 private:
  void check() const {
    if (left_ || (cancel_ != nullptr && cancel_->cancelled())) throw Error{Errc::cancelled, "context canceled"};
  }
  void end() {
    read_.reset();
    if (fetching_.joinable()) fetching_.join();
  }

  Cancel cancel_;
  std::atomic<std::uint64_t>& count_;
  UniqueFd read_;
  std::atomic<bool> left_{};
  std::exception_ptr failure_;  ///< The thread's, until it is joined.
  std::thread fetching_;
};

}  // namespace

std::string full_address(const std::string& address) {
  return address.find("://") == std::string::npos ? "http://" + address : address;
}

awaitable<void> read_address(Context& context, std::string address, std::function<void(ByteSource&)> work,
                             Report report, Cancel cancel) {
  const std::string program = context.drivers.libexec_dir() + "/gantry-fetch";
  std::atomic<std::uint64_t> count{};
  const auto take = [&]() -> awaitable<void> {
    co_await context.workers.run(Pool::slow, [&] {
      FetchedSource source{program, address, cancel, count};
      work(source);
    });
  };
  asio::steady_timer tick{co_await asio::this_coro::executor};
  const BackgroundTask taking{co_await asio::this_coro::executor, take(), [&tick] { tick.cancel(); }};
  std::uint64_t told = 0;
  const auto tell = [&] {
    if (count == told) return;
    if (told == 0) report(status_line("Downloading from " + without_password(address)));
    report(progress_line("Importing", "", told = count));
  };
  while (!taking.done()) {
    tell();
    tick.expires_after(kTellInterval);
    boost::system::error_code woken;
    co_await tick.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  tell();
  co_await taking.join();
}

}  // namespace gantry::images
