#pragma once

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/far_session.hpp"
#include "gantry/builder.hpp"
#include "gantry/error.hpp"

/// A build's session, for tests: what is asked of it is kept, and a command goes on until it is told to end.
namespace gantry::isolated {

class TestSession final : public builder::v1::Session,
                          public builder::v1::Steps,
                          public builder::v1::Loans,
                          public FarSession {
 public:
  void* query(std::string_view service) noexcept override {
    if (service == Steps::kService) return static_cast<Steps*>(this);
    return service == Loans::kService ? static_cast<Loans*>(this) : nullptr;
  }

  void output(std::string_view text) override { output(text, false); }
  void image(const std::string& reference, const std::string& platform, bool pull, builder::v1::Image& out) override {
    if (reference == "nosuch") throw Error{Errc::not_found, "No such image: nosuch"};
    if (reference == "foreign") throw std::runtime_error{"of another kind"};
    out.id = reference + " " + platform + (pull ? " pulled" : "");
    out.config.env = {"A=b"};
    out.config.health_check.emplace().test = {"CMD", "true"};
  }
  /// Of a step without a name: answers when a command has begun.
  bool cached(const builder::v1::Step& step, builder::v1::Image& out) override {
    std::unique_lock guard{mutex_};
    if (step.created_by.empty()) changed_.wait(guard, [&] { return begun_; });
    out.id = step.parent;
    out.author = step.author;
    return step.created_by == "known";
  }
  void commit(const builder::v1::Step& step, builder::v1::Image& out) override {
    out.id = step.parent + "+" + step.created_by;
  }
  std::string make_tree(const std::string& image) override { return "tree of " + image; }
  UniqueFd open_tree(const std::string& tree) override {
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) throw Error{Errc::io, "pipe"};
    UniqueFd in{pipe[1]};
    if (::write(in.get(), tree.data(), tree.size()) < 0) throw Error{Errc::io, "write"};
    return UniqueFd{pipe[0]};
  }
  void remove_tree(const std::string& /*tree*/) override {}
  std::string create_container(const builder::v1::ContainerSpec& spec) override { return "box of " + spec.image; }
  int run(const std::string& container) override { return until_ended(container); }
  void remove_container(const std::string& /*container*/) override {}

  void output(std::string_view text, bool is_error) override {
    const std::scoped_lock guard{mutex_};
    shown_ += (is_error ? "!" : "") + std::string{text};
  }
  int run(const std::string& /*container*/, builder::v1::Output& /*output*/) override {
    throw Error{Errc::internal, "the driver is far"};
  }
  void stop(const std::string& container) override {
    const std::scoped_lock guard{mutex_};
    ended_.insert(container);
    changed_.notify_all();
  }

  bool secret(const std::string& id, std::string& out) override {
    out = "content of " + id;
    return id == "known";
  }
  /// Answers on the listener's behalf: a message to whoever has connected.
  bool serve_agent(const std::string& id, int listener) override {
    const UniqueFd client{::accept(listener, nullptr, nullptr)};
    return ::send(client.get(), id.data(), id.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(id.size());
  }

  /// A command: what `say` is given comes from it, and its end is `stop`'s or `abandon`'s.
  int run(const std::string& container, FdTaker& output) override {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw Error{Errc::io, "socketpair"};
    output.take(UniqueFd{ends[1]});
    {
      const std::scoped_lock guard{mutex_};
      commands_[container] = UniqueFd{ends[0]};
      begun_ = true;
      changed_.notify_all();
    }
    return until_ended(container);
  }
  void await_room() override {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [&] { return !full_ || !abandoned_.empty(); });
  }
  void abandon(const std::string& why) override {
    const std::scoped_lock guard{mutex_};
    abandoned_ = why;
    changed_.notify_all();
  }

  /// Until the command runs; a piece of what it says.
  void say(const std::string& container, std::string_view text, bool is_error = false) {
    const int command = await_command(container);
    std::string frame{static_cast<char>(is_error ? 2 : 1), 0, 0, 0};
    for (const int shift : {24, 16, 8, 0}) frame += static_cast<char>(text.size() >> shift & 0xff);
    frame += text;
    std::string_view rest{frame};
    while (!rest.empty()) {
      const ssize_t sent = ::send(command, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) return;
      rest.remove_prefix(static_cast<std::size_t>(sent));
    }
  }
  int await_command(const std::string& container) {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [&] { return commands_.contains(container); });
    return commands_[container].get();
  }
  [[nodiscard]] std::string shown() const {
    const std::scoped_lock guard{mutex_};
    return shown_;
  }
  /// Why; empty: it is not.
  [[nodiscard]] std::string abandoned() const {
    const std::scoped_lock guard{mutex_};
    return abandoned_;
  }
  /// Until so many commands run.
  void await_commands(std::size_t count) {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [&] { return running_ == count; });
  }
  /// Whether the user takes nothing of what is shown.
  void fill(bool full) {
    const std::scoped_lock guard{mutex_};
    full_ = full;
    changed_.notify_all();
  }

 private:
  int until_ended(const std::string& container) {
    std::unique_lock guard{mutex_};
    ++running_;
    changed_.notify_all();
    changed_.wait(guard, [&] { return !abandoned_.empty() || ended_.contains(container); });
    --running_;
    commands_.erase(container);
    if (!abandoned_.empty()) throw Error{Errc::cancelled, "context canceled"};
    return 7;
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, UniqueFd> commands_;
  std::set<std::string> ended_;
  std::string shown_;
  std::string abandoned_;
  std::size_t running_ = 0;
  bool begun_ = false;
  bool full_ = false;
};

}  // namespace gantry::isolated
