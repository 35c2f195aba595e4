#include <algorithm>
#include <array>

#include "api/client_watch.hpp"
#include "api/containers.hpp"
#include "api/streams.hpp"
#include "api/websocket.hpp"
#include "containers/filter_match.hpp"
#include "containers/log_follower.hpp"

namespace gantry::api {

namespace {

using log::v1::Entry;

/// Docker's frame: the stream, three zero bytes, the length, the bytes.
void append_frame(std::string& out, bool from_stderr, std::string_view bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  const std::array<char, 8> head{static_cast<char>(from_stderr ? 2 : 1),
                                 0,
                                 0,
                                 0,
                                 static_cast<char>(size >> 24),
                                 static_cast<char>(size >> 16 & 0xff),
                                 static_cast<char>(size >> 8 & 0xff),
                                 static_cast<char>(size & 0xff)};
  out.append(head.data(), head.size());
  out.append(bytes);
}

// Always nine digits, so that columns stay columns.
std::string padded_time(Nanoseconds time) {
  const std::string text = format_rfc3339(time);
  std::string digits = text.size() > 20 ? text.substr(20, text.size() - 21) : "";
  digits.resize(9, '0');
  return text.substr(0, 19) + "." + digits + "Z";
}

// As Go's url.QueryEscape.
void append_escaped(std::string& out, std::string_view text) {
  static constexpr std::string_view kDigits = "0123456789ABCDEF";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain)
      out += c;
    else if (c == ' ')
      out += '+';
    else
      (out += '%', out += kDigits[byte >> 4U], out += kDigits[byte & 15U]);
  }
}

std::string details_of(const Entry& entry) {
  std::string out;
  for (const auto& [key, value] : entry.attributes) {
    if (!out.empty()) out += ',';
    append_escaped(out, key);
    out += '=';
    append_escaped(out, value);
  }
  return out;
}

struct Format {
  bool tty{};
  bool timestamps{};
  bool details{};
};

std::string render(const std::vector<Entry>& entries, const Format& format) {
  std::string out;
  for (const Entry& entry : entries) {
    std::string line;
    if (format.timestamps) line += padded_time(entry.time) + " ";
    if (format.details) line += details_of(entry) + " ";
    line += entry.text;
    // The last part ends its line.
    if (!entry.partial || entry.last) line += '\n';
    if (format.tty)
      out += line;
    else
      append_frame(out, entry.from_stderr, line);
  }
  return out;
}

const char* stream_type(const Request& request, bool tty) {
  const bool negotiated = request.version >= Version{1, 42};
  return negotiated && !tty ? "application/vnd.docker.multiplexed-stream" : "application/vnd.docker.raw-stream";
}

std::optional<DetachKeys> detach_keys(const Request& request, const containers::Container& container) {
  const std::string keys = request.get("detachKeys");
  if (!keys.empty()) return DetachKeys{keys};
  if (container.config.tty) return DetachKeys{""};
  return std::nullopt;
}

}  // namespace

awaitable<Response> Containers::get_logs(Exchange& exchange) {
  const Request& request = exchange.request();
  containers::LogRequest wanted;
  wanted.want_stdout = request.flag("stdout");
  wanted.want_stderr = request.flag("stderr");
  if (!wanted.want_stdout && !wanted.want_stderr) {
    throw Error{Errc::invalid, "Bad parameters: you must choose at least one stream"};
  }
  const auto container = service_.find(request.parameter("id"));
  wanted.follow = request.flag("follow");
  const std::string tail = request.get("tail");
  if (!tail.empty() && tail != "all") {
    // As dockerd, in Go's form; what is no number is "all".
    const std::string digits = tail.starts_with('+') ? tail.substr(1) : tail;
    const bool number = !digits.empty() && digits.size() < 10 &&
                        std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (number) wanted.tail = std::stoull(digits);
  }
  wanted.since = request.time("since").value_or(0);
  wanted.until = request.time("until").value_or(0);
  const Format format{container->config.tty, request.flag("timestamps"), request.flag("details")};

  const auto executor = co_await asio::this_coro::executor;
  containers::LogFollower follower{executor, service_, container->id, wanted};
  co_await exchange.start(200, stream_type(request, format.tty));
  ClientWatch watch{executor, exchange.client_gone(), [&follower] { follower.close(); }};
  std::exception_ptr failure;
  try {
    for (auto entries = co_await follower.next(); !entries.empty(); entries = co_await follower.next()) {
      const std::string text = render(entries, format);
      co_await exchange.write(text);
    }
  } catch (...) {
    failure = std::current_exception();
  }
  co_await watch.stop();
  if (failure) std::rethrow_exception(failure);
  co_return Response::done();
}

