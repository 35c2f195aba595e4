#pragma once

#include <cstddef>
#include <iterator>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "gantry/stream.hpp"
#include "isolated/peer.hpp"
#include "isolated/remote.hpp"
#include "isolated/serving.hpp"
#include "isolated/structs.hpp"

/// From a kind's interface to messages and back: both ends go by one list of the interface's methods. A method is a
/// member function, or a function whose first parameter is the driver, where a member's parameters cannot travel.
///
/// Parameters travel as values, those that are references the called one may change also back; streams and the call
/// itself stay where they are and are asked across the connection. Descriptors travel beside the messages, both ways.
namespace gantry::isolated {

/// A descriptor of the caller's among the parameters: the called one gets a copy for the time of the call. May be -1.
struct PassedFd {
  int fd = -1;
};

/// A descriptor of the called one's among what it answers: it becomes the caller's. May be empty.
struct ReturnedFd {
  UniqueFd fd;
};

template <class P>
constexpr bool is_returned = std::is_same_v<P, ReturnedFd&>;
template <class P>
constexpr bool is_value =
    !is_returned<P> && !std::is_same_v<P, const Call&> && !std::is_same_v<P, ByteSource&> &&
    !std::is_same_v<P, ByteSink&> && !std::is_same_v<P, FdTaker&> && !std::is_same_v<P, const PassedFd&>;
template <class P>
constexpr bool is_out = is_value<P>&& std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

// The caller's end.

inline void put(Request& request, const Call& call) { request.call = &call; }
inline void put(Request& request, ByteSource& source) { request.source = &source; }
inline void put(Request& request, ByteSink& sink) { request.sink = &sink; }
inline void put(Request& request, FdTaker& taker) { request.taker = &taker; }
template <class T>
void put(Json& arguments, const T& value) {
  arguments.emplace_back(value);
}

template <class R, class... P>
R call_peer(Peer& peer, std::size_t method, P... arguments) {
  Request request;
  std::vector<UniqueFd> returned;
  if constexpr ((is_returned<P&&> || ...)) request.returned = &returned;
  Json values = Json::array();
  const auto add = [&]<class A>(A&& argument) {
    if constexpr (is_value<A&&>) {
      put(values, argument);
    } else if constexpr (std::is_same_v<A&&, const PassedFd&>) {
      values.emplace_back(argument.fd >= 0);
      if (argument.fd >= 0) request.descriptors.push_back(argument.fd);
    } else if constexpr (!is_returned<A&&>) {
      put(request, std::forward<A>(argument));
    }
  };
  (add(static_cast<P&&>(arguments)), ...);
  Json message = Json::array();
  message.push_back(method);
  message.push_back(std::move(values));
  const Json reply = peer.call(request, message);
  try {
    std::size_t next = 0;
    std::size_t next_returned = 0;
    const auto take = [&]<class A>(A&& argument) {
      if constexpr (is_out<A&&>) reply.at(next++).get_to(argument);
      if constexpr (is_returned<A&&>) {
        if (reply.at(next++).template get<bool>()) argument.fd = std::move(returned.at(next_returned++));
      }
    };
    (take(static_cast<P&&>(arguments)), ...);
    if constexpr (!std::is_void_v<R>) return reply.at(next).template get<R>();
  } catch (const Json::exception& error) {
    peer.distrust(error.what());
  } catch (const std::out_of_range&) {
    peer.distrust("a descriptor is missing");
  }
}

// The end that is called.

template <class P>
struct Held {
  explicit Held(Incoming& in) : value(in.next().template get<std::remove_cvref_t<P>>()) {}
  P get() { return static_cast<P>(value); }
  void give_back(Json& out) const {
    if constexpr (is_out<P>) out.push_back(value);
  }
  std::remove_cvref_t<P> value;
};

template <>
struct Held<const Call&> {
  explicit Held(Incoming& in) : incoming(in) {}
  const Call& get() { return incoming.call(); }
  void give_back(Json&) const {}
  Incoming& incoming;
};

template <>
struct Held<ByteSource&> {
  explicit Held(Incoming& in) : incoming(in) {}
  ByteSource& get() { return incoming.source(); }
  void give_back(Json&) const {}
  Incoming& incoming;
};

template <>
struct Held<ByteSink&> {
  explicit Held(Incoming& in) : incoming(in) {}
  ByteSink& get() { return incoming.sink(); }
  void give_back(Json&) const {}
  Incoming& incoming;
};

template <>
struct Held<FdTaker&> {
  explicit Held(Incoming& in) : incoming(in) {}
  FdTaker& get() { return incoming.taker(); }
  void give_back(Json&) const {}
  Incoming& incoming;
};

template <>
struct Held<const PassedFd&> {
  explicit Held(Incoming& in) : value{in.next().get<bool>() ? in.next_descriptor() : -1} {}
  const PassedFd& get() { return value; }
  void give_back(Json&) const {}
  PassedFd value;
};

template <>
struct Held<ReturnedFd&> {
  explicit Held(Incoming& in) : incoming(in) {}
  ReturnedFd& get() { return value; }
  void give_back(Json& out) {
    out.push_back(static_cast<bool>(value.fd));
    if (value.fd) incoming.give(std::move(value.fd));
  }
  Incoming& incoming;
  ReturnedFd value;
};

template <class R, class... P, class Work>
Json call_here(Incoming& in, const Work& work) {
  std::tuple<Held<P>...> held{Held<P>(in)...};
  Json out = Json::array();
  const auto back = [&out](auto&... each) { (each.give_back(out), ...); };
  if constexpr (std::is_void_v<R>) {
    std::apply([&](auto&... each) { work(each.get()...); }, held);
    std::apply(back, held);
  } else {
    R result = std::apply([&](auto&... each) { return work(each.get()...); }, held);
    std::apply(back, held);
    out.push_back(std::move(result));
  }
  return out;
}

// Both.

template <class Method>
struct Shape;

template <class R, class Object, class... P>
struct Shape<R (Object::*)(P...)> {
  static R call(Peer& peer, std::size_t method, P... arguments) {
    return call_peer<R, P...>(peer, method, static_cast<P&&>(arguments)...);
  }
  static Json serve(R (Object::*method)(P...), Object& object, Incoming& in) {
    return call_here<R, P...>(in, [&](P... each) { return (object.*method)(static_cast<P&&>(each)...); });
  }
};

template <class R, class Object, class... P>
struct Shape<R (*)(Object&, P...)> {
  static R call(Peer& peer, std::size_t method, P... arguments) {
    return call_peer<R, P...>(peer, method, static_cast<P&&>(arguments)...);
  }
  static Json serve(R (*method)(Object&, P...), Object& object, Incoming& in) {
    return call_here<R, P...>(in, [&](P... each) { return method(object, static_cast<P&&>(each)...); });
  }
};

template <auto Method>
struct MethodTag {};

template <class Object, auto... Methods>
struct MethodList {
  template <auto Method>
  static consteval std::size_t index() {
    std::size_t at = 0;
    const bool found = ((std::is_same_v<MethodTag<Method>, MethodTag<Methods>> || (++at, false)) || ...);
    if (!found) throw "not a method of the list";
    return at;
  }

