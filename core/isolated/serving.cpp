#include "isolated/serving.hpp"

#include <poll.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "isolated/kinds.hpp"
#include "isolated/structs.hpp"

namespace gantry::isolated {
namespace {

Error given_up() { return Error{Errc::cancelled, "the daemon has given the call up"}; }

/// One question to the daemon. Errors: what the daemon's end failed with; cancelled (it is gone).
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

class HostOfLine final : public Host {
 public:
  HostOfLine(const Json& told, std::function<void(LogLevel, std::string_view)> log) : log_(std::move(log)) {
    told.at("data_dir").get_to(data_dir_);
    told.at("exec_dir").get_to(exec_dir_);
    told.at("libexec_dir").get_to(libexec_dir_);
    told.at("options").get_to(options_);
  }

  std::string data_dir() const override { return data_dir_; }
  std::string exec_dir() const override { return exec_dir_; }
  std::string libexec_dir() const override { return libexec_dir_; }
  const Options& options() const override { return options_; }
  void log(LogLevel level, std::string_view message) const noexcept override { log_(level, message); }
  void* query(std::string_view) noexcept override { return nullptr; }

 private:
  std::function<void(LogLevel, std::string_view)> log_;
  std::string data_dir_;
  std::string exec_dir_;
  std::string libexec_dir_;
  Options options_;
};

Json describe_served(const Served& served) {
  const Description& of = served.description;
  return {{"kind", of.kind},
          {"name", of.name},
          {"version", of.version},
          {"interface", of.interface},
          {"capabilities", of.capabilities},
          {"options", of.options}};
}

/// Answers which of the abilities that the daemon knows the driver has.
Json open_served(Served& served, const Json& told) {
  served.host = std::make_unique<HostOfLine>(told, served.log);
  served.base->open(*served.host);
  Json abilities = Json::array();
  for (const Json& ability : told.at("abilities")) {
    if (served.base->query(ability.get<std::string>()) != nullptr) abilities.push_back(ability);
  }
  return abilities;
}

Json answer_to(Line& line, Served& served, Frame& frame, std::vector<UniqueFd>& given) {
  if (!served.refusal.empty()) throw Error{Errc::invalid, served.refusal};
  if (frame.type == FrameType::describe) return describe_served(served);
  if (frame.type == FrameType::open) return open_served(served, unpack(frame.message));
  if (frame.type != FrameType::call || !served.host) throw BrokenLink{"a call was expected"};
  const Kind* kind = find_kind(served.description.kind);
  if (kind == nullptr) throw BrokenLink{"drivers of this kind are not served"};
  Incoming incoming{line, frame};
  Json answer = kind->serve(served.object.get(), incoming.method(), incoming);
  given = incoming.take_given();
  return answer;
}

/// Errors: BrokenLink.
void answer(Line& line, Served& served, Frame& frame) {
  FrameType type = FrameType::result;
  std::string message;
  std::vector<UniqueFd> given;
  try {
    if (frame.lacks_descriptors) throw Error{Errc::exhausted, "too many files are open in the driver's process"};
    message = pack(answer_to(line, served, frame, given));
    if (message.size() > kLargestMessage) {
      throw Error{Errc::exhausted, "an answer of " + std::to_string(message.size()) + " bytes is too large"};
    }
  } catch (const BrokenLink&) {
    throw;
  } catch (...) {
    const Error error = served.translate();
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
  Parts(Line& line, Frame& frame) : descriptors(std::move(frame.descriptors)), call(line), source(line), sink(line) {}

  std::size_t method = 0;
  Json arguments;
  std::size_t next = 0;
  std::vector<UniqueFd> descriptors;
  std::size_t next_descriptor = 0;
  std::vector<UniqueFd> given;
  LineCall call;
  LineSource source;
  LineSink sink;
};

Incoming::Incoming(Line& line, Frame& frame) : parts_(std::make_unique<Parts>(line, frame)) {
  Json message = unpack(frame.message);
  if (!message.is_array() || message.size() != 2 || !message[0].is_number_unsigned() || !message[1].is_array()) {
    throw BrokenLink{"this is no call"};
  }
  parts_->method = message[0].get<std::size_t>();
  parts_->arguments = std::move(message[1]);
}

Incoming::~Incoming() = default;

std::size_t Incoming::method() const noexcept { return parts_->method; }

const Json& Incoming::next() {
  if (parts_->next == parts_->arguments.size()) throw BrokenLink{"a call lacks a parameter"};
  return parts_->arguments[parts_->next++];
}

int Incoming::next_descriptor() {
  if (parts_->next_descriptor == parts_->descriptors.size()) throw BrokenLink{"a call lacks a descriptor"};
  return parts_->descriptors[parts_->next_descriptor++].get();
}

void Incoming::give(UniqueFd descriptor) { parts_->given.push_back(std::move(descriptor)); }

std::vector<UniqueFd> Incoming::take_given() noexcept { return std::move(parts_->given); }

const Call& Incoming::call() noexcept { return parts_->call; }

ByteSource& Incoming::source() noexcept { return parts_->source; }

ByteSink& Incoming::sink() noexcept { return parts_->sink; }

void serve(Line& line, Served& served) noexcept {
  try {
    Frame frame;
    while (receive_frame(line.socket.get(), frame, true)) answer(line, served, frame);
  } catch (const std::exception&) {
    // The daemon is gone, or has given the call up.
  }
}

}  // namespace gantry::isolated
