#include "isolated/serving.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

#include "isolated/structs.hpp"

namespace gantry::isolated {
namespace {

Error given_up() { return Error{Errc::cancelled, "the call was given up"}; }

/// One question to who calls. Errors: what its end failed with; cancelled (it is gone).
Frame asked(Line& line, FrameType question, const std::string& bytes, FrameType expected) {
  Frame answer;
  try {
    {
      const std::scoped_lock guard{line.sending};
      send_frame(line.socket.get(), question, {}, bytes);
    }
    if (!receive_frame(line.socket.get(), answer)) throw given_up();
    if (answer.type == FrameType::refused) {
      const Json why = unpack(answer.message);
      throw Error{static_cast<Errc>(why.at(0).get<int>()), why.at(1).get<std::string>()};
    }
  } catch (const BrokenLink&) {
    throw given_up();
  } catch (const Json::exception&) {
    throw given_up();
  }
  if (answer.type != expected) throw given_up();
  return answer;
}

class LineCall final : public Call {
 public:
  explicit LineCall(Line& line) : line_(line) {}

  bool cancelled() const noexcept override {
    pollfd event{line_.cancel.get(), POLLIN, 0};
    return ::poll(&event, 1, 0) > 0;
  }
  int cancel_fd() const noexcept override { return line_.cancel.get(); }
  void progress(const Progress& report) const override { tell(FrameType::progress, report); }
  void log(LogLevel level, std::string_view message) const noexcept override {
    tell(FrameType::log, std::pair{static_cast<int>(level), std::string{message}});
  }

 private:
  template <class Fact>
  void tell(FrameType type, const Fact& fact) const noexcept {
    try {
      const std::string message = pack(Json(fact));
      const std::scoped_lock guard{line_.sending};
      send_frame(line_.socket.get(), type, message);
    } catch (const std::exception&) {
      // Nobody listens any more: the call finds out by itself.
    }
  }

  Line& line_;
};

class LineTaker final : public FdTaker {
 public:
  explicit LineTaker(Line& line) : line_(line) {}

  void take(UniqueFd fd) noexcept override {
    try {
      const std::scoped_lock guard{line_.sending};
      send_frame(line_.socket.get(), FrameType::handed, {}, {}, {fd.get()}, Patience::none);
    } catch (const std::exception&) {
      // Nobody listens any more, or half a frame is out: either way the connection is of no more use.
      ::shutdown(line_.socket.get(), SHUT_RDWR);
    }
  }

 private:
  Line& line_;
};

class LineSource final : public ByteSource {
 public:
  explicit LineSource(Line& line) : line_(line) {}

  std::size_t read(std::span<std::byte> buffer) override {
    if (at_ == held_.size() && !ended_) {
      held_ = asked(line_, FrameType::read, {}, FrameType::data).bytes;
      at_ = 0;
      ended_ = held_.empty();
    }
    const std::size_t size = std::min(buffer.size(), held_.size() - at_);
    if (size > 0) std::memcpy(buffer.data(), held_.data() + at_, size);
    at_ += size;
    return size;
  }

 private:
  Line& line_;
  std::string held_;
  std::size_t at_ = 0;
  bool ended_ = false;
};

class LineSink final : public ByteSink {
 public:
  explicit LineSink(Line& line) : line_(line) {}

  void write(std::span<const std::byte> bytes) override {
    while (!bytes.empty()) {
      const std::size_t size = std::min(bytes.size(), kLargestBytes);
      const std::string part{reinterpret_cast<const char*>(bytes.data()), size};
      asked(line_, FrameType::write, part, FrameType::taken);
      bytes = bytes.subspan(size);
    }
  }

 private:
  Line& line_;
};

/// Errors: BrokenLink, Nonsense.
void answer(Line& line, Answerer& answerer, Frame& frame) {
  FrameType type = FrameType::result;
  std::string message;
  std::vector<UniqueFd> given;
  try {
    if (frame.lacks_descriptors) throw Error{Errc::exhausted, "too many files are open to take those of a call"};
    message = pack(answerer.answer(line, frame, given));
    if (message.size() > kCallBounds.bytes) {
      throw Error{Errc::exhausted, "an answer of " + std::to_string(message.size()) + " bytes is too large"};
    }
  } catch (const BrokenLink&) {
    throw;
  } catch (...) {
    const Error error = answerer.translate();
    given.clear();
    type = FrameType::failure;
    message = pack({static_cast<int>(error.code()), error.what()});
  }
  std::vector<int> descriptors;
  for (const UniqueFd& descriptor : given) descriptors.push_back(descriptor.get());
  const std::scoped_lock guard{line.sending};
  send_frame(line.socket.get(), type, message, {}, descriptors);
}

}  // namespace

struct Incoming::Parts {
  Parts(Line& line, Frame& frame)
      : descriptors(std::move(frame.descriptors)), call(line), source(line), sink(line), taker(line) {}

  std::size_t method = 0;
  Json arguments;
  std::size_t next = 0;
  std::vector<UniqueFd> descriptors;
  std::size_t next_descriptor = 0;
  std::vector<UniqueFd> given;
  LineCall call;
  LineSource source;
  LineSink sink;
  LineTaker taker;
};

Incoming::Incoming(Line& line, Frame& frame) : parts_(std::make_unique<Parts>(line, frame)) {
  Json message = unpack(std::exchange(frame.message, {}), line.bounds.values);
  if (!message.is_array() || message.size() != 2 || !message[0].is_number_unsigned() || !message[1].is_array()) {
    throw Nonsense{"this is no call"};
  }
  parts_->method = message[0].get<std::size_t>();
  parts_->arguments = std::move(message[1]);
}

Incoming::~Incoming() = default;

std::size_t Incoming::method() const noexcept { return parts_->method; }

const Json& Incoming::next() {
  if (parts_->next == parts_->arguments.size()) throw Nonsense{"a call lacks a parameter"};
  return parts_->arguments[parts_->next++];
}

int Incoming::next_descriptor() {
  if (parts_->next_descriptor == parts_->descriptors.size()) throw Nonsense{"a call lacks a descriptor"};
  return parts_->descriptors[parts_->next_descriptor++].get();
}

void Incoming::give(UniqueFd descriptor) { parts_->given.push_back(std::move(descriptor)); }

std::vector<UniqueFd> Incoming::take_given() noexcept { return std::move(parts_->given); }

const Call& Incoming::call() noexcept { return parts_->call; }

ByteSource& Incoming::source() noexcept { return parts_->source; }

ByteSink& Incoming::sink() noexcept { return parts_->sink; }

FdTaker& Incoming::taker() noexcept { return parts_->taker; }

void serve(Line& line, Answerer& answerer) noexcept {
  try {
    Frame frame;
    for (await_frame(line.socket.get()); receive_frame(line.socket.get(), frame, true, line.bounds.bytes);
         await_frame(line.socket.get())) {
      answer(line, answerer, frame);
    }
  } catch (const Nonsense& nonsense) {
    answerer.distrust(nonsense.what());
  } catch (const std::exception&) {
    // The other end is gone, or has given the call up.
  }
}

}  // namespace gantry::isolated
