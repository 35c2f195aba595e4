#include "containers/impl.hpp"

namespace gantry::containers {

awaitable<UniqueFd> WaitingAttachment::socket() {
  while (!settled_) {
    boost::system::error_code woken;
    co_await timer_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
  }
  co_return std::move(socket_);
}

void WaitingAttachment::give(UniqueFd socket) {
  if (settled_) return;
  settled_ = true;
  socket_ = std::move(socket);
  timer_.cancel();
}

namespace {

using Socket = std::shared_ptr<UniqueFd>;

}  // namespace

awaitable<void> Service::Impl::connect_attachments(std::string id) {
  const auto its = live(id);
  const auto waiting = std::exchange(its->attaching, {});
  if (waiting.empty()) co_return;
  const auto container = table.find(id);
  plugins::CallSettings call_settings;
  for (const auto& weak : waiting) {
    const auto attachment = weak.lock();
    if (!attachment) continue;
    const auto ask_to_attach = [id](auto& driver, const Call& call) {
      runtime::v1::Streams streams;
      driver.attach(id, streams, call);
      return std::make_shared<UniqueFd>(std::move(streams.socket));
    };
    const Socket socket = co_await at.drivers.call(runtime_of(*container), Pool::quick, call_settings, ask_to_attach);
    attachment->give(std::move(*socket));
  }
}

void Service::Impl::drop_attachments(const std::string& id) {
  for (const auto& weak : std::exchange(live(id)->attaching, {})) {
    if (const auto attachment = weak.lock()) attachment->close();
  }
}

awaitable<std::shared_ptr<Attachment>> Service::attach(std::string name) {
  // Not under the container's mutex: a stop that takes long must not keep a client from looking on.
  const auto container = impl_->find(name);
  const std::string id = container->id;
  if (container->state == State::paused) {
    throw Error{Errc::conflict, "container " + name + " is paused, unpause the container before attach"};
  }
  if (container->state == State::restarting) {
    throw Error{Errc::conflict, "container " + name + " is restarting, wait until the container is running"};
  }
  if (container->state == State::removing || container->state == State::dead) {
    throw Error{Errc::conflict, "container " + id + " is marked for removal"};
  }
  auto attachment = std::make_shared<WaitingAttachment>(impl_->executor);
  if (container->state == State::running) {
    plugins::CallSettings call_settings;
    const auto ask_to_attach = [id](auto& driver, const Call& call) {
      runtime::v1::Streams streams;
      driver.attach(id, streams, call);
      return std::make_shared<UniqueFd>(std::move(streams.socket));
    };
    const Socket socket =
        co_await impl_->at.drivers.call(impl_->runtime_of(*container), Pool::quick, call_settings, ask_to_attach);
    attachment->give(std::move(*socket));
  } else {
    auto& waiting = impl_->live(id)->attaching;
    std::erase_if(waiting, [](const auto& weak) { return weak.expired(); });
    waiting.push_back(attachment);
  }
  impl_->publish("attach", *container);
  co_return attachment;
}

void Service::tell_detached(const std::string& id) {
  if (const auto container = impl_->table.find(id)) impl_->publish("detach", *container);
}

}  // namespace gantry::containers
