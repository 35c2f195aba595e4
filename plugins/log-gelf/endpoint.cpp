#include "endpoint.hpp"

#include <sys/random.h>
#include <zlib.h>

#include <cerrno>
#include <thread>

#include "gantry/error.hpp"

namespace gantry::gelf {

namespace {

// GELF's datagrams: what is longer goes in chunks, each behind two magic bytes, the message's number, its own and how
// many there are.
constexpr std::size_t kChunk = 1420;
constexpr std::size_t kChunkHead = 12;
constexpr std::size_t kChunkData = kChunk - kChunkHead;
constexpr std::size_t kMostChunks = 128;

}  // namespace

void Endpoint::connect() {
  const log_servers::HostPort& server = settings_.server;
  try {
    socket_ = log_servers::dial(settings_.protocol, server);
  } catch (const Error& error) {
    throw Error{error.code(),
                "gelf: cannot connect to GELF endpoint: " + server.host + ":" + server.port + " " + error.what()};
  }
}

void Endpoint::send(const std::string& message) {
  if (settings_.protocol == "udp")
    send_datagrams(message);
  else
    send_stream(message);
}

std::string Endpoint::compressed(const std::string& message) const {
  if (settings_.compression == Compression::none) return message;
  z_stream stream{};
  const int window = MAX_WBITS + (settings_.compression == Compression::gzip ? 16 : 0);
  constexpr int kMemory = 8;  // zlib's default
  if (::deflateInit2(&stream, settings_.level, Z_DEFLATED, window, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw Error{Errc::internal, "zlib cannot begin"};
  }
  std::string out(::deflateBound(&stream, message.size()), '\0');
  std::string in = message;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<unsigned>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<unsigned>(out.size());
  ::deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  ::deflateEnd(&stream);
  return out;
}

void Endpoint::send_datagrams(const std::string& message) {
  if (!socket_) connect();
  const std::string bytes = compressed(message);
  // Nobody hears whether a datagram arrives: what the last one met is no matter of this one.
  if (bytes.size() <= kChunk) {
    if (!log_servers::send_whole(socket_.get(), bytes)) log_servers::send_whole(socket_.get(), bytes);
    return;
  }
  const std::size_t count = (bytes.size() + kChunkData - 1) / kChunkData;
  if (count > kMostChunks) {
    throw Error{Errc::invalid, "gelf: a message of " + std::to_string(bytes.size()) + " bytes is too long"};
  }
  std::string head("\x1e\x0f", 2);
  head.resize(kChunkHead);
  (void)!::getrandom(head.data() + 2, 8, 0);
  head[11] = static_cast<char>(count);
  for (std::size_t i = 0; i < count; ++i) {
    head[10] = static_cast<char>(i);
    log_servers::send_whole(socket_.get(), head + bytes.substr(i * kChunkData, kChunkData));
  }
}

void Endpoint::send_stream(const std::string& message) {
  const std::string_view bytes{message.c_str(), message.size() + 1};
  if (socket_ && log_servers::send_whole(socket_.get(), bytes)) return;
  for (int attempt = 0;; ++attempt) {
    try {
      connect();
      if (log_servers::send_whole(socket_.get(), bytes)) return;
    } catch (const Error&) {
      if (attempt >= settings_.max_reconnect) throw;
    }
    if (attempt >= settings_.max_reconnect) {
      throw Error{Errc::unavailable, "gelf: cannot send: " + log_servers::error_text(errno)};
    }
    std::this_thread::sleep_for(settings_.reconnect_delay);
  }
}

}  // namespace gantry::gelf