  static Json serve(void* object, std::size_t method, Incoming& in) {
    using Handler = Json (*)(Object&, Incoming&);
    constexpr Handler handlers[] = {
        [](Object& driver, Incoming& call) { return Shape<decltype(Methods)>::serve(Methods, driver, call); }...};
    if (method >= std::size(handlers)) throw Nonsense{"there is no such method"};
    return handlers[method](*static_cast<Object*>(object), in);
  }
};

/// A driver in a process of its own, for calls of one lesson.
class RemotePeer final : public Peer {
 public:
  RemotePeer(Remote& remote, Lesson lesson) : remote_(remote), lesson_(lesson) {}

  Json call(const Request& request, const Json& message) override { return remote_.call(request, message, lesson_); }

 private:
  void end_trust(const std::string& why) override { remote_.distrust(why); }

  Remote& remote_;
  Lesson lesson_;
};

/// What the proxies of all kinds have in common.
template <class Kind, class Methods>
class Proxy : public Kind {
 public:
  Proxy(std::shared_ptr<Remote> remote, Lesson lesson) : remote_(std::move(remote)), lesson_(lesson) {}

  void capabilities(Capabilities& out) const override {
    const Capabilities& known = remote_->description().capabilities;
    out.insert(out.end(), known.begin(), known.end());
  }
  void options(std::vector<OptionInfo>& out) const override {
    const std::vector<OptionInfo>& known = remote_->description().options;
    out.insert(out.end(), known.begin(), known.end());
  }
  void open(Host& host) override { remote_->open(host); }
  void* query(std::string_view name) noexcept override { return remote_->has(name) ? ability(name) : nullptr; }

 protected:
  /// The proxy of an ability that the driver has.
  virtual void* ability(std::string_view /*name*/) noexcept { return nullptr; }

  template <auto Method, class... A>
  decltype(auto) invoke(A&&... arguments) {
    RemotePeer peer{*remote_, lesson_};
    return Shape<decltype(Method)>::call(peer, Methods::template index<Method>(), std::forward<A>(arguments)...);
  }

  [[nodiscard]] const std::shared_ptr<Remote>& remote() const noexcept { return remote_; }

 private:
  std::shared_ptr<Remote> remote_;
  Lesson lesson_;
};

}  // namespace gantry::isolated
