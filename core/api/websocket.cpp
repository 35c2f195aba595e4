#include "api/websocket.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <cstring>

#include "gantry/error.hpp"

namespace gantry::api {

namespace {

constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kBinary = 2;
constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;
constexpr std::uint8_t kFinal = 0x80;
constexpr std::uint8_t kMasked = 0x80;

std::string frame(std::uint8_t opcode, std::string_view payload) {
  std::string out(1, static_cast<char>(kFinal | opcode));
  const std::uint64_t size = payload.size();
  const auto append_size = [&](int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(size >> shift & 0xff);
  };
  if (size < 126) {
    out += static_cast<char>(size);
  } else if (size < 65536) {
    out += static_cast<char>(126);
    append_size(2);
  } else {
    out += static_cast<char>(127);
    append_size(8);
  }
  return out.append(payload);
}

// Of a head whose first two bytes are there.
std::size_t head_size(const std::string& head) {
  const auto size = static_cast<std::uint8_t>(head[1]) & 0x7fU;
  return 2 + (size == 126 ? 2 : size == 127 ? 8 : 0) + 4;
}

}  // namespace

std::string websocket_accept(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr);
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded.data()), static_cast<std::size_t>(length)};
}

std::string websocket_frame(std::string_view payload, bool text) { return frame(text ? kText : kBinary, payload); }

bool WebSocketDecoder::take_head() {
  if (head_.size() < 2 || head_.size() < head_size(head_)) return false;
  opcode_ = static_cast<std::uint8_t>(head_[0]) & 0x0fU;
  if ((static_cast<std::uint8_t>(head_[1]) & kMasked) == 0) {
    throw Error{Errc::invalid, "a client's WebSocket frame must be masked"};
  }
  left_ = static_cast<std::uint8_t>(head_[1]) & 0x7fU;
  const std::size_t mask_at = head_.size() - mask_.size();
  if (left_ >= 126) {
    left_ = 0;
    for (std::size_t at = 2; at < mask_at; ++at) left_ = left_ << 8U | static_cast<std::uint8_t>(head_[at]);
  }
  if (opcode_ >= kClose && left_ > 125) throw Error{Errc::invalid, "a WebSocket control frame is too long"};
  std::memcpy(mask_.data(), head_.data() + mask_at, mask_.size());
  head_.clear();
  taken_ = 0;
  in_frame_ = true;
  return true;
}

void WebSocketDecoder::end_frame(std::string& replies) {
  in_frame_ = false;
  if (opcode_ == kPing) replies += frame(kPong, control_);
  if (opcode_ == kClose) {
    closed_ = true;
    replies += frame(kClose, control_.substr(0, 2));
  }
  control_.clear();
}

void WebSocketDecoder::decode(std::string_view input, std::string& data, std::string& replies) {
  while (!closed_ && !input.empty()) {
    if (!in_frame_) {
      head_ += input.front();
      input.remove_prefix(1);
      if (take_head() && left_ == 0) end_frame(replies);
      continue;
    }
    const std::size_t size = std::min<std::uint64_t>(left_, input.size());
    std::string& into = opcode_ >= kClose ? control_ : data;
    for (std::size_t at = 0; at < size; ++at) into += static_cast<char>(input[at] ^ mask_[taken_++ % mask_.size()]);
    input.remove_prefix(size);
    left_ -= size;
    if (left_ == 0) end_frame(replies);
  }
}

awaitable<std::size_t> WebSocketStream::read(std::span<std::byte> buffer) {
  std::array<std::byte, 4096> raw{};
  while (data_.empty() && !decoder_.closed()) {
    const std::size_t got = co_await connection_->read(raw);
    if (got == 0) co_return 0;
    std::string replies;
    decoder_.decode({reinterpret_cast<const char*>(raw.data()), got}, data_, replies);
    if (decoder_.closed()) said_goodbye_ = true;
    if (!replies.empty()) co_await send(std::move(replies));
  }
  const std::size_t size = std::min(buffer.size(), data_.size());
  std::memcpy(buffer.data(), data_.data(), size);
  data_.erase(0, size);
  co_return size;
}

awaitable<void> WebSocketStream::send(std::string bytes) {
  const auto lock = co_await sending_.lock();
  co_await connection_->write(bytes);
}

awaitable<void> WebSocketStream::write(std::string_view bytes) { co_await send(websocket_frame(bytes, text_)); }

awaitable<void> WebSocketStream::close_write() {
  if (std::exchange(said_goodbye_, true)) co_return;
  constexpr std::string_view normal{"\x03\xe8", 2};  // 1000
  std::string goodbye = frame(kClose, normal);
  try {
    co_await send(std::move(goodbye));
  } catch (const std::exception&) {
    // It has gone without waiting for it.
  }
}

awaitable<void> WebSocketStream::gone() {
  // A client that has closed its WebSocket waits for us.
  if (!decoder_.closed()) co_await connection_->gone();
}

}  // namespace gantry::api
