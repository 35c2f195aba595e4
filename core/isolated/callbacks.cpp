#include "isolated/callbacks.hpp"

#include <sys/socket.h>

#include <nlohmann/json.hpp>
#include <system_error>

#include "gantry/error.hpp"

namespace gantry::isolated {

Callbacks::Callbacks(Answerer& answerer) : answerer_(answerer), control_(make_socket_pair()) {
  try {
    thread_ = std::thread{[this] { take_wishes(); }};
  } catch (const std::system_error& error) {
    throw Error{Errc::exhausted, std::string{"no thread for what a driver asks: "} + error.what()};
  }
}

Callbacks::~Callbacks() {
  ::shutdown(control_.ours.get(), SHUT_RDWR);
  thread_.join();
  servants_.cut();
  servants_.wait();
}

void Callbacks::take_wishes() noexcept {
  const int control = control_.ours.get();
  try {
    Frame wish;
    for (await_frame(control); receive_frame(control, wish, false, 0); await_frame(control)) {
      if (wish.type != FrameType::connection) throw Nonsense{"a connection was expected to be asked for"};
      connect();
    }
  } catch (const Nonsense& nonsense) {
    answerer_.distrust(nonsense.what());
  } catch (const std::exception&) {
    // The driver's process is gone: its call ends by itself.
  }
  ::shutdown(control, SHUT_RDWR);
}

void Callbacks::connect() {
  const int control = control_.ours.get();
  const auto refuse = [control](const std::string& why) {
    send_frame(control, FrameType::refused, pack({static_cast<int>(Errc::exhausted), why}));
  };
  if (servants_.count() >= kMostCallbacks) {
    return refuse("a driver may not ask the daemon more than " + std::to_string(kMostCallbacks) + " things at once");
  }
  SocketPair pair;
  try {
    pair = make_socket_pair();
    const auto line = std::make_shared<Line>();
    line->socket = std::move(pair.ours);
    line->bounds = kQuestionBounds;
    servants_.start(line, answerer_);
  } catch (const std::exception& error) {
    return refuse(error.what());
  }
  send_frame(control, FrameType::connection, {}, {}, {pair.theirs.get()});
}

CallbackLink::CallbackLink(int control) : control_(control), connections_([this] { return connect(); }) {}

Connection CallbackLink::connect() {
  Frame answer;
  {
    const std::scoped_lock guard{mutex_};
    send_frame(control_, FrameType::connection);
    if (!receive_frame(control_, answer, true)) throw BrokenLink{"it has ended"};
  }
  if (answer.type == FrameType::refused) {
    const Json why = unpack(answer.message);
    throw Error{static_cast<Errc>(why.at(0).get<int>()), why.at(1).get<std::string>()};
  }
  if (answer.descriptors.empty()) throw Error{Errc::exhausted, "too many files are open to ask the daemon anything"};
  Connection connection;
  connection.socket = std::move(answer.descriptors.front());
  connection.bounds = kQuestionBounds;
  return connection;
}

Json CallbackLink::call(const Request& request, const Json& message, Beside* beside) {
  try {
    return connections_.ask(FrameType::call, message, request, beside);
  } catch (const BrokenLink&) {
    throw Error{Errc::cancelled, "the daemon has given the call up"};
  }
}

Json CallbackPeer::call(const Request& request, const Json& message) { return link_.call(request, message, beside_); }

void CallbackPeer::end_trust(const std::string& why) {
  throw Error{Errc::internal, "the daemon gave an answer that makes no sense: " + why};
}

}  // namespace gantry::isolated