awaitable<Response> Containers::delete_logs(Exchange& exchange) {
  co_await service_.clear_logs(exchange.request().parameter("id"));
  co_return Response::no_content();
}

namespace {

struct AttachRequest {
  bool logs{};
  bool stream{};
  StreamSettings settings;
  containers::LogRequest wanted;

  [[nodiscard]] bool any() const { return settings.input || wanted.want_stdout || wanted.want_stderr; }
};

// `framed`: the client takes both outputs apart by Docker's frames.
AttachRequest read_attach(const Request& request, const containers::Container& container, bool framed) {
  // Old clients of the WebSocket get all three.
  const bool all = !framed && request.version < Version{1, 42};
  const bool tty = container.config.tty;
  AttachRequest attach;
  attach.logs = request.flag("logs");
  attach.stream = request.flag("stream");
  attach.wanted.want_stdout = all || request.flag("stdout");
  attach.wanted.want_stderr = all || request.flag("stderr");
  attach.settings.input = (all || request.flag("stdin")) && container.config.open_stdin;
  attach.settings.close_input = container.config.stdin_once;
  attach.settings.detach_keys = detach_keys(request, container);
  const bool both = attach.wanted.want_stdout && attach.wanted.want_stderr;
  if (!tty && !(both && framed)) {
    attach.settings.frames.emplace(attach.wanted.want_stdout, attach.wanted.want_stderr, framed);
  }
  return attach;
}

awaitable<void> attach_client(containers::Service& service, containers::Service::Snapshot container,
                              std::shared_ptr<containers::Attachment> attachment, std::shared_ptr<Upgraded> client,
                              AttachRequest attach, bool framed) {
  const auto executor = co_await asio::this_coro::executor;
  if (attach.logs && service.log_source(*container)) {
    containers::LogFollower past{executor, service, container->id, attach.wanted};
    const Format format{container->config.tty || !framed, false, false};
    for (auto entries = co_await past.next(); !entries.empty(); entries = co_await past.next()) {
      const std::string text = render(entries, format);
      co_await client->write(text);
    }
  }
  if (!attachment) co_return;
  // The container may never be started: then the client's leaving is what ends this.
  ClientWatch watch{executor, client->gone(), [attachment] { attachment->close(); }};
  UniqueFd socket = co_await attachment->socket();
  co_await watch.stop();
  if (!socket) co_return;
  const auto end = co_await copy_streams(client, std::move(socket), std::move(attach.settings));
  if (end == StreamEnd::detached) service.tell_detached(container->id);
}

}  // namespace

awaitable<Response> Containers::post_attach(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto container = service_.find(request.parameter("id"));
  AttachRequest attach = read_attach(request, *container, true);
  std::shared_ptr<containers::Attachment> attachment;
  if (attach.stream) attachment = co_await service_.attach(request.parameter("id"));
  if (!attach.any()) attachment.reset();
  const auto client = co_await exchange.upgrade(stream_type(request, container->config.tty));
  co_await attach_client(service_, container, attachment, client, std::move(attach), true);
  co_await hang_up(client);
  co_return Response::done();
}

awaitable<Response> Containers::get_attach_websocket(Exchange& exchange) {
  const Request& request = exchange.request();
  const auto container = service_.find(request.parameter("id"));
  AttachRequest attach = read_attach(request, *container, false);
  std::shared_ptr<containers::Attachment> attachment;
  if (attach.stream) attachment = co_await service_.attach(request.parameter("id"));
  if (!attach.any()) attachment.reset();
  auto connection = co_await exchange.upgrade_to_websocket();
  const auto client = std::make_shared<WebSocketStream>(std::move(connection), request.version < Version{1, 28});
  co_await attach_client(service_, container, attachment, client, std::move(attach), false);
  co_await hang_up(client);
  co_return Response::done();
}

}  // namespace gantry::api
