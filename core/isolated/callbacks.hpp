#pragma once

#include <mutex>
#include <thread>

#include "isolated/connections.hpp"
#include "isolated/frame.hpp"
#include "isolated/peer.hpp"
#include "isolated/servants.hpp"

/// What a driver asks back during a call: it gets an object of the daemon's with it, and calls that from any of its
/// threads. The call brings a socket, `Callbacks::theirs`; on it the driver asks for a connection whenever it has none
/// that is free, and the daemon makes and serves it. So the roles are those of a call into a driver, the other way
/// round.
namespace gantry::isolated {

/// How many connections one call may have: each costs the daemon a thread. One more is refused.
constexpr std::size_t kMostCallbacks = 64;

/// The daemon's end, for as long as the call takes.
class Callbacks {
 public:
  /// Errors: exhausted.
  explicit Callbacks(Answerer& answerer);
  /// Nothing that comes is listened to any more. Waits for what is being answered.
  ~Callbacks();
  Callbacks(const Callbacks&) = delete;
  Callbacks& operator=(const Callbacks&) = delete;

  [[nodiscard]] int theirs() const noexcept { return control_.theirs.get(); }

 private:
  void take_wishes() noexcept;
  void connect();

  Answerer& answerer_;
  SocketPair control_;
  Servants servants_;
  std::thread thread_;
};

/// The driver's end. Any thread.
class CallbackLink {
 public:
  /// `control`: what `Callbacks::theirs` is here. It stays the caller's.
  explicit CallbackLink(int control);

  /// As `Peer::call`. Errors: those of the daemon's object; cancelled (the daemon does not listen any more).
  Json call(const Request& request, const Json& message, Beside* beside);

 private:
  Connection connect();

  int control_;
  std::mutex mutex_;
  Connections connections_;
};

/// A call through it.
class CallbackPeer final : public Peer {
 public:
  explicit CallbackPeer(CallbackLink& link, Beside* beside = nullptr) : link_(link), beside_(beside) {}

  Json call(const Request& request, const Json& message) override;

 private:
  void end_trust(const std::string& why) override;

  CallbackLink& link_;
  Beside* beside_;
};

}  // namespace gantry::isolated
